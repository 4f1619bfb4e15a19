//! How data goes over the selected pair: as it is, or with a browser in a data channel.

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::gather::run::NamedServer;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::meeting::Meeting;
use crate::net::certificate::own::{self, Identity};
use crate::proto::data_channel::fingerprint::Fingerprint;
use crate::proto::data_channel::{DataChannel, DataChannelError, Event, Part};
use crate::proto::signal::message::{IceServer, Message};
use crate::proto::stun::uri::Scheme;

#[derive(Debug, Default)]
pub enum Carriage {
    /// In datagrams of their own.
    #[default]
    Plain,
    /// In a channel, once the other side's description is here.
    Awaited(Identity),
    Channel(Box<DataChannel>),
    /// There is none any more, and why.
    Lost(ErrorReport),
}

impl Carriage {
    /// Why nothing came back over a pair that works, where the channel tells.
    pub fn trouble(&self) -> Option<ErrorReport> {
        match self {
            Self::Plain | Self::Awaited(_) => None,
            Self::Lost(error) => Some(error.clone()),
            Self::Channel(channel) if channel.was_secured() => Some(ErrorReport::new(
                Code::NoData,
                "DTLS is up, and SCTP inside of it does not answer",
            )),
            Self::Channel(_) => Some(ErrorReport::new(
                Code::DtlsFailed,
                "the DTLS handshake with the browser did not come to an end",
            )),
        }
    }
}

impl Meeting<'_> {
    /// The other side is a browser: it needs a certificate to expect, and servers.
    pub(super) fn prepare_channel(&mut self) {
        match own::make() {
            Ok(identity) => self.flow.carriage = Carriage::Awaited(identity),
            Err(why) => {
                let error = ErrorReport::new(Code::Agent, why);
                self.end = Some(Ending::Unusable(error));
            }
        }
        let servers = self.options.gather.servers.iter();
        let servers = servers.filter_map(|server| for_guest(server, self.options.shares_password));
        let servers = servers.collect();
        self.say(Message::IceServers { servers });
    }

    /// `a=fingerprint` of this side, where the other one needs it.
    pub(super) fn own_fingerprint(&self) -> Option<String> {
        match &self.flow.carriage {
            Carriage::Awaited(identity) => Some(identity.fingerprint().to_string()),
            _ => None,
        }
    }

    /// The browser's description is here. `false` if it has no channel to offer.
    pub(super) fn begin_channel(
        &mut self,
        expected: Option<Fingerprint>,
        part: Option<Part>,
    ) -> bool {
        if !matches!(self.flow.carriage, Carriage::Awaited(_)) {
            return true;
        }
        let Some(expected) = expected else {
            return false;
        };
        let Carriage::Awaited(identity) = std::mem::take(&mut self.flow.carriage) else {
            return false;
        };
        // RFC 8842 5.2: this side has offered to take either part.
        let part = match part {
            Some(Part::Waits) => Part::Begins,
            Some(Part::Begins) | None => Part::Waits,
        };
        let epoch = self.clock.instant(std::time::Duration::ZERO).into_std();
        let channel = DataChannel::new(
            self.clock.now(),
            epoch,
            identity.into_certificate(),
            expected,
            part,
        );
        self.flow.carriage = match channel {
            Ok(channel) => Carriage::Channel(Box::new(channel)),
            Err(error) => Carriage::Lost(report(&error)),
        };
        true
    }

    /// What came over the pair.
    pub(super) fn take_bytes(&mut self, bytes: &[u8]) {
        let now = self.clock.now();
        if self.take_media(now, bytes) {
            return;
        }
        match &mut self.flow.carriage {
            Carriage::Plain => self.take_data(bytes),
            Carriage::Channel(channel) => {
                channel.handle_input(now, bytes);
                self.take_channel_news();
            }
            Carriage::Awaited(_) | Carriage::Lost(_) => {}
        }
    }

    pub(super) fn tick_channel(&mut self) {
        let now = self.clock.now();
        if let Carriage::Channel(channel) = &mut self.flow.carriage
            && channel.poll_timeout().is_some_and(|due| due <= now)
        {
            channel.handle_timeout(now);
            self.take_channel_news();
        }
    }

    fn take_channel_news(&mut self) {
        while let Carriage::Channel(channel) = &mut self.flow.carriage
            && let Some(event) = channel.poll_event()
        {
            match event {
                Event::Secured => {
                    self.note(TimelineEvent::DtlsConnected, None);
                    self.secure_media();
                }
                Event::Opened => {
                    self.note(TimelineEvent::ChannelOpened, None);
                    self.flow.is_open = true;
                    self.start_quality();
                }
                Event::Message(message) => self.take_data(&message),
                Event::Failed(error) => {
                    // What it still has to say goes out first.
                    while let Some(packet) = channel.poll_transmit() {
                        self.flow.packets.push(packet);
                    }
                    let error = report(&error);
                    if error.code == Code::DtlsFailed {
                        self.note(TimelineEvent::DtlsFailed, error.message.clone());
                    }
                    self.flow.carriage = Carriage::Lost(error);
                }
            }
        }
    }

    /// Once there is a pair and what data goes in.
    pub(super) fn start_quality(&mut self) {
        let is_ready = self.flow.is_open || matches!(self.flow.carriage, Carriage::Plain);
        if is_ready && self.flow.selected.is_some() {
            self.flow.quality.start(self.clock.now());
        }
    }

    /// The datagrams that carry what waits.
    pub(super) fn carried(&mut self) -> Vec<Vec<u8>> {
        let waiting = std::mem::take(&mut self.flow.waiting);
        let mut packets = std::mem::take(&mut self.flow.packets);
        packets.append(&mut self.flow.media.packets);
        match &mut self.flow.carriage {
            Carriage::Plain => return waiting,
            Carriage::Channel(channel) => {
                let now = self.clock.now();
                for message in &waiting {
                    channel.send(now, message);
                }
                while let Some(packet) = channel.poll_transmit() {
                    packets.push(packet);
                }
            }
            Carriage::Awaited(_) | Carriage::Lost(_) => {}
        }
        packets
    }

    /// Tells the browser that the channel ends.
    pub(super) fn close_channel(&mut self) {
        if let Carriage::Channel(channel) = &mut self.flow.carriage {
            channel.close();
        }
    }
}

/// A server as a guest may have it. Credentials that were minted end by themselves and are made to be handed on; a password
/// only goes if the user says so. Without credentials a TURN server is of no use to it.
fn for_guest(server: &NamedServer, shares_password: bool) -> Option<IceServer> {
    let urls = server.uri.to_string();
    if !server.uri.is_turn() {
        // No browser knows STUN over TLS.
        return (server.uri.scheme == Scheme::Stun).then_some(IceServer {
            urls,
            username: None,
            credential: None,
        });
    }
    let credentials = server.credentials.as_ref()?;
    (credentials.is_minted() || shares_password).then(|| IceServer {
        urls,
        username: Some(credentials.username().to_owned()),
        credential: Some(credentials.password().expose().to_owned()),
    })
}

fn report(error: &DataChannelError) -> ErrorReport {
    let code = match error {
        DataChannelError::Fingerprint | DataChannelError::Dtls(_) => Code::DtlsFailed,
        DataChannelError::Sctp(_) | DataChannelError::Closed => Code::NoData,
    };
    ErrorReport::new(code, error.to_string())
}
