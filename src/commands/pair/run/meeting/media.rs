//! Audio and video with a browser: they are offered, and what comes is sent back.

use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::meeting::data::Carriage;
use crate::proto::media::echo::{Counted, Echo};
use crate::proto::media::offer::{Offer, Outcome, Section};
use crate::proto::media::srtp::Protection;
use crate::proto::media::{Kind, Traffic};
use crate::proto::signal::message::{Message, SeenStream};

/// How long the page may take beside the test itself: a person has half a minute to decide whether camera and
/// microphone may be used, and what was chosen has some seconds to begin.
const DECISION: Duration = Duration::from_secs(45);

/// What is known of it.
#[derive(Debug)]
pub struct MediaFlow {
    /// This side's first source.
    ssrc: u32,
    offer: Option<Offer>,
    outcome: Option<Outcome>,
    echo: Echo,
    protection: Option<Protection>,
    secured_at: Option<Time>,
    /// What the browser counted.
    pub(in crate::commands::pair::run) seen: Option<Vec<SeenStream>>,
    /// Datagrams that go out next.
    pub(super) packets: Vec<Vec<u8>>,
}

impl MediaFlow {
    pub(super) fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            offer: None,
            outcome: None,
            echo: Echo::default(),
            protection: None,
            secured_at: None,
            seen: None,
            packets: Vec::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.protection.as_ref()?;
        self.echo.poll_timeout()
    }

    /// What became of each that was offered; `None` if there was no offer, or no answer.
    pub(in crate::commands::pair::run) fn sections(&self) -> Option<&[Section]> {
        let outcome = self.outcome.as_ref()?;
        Some(&outcome.sections)
    }

    pub(in crate::commands::pair::run) fn counted(&self) -> Vec<Counted> {
        self.echo.counted()
    }

    fn take(&mut self, now: Time, bytes: &[u8]) -> Option<()> {
        let protection = self.protection.as_mut()?;
        if Traffic::of(bytes) == Traffic::Rtp {
            let plain = protection.open_rtp(bytes)?;
            let back = self.echo.take_rtp(now, &plain)?;
            self.packets.extend(protection.seal_rtp(&back));
        } else {
            let plain = protection.open_rtcp(bytes)?;
            self.echo.take_rtcp(now, &plain);
        }
        Some(())
    }

    /// Reports that are due.
    fn drain(&mut self) {
        while let Some(datagram) = self.echo.poll_transmit() {
            let protection = self.protection.as_mut();
            self.packets
                .extend(protection.and_then(|it| it.seal_rtcp(&datagram)));
        }
    }
}

impl Meeting<'_> {
    /// The offer with audio and video, where they are wanted and the other side knows them.
    pub(super) fn with_media(&mut self, sdp: String) -> String {
        let kinds: &[Kind] = &self.options.media;
        if kinds.is_empty() || !self.peer.knows_media {
            return sdp;
        }
        let offer = Offer::new(&sdp, kinds, self.flow.media.ssrc);
        let duration = self.options.duration.as_millis();
        self.say(Message::MediaTest {
            kinds: offer.kinds().to_vec(),
            duration_ms: u32::try_from(duration).unwrap_or(u32::MAX),
        });
        let text = offer.text().to_owned();
        self.flow.media.offer = Some(offer);
        text
    }

    /// The answer is here.
    pub(super) fn answer_media(&mut self, sdp: &str) {
        let media = &mut self.flow.media;
        if let Some(offer) = &media.offer {
            let outcome = offer.answered(sdp);
            media.echo = Echo::new(outcome.agreed.iter().cloned());
            media.outcome = Some(outcome);
        }
    }

    /// DTLS is up, and has keys.
    pub(super) fn secure_media(&mut self) {
        let now = self.clock.now();
        let media = &mut self.flow.media;
        if let (Carriage::Channel(channel), Some(outcome)) =
            (&mut self.flow.carriage, &media.outcome)
            && let Some(keys) = channel.take_media_keys()
        {
            media.secured_at = Some(now);
            media.protection = Protection::new(&keys, channel.part(), &outcome.sources);
        }
    }

    /// Whether what came is of media.
    pub(super) fn take_media(&mut self, now: Time, bytes: &[u8]) -> bool {
        if self.flow.media.offer.is_none() || Traffic::of(bytes) == Traffic::Other {
            return false;
        }
        let media = &mut self.flow.media;
        let had_begun = media.echo.has_begun();
        // What is not genuine, or belongs to nothing, is lost as on the network.
        let _ = media.take(now, bytes);
        media.drain();
        if !had_begun && media.echo.has_begun() {
            self.note(TimelineEvent::MediaReceived, None);
        }
        true
    }

    pub(super) fn tick_media(&mut self, now: Time) {
        let media = &mut self.flow.media;
        if media.poll_timeout().is_some_and(|due| due <= now) {
            media.echo.handle_timeout(now);
            media.drain();
        }
    }

    pub(super) fn take_media_seen(&mut self, streams: Vec<SeenStream>) {
        if self.flow.media.offer.is_some() && self.flow.media.seen.is_none() {
            self.note(TimelineEvent::MediaMeasured, None);
            let streams = streams.into_iter().take(bounds::MEDIA_SECTIONS);
            self.flow.media.seen = Some(streams.collect());
        }
    }

    /// Whether the page is at it, or a person has to decide.
    pub(super) fn awaits_media(&self, now: Time) -> bool {
        let media = &self.flow.media;
        let is_open = media.outcome.is_some()
            && media.seen.is_none()
            && !self.progress.has_failed
            && self.peer.end.is_none()
            && !self.peer.is_finished
            && matches!(self.flow.carriage, Carriage::Channel(_));
        let since = media.secured_at;
        is_open && since.is_some_and(|at| now < at + DECISION + self.options.duration)
    }
}
