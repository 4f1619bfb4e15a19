//! Objects of `getStats()` (W3C webrtc-stats), sample by sample, until they are an account.

mod objects;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::base::words::printable;
use crate::proto::evidence::MAX_PARTS;
use crate::proto::evidence::account::{
    Account, EndRecord, PairRecord, Place, StateKind, StreamRecord, ToldCandidate,
};
use crate::proto::evidence::described::fingerprint;
use crate::proto::evidence::events::{add_candidate, changed};
use crate::proto::ice::checks::Role;
use objects::{candidate_of, count, count_pair, end_of, never_up, number, text};

/// Whether there is anything of use in objects of a type.
pub fn is_of_use(kind: &str) -> bool {
    matches!(
        kind,
        "candidate-pair"
            | "local-candidate"
            | "remote-candidate"
            | "localcandidate"
            | "remotecandidate"
            | "transport"
            | "certificate"
            | "codec"
            | "inbound-rtp"
            | "outbound-rtp"
            | "remote-inbound-rtp"
            | "data-channel"
            | "candidatepair"
    )
}

/// Members that are read, of whatever object.
pub fn is_member_of_use(name: &str) -> bool {
    matches!(
        name,
        "type"
            | "timestamp"
            | "state"
            | "nominated"
            | "priority"
            | "requestsSent"
            | "responsesReceived"
            | "requestsReceived"
            | "responsesSent"
            | "consentRequestsSent"
            | "bytesSent"
            | "bytesReceived"
            | "currentRoundTripTime"
            | "localCandidateId"
            | "remoteCandidateId"
            | "selected"
            | "lastPacketReceivedTimestamp"
            | "writable"
            | "address"
            | "ip"
            | "ipAddress"
            | "port"
            | "portNumber"
            | "protocol"
            | "transport"
            | "candidateType"
            | "relatedAddress"
            | "relatedPort"
            | "relayProtocol"
            | "url"
            | "usernameFragment"
            | "foundation"
            | "tcpType"
            | "dtlsState"
            | "iceState"
            | "iceRole"
            | "dtlsRole"
            | "tlsVersion"
            | "dtlsCipher"
            | "selectedCandidatePairId"
            | "localCertificateId"
            | "remoteCertificateId"
            | "iceLocalUsernameFragment"
            | "fingerprint"
            | "fingerprintAlgorithm"
            | "kind"
            | "mediaType"
            | "mid"
            | "codecId"
            | "packetsSent"
            | "packetsReceived"
            | "packetsLost"
            | "jitter"
            | "framesDecoded"
            | "mimeType"
            | "clockRate"
            | "channels"
            | "messagesSent"
            | "messagesReceived"
            | "localId"
    )
}

/// Everything that was seen of one connection's statistics.
#[derive(Debug, Default)]
pub struct StatsBook {
    candidates: HashMap<String, (bool, ToldCandidate)>,
    pairs: HashMap<String, (String, String, PairRecord)>,
    /// In the order in which they came.
    order: Vec<String>,
    certificates: HashMap<String, String>,
    codecs: HashMap<String, String>,
    streams: HashMap<String, StreamRecord>,
    stream_order: Vec<String>,
    codec_of: HashMap<String, String>,
    losses: HashMap<String, i64>,
    selected: Option<String>,
    ever_selected: BTreeSet<String>,
    certificate_ids: (Option<String>, Option<String>),
    /// Whether each of them was never begun, and when it was last seen.
    transports: BTreeMap<String, (bool, Option<f64>)>,
}

/// One object at one time.
pub type Object = Map<String, Value>;

impl StatsBook {
    /// Takes in an object as it was at a time.
    pub fn see(&mut self, account: &mut Account, at: Option<f64>, id: &str, object: &Object) {
        account.saw(at);
        match text(object, "type").unwrap_or_default() {
            "candidate-pair" | "candidatepair" => self.see_pair(at, id, object),
            "local-candidate" | "localcandidate" => self.see_candidate(false, at, id, object),
            "remote-candidate" | "remotecandidate" => self.see_candidate(true, at, id, object),
            "transport" => self.see_transport(account, at, id, object),
            "certificate" => self.see_certificate(id, object),
            "codec" => self.see_codec(id, object),
            "inbound-rtp" => self.see_stream(id, object, true),
            "outbound-rtp" => self.see_stream(id, object, false),
            "remote-inbound-rtp" => {
                let lost = number(object, "packetsLost");
                if let (Some(of), Some(lost)) = (text(object, "localId"), lost) {
                    #[expect(clippy::cast_possible_truncation, reason = "a count")]
                    self.losses.insert(of.to_owned(), lost as i64);
                }
            }
            "data-channel" => self.see_channel(account, at, id, object),
            _ => {}
        }
    }

    fn see_pair(&mut self, at: Option<f64>, id: &str, object: &Object) {
        if !self.pairs.contains_key(id) {
            if self.pairs.len() >= MAX_PARTS {
                return;
            }
            self.order.push(id.to_owned());
        }
        let nobody = || EndRecord {
            kind: crate::proto::ice::candidate::CandidateType::Host,
            place: Place::Hidden,
            port: 0,
            related: None,
            relay_transport: None,
        };
        let new = || {
            (
                String::new(),
                String::new(),
                PairRecord {
                    is_counted: false,
                    ..PairRecord::new(nobody(), nobody())
                },
            )
        };
        let (local, remote, pair) = self.pairs.entry(id.to_owned()).or_insert_with(new);
        if let Some(known) = text(object, "localCandidateId") {
            known.clone_into(local);
        }
        if let Some(known) = text(object, "remoteCandidateId") {
            known.clone_into(remote);
        }
        count_pair(pair, at, object);
        // Firefox says it at the pair.
        if object.get("selected").and_then(Value::as_bool) == Some(true) {
            self.ever_selected.insert(id.to_owned());
            self.selected = Some(id.to_owned());
        }
    }

    fn see_candidate(&mut self, is_remote: bool, at: Option<f64>, id: &str, object: &Object) {
        if self.candidates.len() >= MAX_PARTS && !self.candidates.contains_key(id) {
            return;
        }
        if let Some(candidate) = candidate_of(at, object) {
            let first = self.candidates.get(id).and_then(|(_, known)| known.at);
            let candidate = ToldCandidate {
                at: first.or(candidate.at),
                ..candidate
            };
            self.candidates
                .insert(id.to_owned(), (is_remote, candidate));
        }
    }

    fn see_transport(&mut self, account: &mut Account, at: Option<f64>, id: &str, object: &Object) {
        if let Some(ufrag) = text(object, "iceLocalUsernameFragment") {
            account.own.ufrags.insert(printable(ufrag));
        }
        let state = text(object, "iceState").unwrap_or_default();
        let is_idle = state == "new" && text(object, "selectedCandidatePairId").is_none();
        if self.transports.contains_key(id) || self.transports.len() < MAX_PARTS {
            self.transports.insert(id.to_owned(), (is_idle, at));
        }
        if let Some(selected) = text(object, "selectedCandidatePairId") {
            self.ever_selected.insert(selected.to_owned());
            self.selected = Some(selected.to_owned());
        }
        // Beside one that was begun, what was not has nothing to tell of the connection.
        if is_idle && self.transports.values().any(|(is_idle, _)| !is_idle) {
            return;
        }
        let dtls = &mut account.dtls;
        let keep = |into: &mut Option<String>, name: &str| {
            if let Some(value) = text(object, name) {
                *into = Some(printable(value));
            }
        };
        keep(&mut dtls.state, "dtlsState");
        keep(&mut dtls.role, "dtlsRole");
        keep(&mut dtls.version, "tlsVersion");
        keep(&mut dtls.cipher, "dtlsCipher");
        dtls.bytes_sent = count(object, "bytesSent").unwrap_or(dtls.bytes_sent);
        dtls.bytes_received = count(object, "bytesReceived").unwrap_or(dtls.bytes_received);
        account.role = match text(object, "iceRole") {
            Some("controlling") => Some(Role::Controlling),
            Some("controlled") => Some(Role::Controlled),
            _ => account.role,
        };
        if let Some(state) = text(object, "dtlsState") {
            account.dtls.told_at = at.or(account.dtls.told_at);
            changed(account, at, StateKind::Dtls, &Value::from(state));
        }
        if let Some(state) = text(object, "iceState") {
            changed(account, at, StateKind::IceTransport, &Value::from(state));
        }
        for (into, name) in [
            (&mut self.certificate_ids.0, "localCertificateId"),
            (&mut self.certificate_ids.1, "remoteCertificateId"),
        ] {
            if let Some(id) = text(object, name) {
                *into = Some(id.to_owned());
            }
        }
    }

    fn see_certificate(&mut self, id: &str, object: &Object) {
        let parts = text(object, "fingerprintAlgorithm").zip(text(object, "fingerprint"));
        let known =
            parts.and_then(|(algorithm, digits)| fingerprint(&format!("{algorithm} {digits}")));
        if let (Some(known), true) = (known, self.certificates.len() < MAX_PARTS) {
            self.certificates.insert(id.to_owned(), known);
        }
    }

    fn see_codec(&mut self, id: &str, object: &Object) {
        let Some(kind) = text(object, "mimeType") else {
            return;
        };
        let name = kind.split_once('/').map_or(kind, |(_, name)| name);
        let mut codec = name.to_owned();
        if let Some(rate) = count(object, "clockRate") {
            codec = format!("{codec}/{rate}");
        }
        if let Some(channels) = count(object, "channels").filter(|channels| *channels > 1) {
            codec = format!("{codec}/{channels}");
        }
        if self.codecs.len() < MAX_PARTS {
            self.codecs.insert(id.to_owned(), printable(&codec));
        }
    }

    fn see_stream(&mut self, id: &str, object: &Object, is_inbound: bool) {
        if !self.streams.contains_key(id) {
            if self.streams.len() >= MAX_PARTS {
                return;
            }
            self.stream_order.push(id.to_owned());
        }
        let stream = self.streams.entry(id.to_owned()).or_default();
        if let Some(kind) = text(object, "kind").or(text(object, "mediaType")) {
            stream.kind = printable(kind);
        }
        if let Some(mid) = text(object, "mid") {
            stream.mid = Some(printable(mid));
        }
        if let Some(codec) = text(object, "codecId") {
            self.codec_of.insert(id.to_owned(), codec.to_owned());
        }
        if is_inbound {
            stream.received = count(object, "packetsReceived").or(stream.received);
            #[expect(clippy::cast_possible_truncation, reason = "a count")]
            let lost = number(object, "packetsLost").map(|lost| lost as i64);
            stream.lost = lost.or(stream.lost);
            stream.jitter_ms = number(object, "jitter")
                .map(|s| s * 1000.0)
                .or(stream.jitter_ms);
            stream.frames_decoded = count(object, "framesDecoded").or(stream.frames_decoded);
        } else {
            stream.sent = count(object, "packetsSent").or(stream.sent);
        }
    }

    fn see_channel(&mut self, account: &mut Account, at: Option<f64>, id: &str, object: &Object) {
        if let Some(state) = text(object, "state") {
            changed(account, at, StateKind::DataChannel, &Value::from(state));
        }
        if !self.streams.contains_key(id) {
            if self.streams.len() >= MAX_PARTS {
                return;
            }
            self.stream_order.push(id.to_owned());
        }
        let stream = self.streams.entry(id.to_owned()).or_default();
        "data".clone_into(&mut stream.kind);
        stream.sent = count(object, "messagesSent").or(stream.sent);
        stream.received = count(object, "messagesReceived").or(stream.received);
    }

    /// How many transports there were in the end, and how many of them were never begun.
    fn transports(&self) -> (usize, usize) {
        /// Longer than samples are apart: what is bundled has none of its own any more.
        const GONE_MS: f64 = 3000.0;
        let all = || self.transports.values();
        let last = all().filter_map(|(_, at)| *at).reduce(f64::max);
        let is_there = |at: Option<f64>| {
            let since = last.zip(at).map(|(last, at)| last - at);
            since.is_none_or(|ms| ms < GONE_MS)
        };
        let there = all().filter(|(_, at)| is_there(*at));
        (
            there.clone().count(),
            there.filter(|(is_idle, _)| *is_idle).count(),
        )
    }

    /// Puts it all into the account.
    pub fn close(mut self, account: &mut Account) {
        account.transports = self.transports();
        let known = |id: &Option<String>| {
            id.as_ref()
                .and_then(|id| self.certificates.get(id).cloned())
        };
        let (own, peer) = (
            known(&self.certificate_ids.0),
            known(&self.certificate_ids.1),
        );
        account.dtls.own_fingerprint = own.or(account.dtls.own_fingerprint.take());
        account.dtls.peer_fingerprint = peer.or(account.dtls.peer_fingerprint.take());
        for id in &self.order {
            let Some((local, remote, mut pair)) = self.pairs.remove(id) else {
                continue;
            };
            let (Some((_, local)), Some((_, remote))) =
                (self.candidates.get(&local), self.candidates.get(&remote))
            else {
                continue;
            };
            if local.is_tcp || remote.is_tcp {
                continue;
            }
            pair.local = end_of(local);
            pair.remote = end_of(remote);
            let is_ever = self.ever_selected.contains(id);
            pair.is_selected =
                self.selected.as_ref() == Some(id) || (self.selected.is_none() && is_ever);
            account.pairs.push(pair);
        }
        if self.selected.is_none() && self.ever_selected.is_empty() {
            choose(&mut account.pairs);
        }
        let mut candidates: Vec<(bool, ToldCandidate)> = self.candidates.into_values().collect();
        candidates
            .sort_by_key(|(_, candidate)| (std::cmp::Reverse(candidate.priority), candidate.port));
        for (is_remote, candidate) in candidates {
            let told = if is_remote {
                &mut account.other
            } else {
                &mut account.own
            };
            if let Some(ufrag) = &candidate.ufrag {
                told.ufrags.insert(ufrag.clone());
            }
            add_candidate(told, candidate);
        }
        if self.ever_selected.is_empty() {
            never_up(account);
        }
        for id in self.stream_order {
            let Some(mut stream) = self.streams.remove(&id) else {
                continue;
            };
            let codec = self
                .codec_of
                .get(&id)
                .and_then(|codec| self.codecs.get(codec));
            stream.codec = codec.cloned();
            // What the other end lacks of what was sent is no loss of what came.
            if stream.received.is_some() {
                stream.lost = stream.lost.or(self.losses.get(&id).copied());
            } else {
                stream.reported_lost = self.losses.get(&id).copied();
            }
            account.streams.push(stream);
        }
    }
}

/// Without an object for the transport, nothing says which pair is in use: one that is nominated and works.
fn choose(pairs: &mut [PairRecord]) {
    let works = |pair: &&mut PairRecord| pair.nominated && pair.state == "succeeded";
    let used = pairs.iter_mut().filter(works);
    let most = |pair: &&mut PairRecord| pair.bytes_sent.saturating_add(pair.bytes_received);
    if let Some(pair) = used.max_by_key(most) {
        pair.is_selected = true;
    }
}
