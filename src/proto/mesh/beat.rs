//! What a member says of itself, sealed, to all others.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::words::{escaped, printable};
use crate::proto::ice::causes::Whose;
use crate::proto::signal::seal::Name;

/// Version of these messages.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// See [`VERSION`].
    pub version: u32,
    /// As it wants to be shown.
    pub name: String,
    /// Name and version of the program.
    pub software: String,
    /// Sessions that it could begin now.
    pub free: usize,
    /// It has all results, and waits for nobody.
    #[serde(default)]
    pub is_done: bool,
    /// It goes; this is its last word.
    #[serde(default)]
    pub is_leaving: bool,
    /// Everybody whom it has heard. Who is named here knows that this was not recorded in an earlier run.
    pub row: Vec<Entry>,
}

/// How it stands with the way to another member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub with: Name,
    pub stage: Stage,
    /// The session that the stage is of, from 1; before the first, 0.
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    #[default]
    Waiting,
    /// A place is kept for a session, if the other one has one too.
    Offered,
    Running,
    Done,
}

/// What came of a session, as one of the two saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub outcome: Outcome,
    /// Whether the path that there is does all that it should.
    pub is_sound: bool,
    /// The median round trip, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// Why it is no better, weightiest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Said>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Direct,
    Relayed,
    Failed,
    /// The session ended before it had a result.
    Undecided,
}

/// A cause, in the words of who reports it: "this side" is the reporting one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub code: Code,
    pub side: Whose,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeatError {
    #[error("what another member says cannot be read")]
    Malformed,
    #[error(
        "another member speaks version {0} of these messages, this one version {VERSION}: use the same version of rtcdiag on all hosts"
    )]
    Version(u32),
}

impl Report {
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt_us.map(Duration::from_micros)
    }
}

impl Beat {
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What is more than a member has to say is cut off.
    pub fn decode(text: &[u8]) -> Result<Self, BeatError> {
        #[derive(Deserialize)]
        struct AnyVersion {
            version: u32,
        }
        if text.len() > bounds::BEAT {
            return Err(BeatError::Malformed);
        }
        let any: AnyVersion = serde_json::from_slice(text).map_err(|_| BeatError::Malformed)?;
        if any.version != VERSION {
            return Err(BeatError::Version(any.version));
        }
        let mut beat: Self = serde_json::from_slice(text).map_err(|_| BeatError::Malformed)?;
        beat.name = shown(&beat.name);
        beat.software = shown(&beat.software);
        beat.free = beat.free.min(bounds::MESH_SESSIONS);
        beat.row.truncate(bounds::MESH_MEMBERS);
        let reports = beat
            .row
            .iter_mut()
            .filter_map(|entry| entry.report.as_mut());
        for report in reports {
            report.cut();
        }
        Ok(beat)
    }
}

impl Report {
    /// No more than others take.
    pub fn cut(&mut self) {
        self.causes.truncate(bounds::BEAT_CAUSES);
        for cause in &mut self.causes {
            let line = cause.message.replace('\n', " ");
            cause.message = cut(&escaped(&line), bounds::BEAT_SENTENCE);
        }
    }
}

/// A name as it is shown: it may be anything.
pub fn shown(name: &str) -> String {
    let name = cut(&printable(name), bounds::BEAT_NAME);
    if name.is_empty() {
        "?".to_owned()
    } else {
        name
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn beat() -> Beat {
        Beat {
            version: VERSION,
            name: "web".to_owned(),
            software: "rtcdiag/0.1.0".to_owned(),
            free: 3,
            is_done: false,
            is_leaving: false,
            row: vec![Entry {
                with: Name([7; 16]),
                stage: Stage::Done,
                attempt: 1,
                report: Some(Report {
                    outcome: Outcome::Relayed,
                    is_sound: true,
                    rtt_us: Some(1234),
                    causes: vec![Said {
                        code: Code::UdpBlocked,
                        side: Whose::Local,
                        message: "UDP is blocked on this side".to_owned(),
                    }],
                }),
            }],
        }
    }

    #[test]
    fn beats_are_read_as_they_are_written() {
        assert_eq!(Beat::decode(&beat().encode()), Ok(beat()));
    }

    #[test]
    fn other_versions_are_told_and_other_texts_refused() {
        let newer = Beat {
            version: 2,
            ..beat()
        };
        assert_eq!(Beat::decode(&newer.encode()), Err(BeatError::Version(2)));
        for text in ["", "{}", "[]", "null", "{\"version\":1}"] {
            let read = Beat::decode(text.as_bytes());
            assert_eq!(read, Err(BeatError::Malformed), "{text}");
        }
    }

    #[test]
    fn what_is_too_much_is_cut_off() {
        let mut large = beat();
        large.name = "\u{1b}[31m".repeat(50);
        large.row = vec![large.row[0].clone(); 100];
        if let Some(report) = &mut large.row[0].report {
            report.causes = vec![report.causes[0].clone(); 9];
            report.causes[0].message = "x".repeat(500);
        }
        let read = Beat::decode(&large.encode()).expect("it can be read");
        assert!(read.name.chars().count() <= bounds::BEAT_NAME);
        assert!(!read.name.contains('\u{1b}'));
        assert_eq!(read.row.len(), bounds::MESH_MEMBERS);
        let report = read.row[0].report.as_ref().expect("it has one");
        assert_eq!(report.causes.len(), bounds::BEAT_CAUSES);
        assert_eq!(report.causes[0].message.len(), bounds::BEAT_SENTENCE);
        large.row[0].report = None;
        large.row[0].attempt = 1;
        large.software = "x".repeat(bounds::BEAT);
        assert_eq!(Beat::decode(&large.encode()), Err(BeatError::Malformed));
        assert_eq!(shown("  "), "?");
    }

    /// The largest that an honest member says fits.
    #[test]
    fn a_full_mesh_fits() {
        let mut full = beat();
        if let Some(report) = &mut full.row[0].report {
            report.causes = vec![report.causes[0].clone(); 2];
            for cause in &mut report.causes {
                cause.message = "x".repeat(bounds::BEAT_SENTENCE);
            }
        }
        full.row = vec![full.row[0].clone(); bounds::MESH_MEMBERS];
        assert!(
            full.encode().len() <= bounds::BEAT,
            "{}",
            full.encode().len()
        );
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_decoder(bytes in any::<Vec<u8>>(), place in 0_usize..400, with in any::<u8>()) {
            let _ = Beat::decode(&bytes);
            let mut text = beat().encode();
            let place = place % text.len();
            text[place] = with;
            let _ = Beat::decode(&text);
        }
    }
}
