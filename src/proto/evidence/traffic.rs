//! Accounts from packet captures: what one host sent and heard.

mod capture;
mod host;
mod servers;

use std::net::IpAddr;

use crate::base::words::listed;
use crate::proto::capture::file::CaptureFile;
use crate::proto::capture::observer::Observer;
use crate::proto::capture::paths::PathKey;
use crate::proto::evidence::account::{Fault, FileKind, Record};
use capture::Capture;

/// Reads a capture as it comes.
#[derive(Debug, Default)]
pub struct CaptureReader {
    file: CaptureFile,
    observer: Observer,
}

impl CaptureReader {
    pub fn push(&mut self, bytes: &[u8]) {
        let observer = &mut self.observer;
        self.file.push(bytes, &mut |frame| observer.take(frame));
    }

    /// What the whole tells.
    pub fn finish(mut self) -> Record {
        self.file.finish();
        let mut record = self.record();
        if record.accounts.is_empty() && record.faults.is_empty() {
            record.faults.push(nothing_in(&self.file, &self.observer));
        }
        record
    }

    /// What has come of it tells, where the rest is not read.
    pub fn so_far(self) -> Record {
        let mut record = self.record();
        if record.accounts.is_empty() && record.faults.is_empty() {
            let why = format!("no call is in its first {} packets", self.file.frames);
            record.faults.push(Fault::new("as far as it was read", why));
        }
        record
    }

    fn record(&self) -> Record {
        let mut record = Record::of(FileKind::Pcap);
        record.faults = faults(&self.file, &self.observer);
        record.captured_at = self
            .observer
            .span
            .map(|(from, _)| from)
            .filter(|at| *at > 0.0);
        let capture = Capture::new(&self.observer);
        record.accounts = capture.accounts();
        if capture.hosts.is_supposed && !record.accounts.is_empty() {
            let here = &capture.hosts.addresses;
            let here: Vec<String> = here.iter().map(IpAddr::to_string).collect();
            record.supposed_side = Some(listed(&here));
        }
        record
    }
}

/// Why a capture tells of no call.
fn nothing_in(file: &CaptureFile, observer: &Observer) -> Fault {
    let mut in_use = observer.flows.in_use();
    let why = if file.frames == 0 {
        "there is no packet in it".to_owned()
    } else if let Some((key, sent)) = observer.flows.of_phones() {
        of_phones(key, sent)
    } else if observer.flows.has_sip() {
        "there is SIP in it, and neither ICE nor media: calls of phones without ICE are not judged; rtcdiag sdp judges the descriptions in it".to_owned()
    } else if let Some(PathKey {
        ends: [one, two], ..
    }) = in_use.next()
    {
        format!(
            "no connectivity checks are in it, though what looks like DTLS or media goes both ways between {one} and {two}: the capture was begun in the middle of a call; begin it before the call"
        )
    } else if observer.flows.has_unbound() {
        "no connectivity checks are in it, though what looks like DTLS or media goes through a TURN server: the capture was begun in the middle of a call; begin it before the call".to_owned()
    } else if observer.cut > 0 {
        format!(
            "{} of its packets are cut short, too short for connectivity checks: capture whole packets (tcpdump -s 0)",
            observer.cut
        )
    } else {
        "no connectivity checks are in it: the capture was not taken on a host of the call, or not while it was being connected, or the call had no pair of candidates to try".to_owned()
    };
    Fault::new("the whole", why)
}

/// RTP between phones, or of a call whose checks and handshake came before the capture.
fn of_phones(key: &PathKey, sent: [u32; 2]) -> String {
    let [one, two] = key.ends;
    let ways = match sent {
        [0, count] => format!("{count} packets from {two}, and none from {one}"),
        [count, 0] => format!("{count} packets from {one}, and none from {two}"),
        [first, second] => format!("{first} packets from {one} and {second} from {two}"),
    };
    format!(
        "what looks like RTP goes between {one} and {two} without ICE and DTLS ({ways}): such calls, as of phones with SIP, are not judged; of a call of WebRTC the capture was begun in the middle, and has to begin before it"
    )
}

/// Reads a capture that is in memory.
pub fn read(bytes: &[u8]) -> Record {
    let mut reader = CaptureReader::default();
    for piece in bytes.chunks(1 << 20) {
        reader.push(piece);
    }
    reader.finish()
}

fn faults(file: &CaptureFile, observer: &Observer) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some((at, why)) = file.fault {
        faults.push(Fault::new(
            format!("byte {at}, after {} packets", file.frames),
            why,
        ));
    }
    for link in &observer.unknown_links {
        faults.push(Fault::new(
            "the interface",
            format!("frames of link type {link} are not read: Ethernet, Linux cooked, raw IP and loopback are"),
        ));
    }
    if observer.fragments > 0 {
        faults.push(Fault::new(
            "some packets",
            format!(
                "{} parts of fragmented datagrams have no ports and were left out",
                observer.fragments
            ),
        ));
    }
    faults
}
