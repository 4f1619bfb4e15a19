//! What files say of calls: dumps and statistics of browsers, descriptions, captures.
//!
//! A reader turns the bytes of one file into a [`Record`]: the file's kind and an [`Account`] for
//! each connection in it, which is what one end of a call tells. [`calls::join`] puts the accounts of
//! several files together where they are of one call, and [`facts`] applies the rules of
//! [`crate::proto::ice::causes`] to what came together. Nothing here reads files or knows the time.
//!
//! # How another kind of file plugs in
//!
//! A reader makes accounts and nothing else. It needs no more than it knows:
//!
//! - Which end it is: [`Account::own`] is what this end told, [`Account::other`] what it was told. The
//!   user fragments (`ufrags`), candidates and fingerprints in the two are what calls are joined by. A
//!   capture has the fragments in USERNAME of the checks (RFC 8445 7.2.2: `REMOTE:LOCAL` in what is sent).
//! - A pair is a [`PairRecord`]: its ends, counters as of the end, and the times of the first check and
//!   answer. [`PairRecord::failure`] is for what only packets show: a 403 of a TURN server, ICMP.
//! - Servers that were asked are [`ServerRecord`]s, each with what became of it.
//! - States with times are [`Change`]s; DTLS is [`DtlsRecord`]; RTP is [`StreamRecord`].
//! - All times are milliseconds since 1970 by the clock of that end.
//!
//! A new kind gets a value of [`FileKind`], a rule in [`kind`], and an arm in [`read`]. One that streams
//! (a capture of a gigabyte) makes its [`Record`] itself and hands it to [`calls::join`] beside the others.

pub mod about;
pub mod account;
pub mod calls;
pub mod configuration;
pub mod described;
pub mod events;
pub mod facts;
pub mod getstats;
pub mod gzip;
pub mod internals;
pub mod kind;
pub mod lines;
pub mod own;
pub mod rtcstats;
pub mod samples;
pub mod stats;
pub mod traffic;
pub mod wall_clock;

use serde_json::de::StrRead;

pub use account::{
    Account, Change, DtlsRecord, EndRecord, Failure, Fault, FileKind, PairRecord, Place, Record,
    ServerRecord, StateKind, StreamRecord, Told, ToldCandidate,
};

/// Connections of one file that are looked at; a dump of a day has some hundreds.
pub const MAX_ACCOUNTS: usize = 20_000;
/// Candidates, pairs and changes of one connection that are kept.
pub const MAX_PARTS: usize = 200_000;

/// Reads a whole file, whatever its kind. What cannot be read is said in [`Record::faults`].
pub fn read(bytes: &[u8]) -> Record {
    let Some(kind) = kind::of(bytes) else {
        return Record::unreadable(None, kind::complaint(bytes));
    };
    if kind == FileKind::Pcap {
        return traffic::read(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => of_text(kind, text),
        // "Save Page" of Firefox writes the lower byte of each character, whatever the language.
        Err(error) if kind == FileKind::AboutWebrtc && error.error_len().is_some() => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            of_text(kind, &text)
        }
        Err(error) => {
            // A file that was cut in the middle of a character is read up to there.
            let place = error.valid_up_to();
            let whole = std::str::from_utf8(&bytes[..place]).unwrap_or_default();
            let mut record = of_text(kind, whole);
            let message = "it is not UTF-8 from there on";
            record
                .faults
                .push(Fault::new(format!("byte {place}"), message));
            record.has_gap();
            record
        }
    }
}

/// Reads the JSON values of a text one after the other, since some write one a line. Gives what ended it before its end.
fn each_value<'t>(
    text: &'t str,
    mut read: impl FnMut(&mut serde_json::Deserializer<StrRead<'t>>) -> serde_json::Result<()>,
) -> Option<Fault> {
    let mut json = serde_json::Deserializer::from_str(text);
    loop {
        if let Err(error) = read(&mut json) {
            return Some(Fault::of_json(&error));
        }
        if json.end().is_ok() {
            return None;
        }
    }
}

fn of_text(kind: FileKind, text: &str) -> Record {
    let text = text.trim_start_matches('\u{feff}');
    match kind {
        FileKind::WebrtcInternals => internals::read(text),
        FileKind::Rtcstats => rtcstats::read(text),
        FileKind::AboutWebrtc => about::read(text),
        FileKind::Getstats => getstats::read(text),
        FileKind::Sdp | FileKind::Candidates => lines::read(kind, text),
        FileKind::Rtcdiag => own::read(text),
        FileKind::Pcap => traffic::read(text.as_bytes()),
    }
}
