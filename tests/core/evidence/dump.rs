//! Writes dumps as Chrome does, of calls that there is no recording of.

use serde_json::{Value, json};

/// When the calls begin: milliseconds since 1970.
pub const BEGAN: f64 = 1_795_917_971_000.0;

/// One end's dump.
#[derive(Clone)]
pub struct Dump {
    configuration: Value,
    log: Vec<Value>,
    stats: serde_json::Map<String, Value>,
    candidates: usize,
}

/// A candidate of one end.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    pub line: &'a str,
    pub url: Option<&'a str>,
}

impl Dump {
    pub fn new(servers: &[&str]) -> Self {
        let servers: Vec<Value> = servers.iter().map(|url| json!({ "urls": [url] })).collect();
        Self {
            configuration: json!({ "iceServers": servers }),
            log: Vec::new(),
            stats: serde_json::Map::new(),
            candidates: 0,
        }
    }

    pub fn with_policy(mut self, policy: &str) -> Self {
        self.configuration["iceTransportPolicy"] = json!(policy);
        self
    }

    pub fn event(mut self, after_ms: f64, name: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::Null => String::new(),
            value => value.to_string(),
        };
        self.log
            .push(json!({ "timestamp": BEGAN + after_ms, "type": name, "value": value }));
        self
    }

    pub fn describe(
        self,
        after_ms: f64,
        is_own: bool,
        kind: &str,
        ufrag: &str,
        media: &str,
    ) -> Self {
        let name = if is_own {
            "setLocalDescription"
        } else {
            "setRemoteDescription"
        };
        self.event(
            after_ms,
            name,
            json!({ "type": kind, "sdp": sdp(ufrag, kind, media) }),
        )
    }

    /// The offerer's descriptions.
    pub fn offers(self, own: &str, other: &str) -> Self {
        self.describe(10.0, true, "offer", own, AUDIO)
            .event(10.0, "onsignalingstatechange", "have-local-offer")
            .event(12.0, "onicegatheringstatechange", "gathering")
            .describe(40.0, false, "answer", other, AUDIO)
            .event(40.0, "onsignalingstatechange", "stable")
    }

    /// The answerer's.
    pub fn answers(self, own: &str, other: &str) -> Self {
        self.describe(20.0, false, "offer", other, AUDIO)
            .event(20.0, "onsignalingstatechange", "have-remote-offer")
            .describe(25.0, true, "answer", own, AUDIO)
            .event(25.0, "onsignalingstatechange", "stable")
            .event(26.0, "onicegatheringstatechange", "gathering")
    }

    pub fn finds(self, candidates: &[Told<'_>]) -> Self {
        candidates
            .iter()
            .enumerate()
            .fold(self, |dump, (place, told)| {
                let mut value =
                    json!({ "sdpMid": "0", "sdpMLineIndex": 0, "candidate": told.line });
                if let Some(url) = told.url {
                    value["url"] = json!(url);
                }
                dump.event(
                    30.0 + 10.0 * f64::from(u32::try_from(place).expect("few")),
                    "onicecandidate",
                    value,
                )
            })
    }

    pub fn gets(self, candidates: &[Told<'_>]) -> Self {
        candidates.iter().fold(self, |dump, told| {
            let value = json!({ "sdpMid": "0", "sdpMLineIndex": 0, "candidate": told.line });
            dump.event(60.0, "addIceCandidate", value)
        })
    }

    pub fn error(self, after_ms: f64, url: &str, code: u32, text: &str) -> Self {
        let value =
            json!({ "url": url, "error_code": code, "error_text": text, "address": "192.168.1.x" });
        self.event(after_ms, "onicecandidateerror", value)
    }

    /// ICE that tries, and gives up.
    pub fn fails(self) -> Self {
        self.event(80.0, "oniceconnectionstatechange", "checking")
            .event(81.0, "onconnectionstatechange", "connecting")
            .event(15_200.0, "oniceconnectionstatechange", "disconnected")
            .event(15_201.0, "onconnectionstatechange", "failed")
    }

    pub fn ice_connects(self) -> Self {
        self.event(80.0, "oniceconnectionstatechange", "checking")
            .event(81.0, "onconnectionstatechange", "connecting")
            .event(120.0, "oniceconnectionstatechange", "connected")
    }

    /// A pair with counters: requests sent, answered, received. Ends are `kind address port`, and for
    /// this end the transport to its relay.
    pub fn pair(mut self, local: &str, remote: &str, counts: [u64; 3], is_selected: bool) -> Self {
        let local = self.candidate("local-candidate", local);
        let remote = self.candidate("remote-candidate", remote);
        let id = format!("CP{local}_{remote}");
        let [sent, answered, received] = counts;
        let state = if answered > 0 {
            "succeeded"
        } else {
            "in-progress"
        };
        for (member, value) in [
            ("localCandidateId", json!(local)),
            ("remoteCandidateId", json!(remote)),
            ("state", json!(state)),
            ("nominated", json!(is_selected)),
            ("requestsSent", json!(sent)),
            ("responsesReceived", json!(answered)),
            ("requestsReceived", json!(received)),
            ("responsesSent", json!(received)),
            ("bytesReceived", json!(0)),
        ] {
            self.series(&id, "candidate-pair", member, &value);
        }
        if is_selected {
            self.series("T01", "transport", "selectedCandidatePairId", &json!(id));
        }
        self
    }

    /// A member of the pair that was added last.
    pub fn of_pair(mut self, member: &str, value: impl Into<Value>) -> Self {
        let id = format!("CPI{}_I{}", self.candidates - 1, self.candidates);
        self.series(&id, "candidate-pair", member, &value.into());
        self
    }

    /// The offerer's descriptions, where the page sets its own without naming it.
    pub fn offers_implicitly(self, own: &str, other: &str) -> Self {
        let offer = json!({ "type": "offer", "sdp": sdp(own, "offer", AUDIO) });
        self.event(10.0, "setLocalDescription", Value::Null)
            .event(10.0, "onsignalingstatechange", "have-local-offer")
            .event(11.0, "setLocalDescriptionOnSuccess", offer)
            .event(12.0, "onicegatheringstatechange", "gathering")
            .describe(40.0, false, "answer", other, AUDIO)
            .event(40.0, "onsignalingstatechange", "stable")
    }

    /// A pair that was given up at once.
    pub fn failed_pair(self, local: &str, remote: &str) -> Self {
        let mut dump = self.pair(local, remote, [1, 0, 0], false);
        let id = format!("CPI{}_I{}", dump.candidates - 1, dump.candidates);
        dump.series(&id, "candidate-pair", "state", &json!("failed"));
        dump
    }

    pub fn transport(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.series("T01", "transport", member, &value.into());
        self
    }

    /// A member of an object of any kind; streams are of audio.
    pub fn stream(mut self, id: &str, kind: &str, member: &str, value: impl Into<Value>) -> Self {
        self.series(id, kind, member, &value.into());
        if kind.ends_with("-rtp") {
            self.series(id, kind, "kind", &json!("audio"));
            self.series(id, kind, "mid", &json!("0"));
        }
        self
    }

    fn candidate(&mut self, kind: &str, end: &str) -> String {
        let parts: Vec<&str> = end.split(' ').collect();
        self.candidates += 1;
        let id = format!("I{}", self.candidates);
        for (member, value) in [
            ("candidateType", json!(parts[0])),
            ("address", json!(parts[1])),
            ("port", json!(parts[2].parse::<u16>().expect("a port"))),
            ("protocol", json!("udp")),
        ] {
            self.series(&id, kind, member, &value);
        }
        if let Some(over) = parts.get(3) {
            self.series(&id, kind, "relayProtocol", &json!(over));
        }
        id
    }

    /// All samples of a member of the pair that was added last, a second apart from one second on.
    pub fn samples(&mut self, member: &str, values: &Value) {
        let id = format!("CPI{}_I{}", self.candidates - 1, self.candidates);
        self.stats.insert(
            format!("{id}-{member}"),
            json!({
                "startTime": "2026-11-29T02:06:12.000Z", "endTime": "2026-11-29T02:06:40.000Z",
                "statsType": "candidate-pair", "values": values.to_string(),
            }),
        );
    }

    /// A member of an object at these times.
    pub fn series_of(&mut self, id: &str, kind: &str, member: &str, samples: &[(f64, Value)]) {
        let times: Vec<f64> = samples.iter().map(|(at, _)| BEGAN + at).collect();
        let values: Vec<&Value> = samples.iter().map(|(_, value)| value).collect();
        for (member, values) in [("timestamp", json!(times)), (member, json!(values))] {
            self.stats.insert(
                format!("{id}-{member}"),
                json!({
                    "startTime": "2026-11-29T02:06:13.000Z", "endTime": "2026-11-29T02:06:40.000Z",
                    "statsType": kind, "values": values.to_string(),
                }),
            );
        }
    }

    fn series(&mut self, id: &str, kind: &str, member: &str, value: &Value) {
        let times = json!([BEGAN + 1000.0, BEGAN + 14_000.0]).to_string();
        let mut add = |member: &str, values: String| {
            self.stats.insert(
                format!("{id}-{member}"),
                json!({
                    "startTime": "2026-11-29T02:06:12.000Z", "endTime": "2026-11-29T02:06:25.000Z",
                    "statsType": kind, "values": values,
                }),
            );
        };
        add("timestamp", times);
        add(member, json!([value, value]).to_string());
    }

    pub fn value(&self) -> Value {
        json!({
            "pid": 1, "url": "http://localhost/call",
            "rtcConfiguration": self.configuration.to_string(),
            "stats": self.stats, "updateLog": self.log,
        })
    }

    pub fn text(&self) -> String {
        json!({
            "timestamp": BEGAN + 20_000.0, "getUserMedia": [],
            "PeerConnections": { "11-1": self.value() },
            "UserAgent": "Mozilla/5.0 Chrome/156.0.0.0",
        })
        .to_string()
    }
}

pub const AUDIO: &str =
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n";

pub fn sdp(ufrag: &str, kind: &str, media: &str) -> String {
    let setup = if kind == "offer" { "actpass" } else { "active" };
    let print: String = ufrag
        .bytes()
        .cycle()
        .take(32)
        .map(|b| format!("{b:02X}"))
        .collect::<Vec<_>>()
        .join(":");
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {print}\r\na=setup:{setup}\r\n{media}"
    )
}
