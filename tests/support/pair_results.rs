//! Made-up results of `pair`, as sessions on real networks have them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::base::stage::Stage;
use rtcdiag::commands::gather::report::{CandidateReport, GatherServerReport, Status};
use rtcdiag::commands::pair::report::{
    CheckState, DirectionReport, EndReport, Expected, LargestReport, MediaReport, PairReport,
    PairResult, PairState, PathKind, PlaceKind, PlaceReport, PlaceStatus, PredictionReport,
    QualityReport, Role, RttReport, SelectedReport, SessionMode, SessionReport, SideReport,
    SpanReport, TimelineEntry, TimelineEvent,
};
use rtcdiag::proto::ice::candidate::{Candidate, CandidateType};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::ice::steps::{CallKind, Course, StepReport, StepSide};
use rtcdiag::proto::media::Kind;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, Udp};
use rtcdiag::proto::signal::message::Source;
use rtcdiag::proto::stun::uri::Transport;

pub const EIM: Mapping = Mapping::EndpointIndependent;
pub const APDM: Mapping = Mapping::AddressAndPortDependent;
pub const ADF: Filtering = Filtering::AddressDependent;
pub const APDF: Filtering = Filtering::AddressAndPortDependent;

pub fn ms(micros: u64) -> Millis {
    Millis(Duration::from_micros(micros))
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn end(kind: CandidateType, address: &str) -> EndReport {
    let address: SocketAddr = address.parse().expect("an address");
    EndReport {
        kind,
        address: address.ip(),
        port: address.port(),
        interface: None,
        relay_transport: (kind == CandidateType::Relay).then_some(Transport::Udp),
    }
}

pub fn candidate(kind: CandidateType, address: &str) -> CandidateReport {
    let address: SocketAddr = address.parse().expect("an address");
    let related =
        (kind != CandidateType::Host).then(|| "192.168.1.10:40000".parse().expect("an address"));
    let line = Candidate {
        foundation: "842163049".into(),
        component: 1,
        priority: 1_694_498_815,
        address,
        kind,
        related,
    };
    CandidateReport {
        kind,
        transport: Transport::Udp,
        address: address.ip(),
        port: address.port(),
        related_address: related.map(|a| a.ip()),
        related_port: related.map(|a| a.port()),
        base: None,
        foundation: line.foundation.clone(),
        component: 1,
        priority: line.priority,
        interface: (kind == CandidateType::Host).then(|| "eth0".to_owned()),
        server: match kind {
            CandidateType::Host | CandidateType::Prflx => None,
            CandidateType::Srflx => Some("stun:stun.example.org:3478".into()),
            CandidateType::Relay => Some("turn:turn.example.org:3478".into()),
        },
        relay_transport: (kind == CandidateType::Relay).then_some(Transport::Udp),
        found_ms: ms(12_100),
        sdp: line.to_string(),
    }
}

pub fn nat(local: &str, public: &str, mapping: Mapping, filtering: Filtering) -> NatFacts {
    NatFacts {
        family: Family::of(ip(local)),
        local_address: ip(local),
        udp: Fact::Determined(Udp::Open),
        nat: Fact::Determined(local != public),
        mapping: Fact::Determined(mapping),
        filtering: Fact::Determined(filtering),
        hairpinning: Fact::not_tested(Reason::NotApplicable),
        port_moves: Fact::not_tested(Reason::NotApplicable),
        reflexive_addresses: vec![SocketAddr::new(ip(public), 40000)],
    }
}

pub fn side(nat: NatFacts, candidates: Vec<CandidateReport>) -> SideReport {
    SideReport {
        candidates,
        nat: Some(nat.clone()),
        nats: vec![nat],
        is_complete: true,
    }
}

/// A pair of which nothing came through.
pub fn silent(local: EndReport, remote: EndReport, sent: u32, arrived: Option<u32>) -> PairReport {
    let relay = |end: &EndReport| end.kind == CandidateType::Relay;
    let path = if relay(&local) || relay(&remote) {
        PathKind::Relayed
    } else {
        PathKind::Direct
    };
    PairReport {
        local,
        remote,
        priority: 7_277_816_997_797_167_103,
        state: CheckState::Failed,
        nominated: false,
        selected: false,
        path,
        requests_sent: sent,
        responses_received: 0,
        requests_received: 0,
        responses_sent: 0,
        requests_arrived: arrived,
        rtt_ms: None,
        first_sent_ms: Some(ms(31_000)),
        first_answered_ms: None,
        mapped_address: None,
        failure: None,
    }
}

/// One that works.
pub fn answered(local: EndReport, remote: EndReport) -> PairReport {
    PairReport {
        state: CheckState::Succeeded,
        responses_received: 3,
        requests_received: 2,
        responses_sent: 2,
        requests_arrived: Some(3),
        rtt_ms: Some(ms(11_900)),
        first_answered_ms: Some(ms(43_000)),
        mapped_address: Some("203.0.113.5:40000".parse().expect("an address")),
        ..silent(local, remote, 3, None)
    }
}

pub fn chosen(pair: PairReport) -> PairReport {
    PairReport {
        nominated: true,
        selected: true,
        ..pair
    }
}

pub fn failing(pair: PairReport, code: &str, message: &str) -> PairReport {
    PairReport {
        failure: Some(ErrorReport::new(code.parse().expect("a code"), message)),
        ..pair
    }
}

/// Two hosts behind NATs; nothing has happened yet.
pub fn session(own: (Mapping, Filtering), theirs: (Mapping, Filtering)) -> PairResult {
    PairResult {
        role: Role::Controlling,
        state: PairState::Failed,
        path: None,
        connected_ms: None,
        local: side(
            nat("192.168.1.10", "203.0.113.5", own.0, own.1),
            vec![
                candidate(CandidateType::Host, "192.168.1.10:40000"),
                candidate(CandidateType::Srflx, "203.0.113.5:40000"),
            ],
        ),
        remote: side(
            nat("192.168.2.10", "198.51.100.7", theirs.0, theirs.1),
            vec![
                candidate(CandidateType::Host, "192.168.2.10:50000"),
                candidate(CandidateType::Srflx, "198.51.100.7:50000"),
            ],
        ),
        pairs: Vec::new(),
        selected: None,
        quality: None,
        media: None,
        prediction: PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: "Nothing is known.".into(),
        },
        causes: Vec::new(),
        relay_causes: Vec::new(),
        timeline: timeline(),
        steps: steps(),
        session: SessionReport {
            mode: SessionMode::Rendezvous,
            rendezvous: Some("wss://rendezvous.example.org:8443".into()),
            peer_version: Some(env!("CARGO_PKG_VERSION").into()),
            peer_agrees: Some(true),
            reconnects: 0,
            refused: Vec::new(),
        },
        rendezvous: vec![PlaceReport {
            url: "wss://rendezvous.example.org:8443".into(),
            kind: PlaceKind::Named,
            status: PlaceStatus::Reached,
            elapsed_ms: Some(Millis(Duration::from_millis(12))),
            error: None,
        }],
        servers: Vec::new(),
    }
}

/// Those of the timeline.
fn steps() -> Vec<StepReport> {
    rtcdiag::proto::ice::steps::steps(&Course {
        kind: CallKind::Terminals,
        timeline: &timeline(),
        offerer: StepSide::Local,
        has_failed: false,
    })
}

fn timeline() -> Vec<TimelineEntry> {
    [
        (TimelineEvent::RendezvousJoined, 4_200, None),
        (
            TimelineEvent::CandidateFound,
            4_900,
            Some("host 192.168.1.10:40000"),
        ),
        (TimelineEvent::PeerJoined, 812_000, None),
        (TimelineEvent::DescriptionReceived, 815_000, None),
        (
            TimelineEvent::CheckSent,
            816_000,
            Some("192.168.1.10:40000 to 198.51.100.7:50000"),
        ),
    ]
    .into_iter()
    .map(|(event, at, detail)| TimelineEntry {
        at_ms: ms(at),
        side: StepSide::Local,
        event,
        detail: detail.map(str::to_owned),
    })
    .collect()
}

pub fn host() -> EndReport {
    end(CandidateType::Host, "192.168.1.10:40000")
}

pub fn their_srflx() -> EndReport {
    end(CandidateType::Srflx, "198.51.100.7:50000")
}

pub fn their_host() -> EndReport {
    end(CandidateType::Host, "192.168.2.10:50000")
}

pub fn own_relay() -> EndReport {
    end(CandidateType::Relay, "192.0.2.30:61000")
}

/// Connected over two NATs with endpoint-independent mapping.
pub fn direct() -> PairResult {
    let silence = "none of 5 checks arrived at the other side";
    PairResult {
        state: PairState::Connected,
        path: Some(PathKind::Direct),
        connected_ms: Some(ms(61_000)),
        pairs: vec![
            chosen(answered(host(), their_srflx())),
            failing(silent(host(), their_host(), 5, Some(0)), "no-response", silence),
        ],
        selected: Some(SelectedReport {
            local: end(CandidateType::Srflx, "203.0.113.5:40000"),
            remote: their_srflx(),
        }),
        quality: Some(quality(150, 150, 12_000, 800)),
        media: None,
        prediction: PredictionReport {
            expected: Expected::Direct,
            agrees: Some(true),
            because: "Over IPv4 both sides have endpoint-independent mapping and address-dependent filtering: each side sends to the address and port that the other one sends from.".into(),
        },
        ..session((EIM, ADF), (EIM, ADF))
    }
}

pub fn quality(sent: u32, received: u32, rtt: u64, jitter: u64) -> QualityReport {
    QualityReport {
        sent,
        arrived: None,
        received,
        loss_percent: f64::from(sent - received) * 100.0 / f64::from(sent.max(1)),
        rtt_ms: (received > 0).then(|| RttReport {
            min: ms(rtt - rtt / 10),
            median: ms(rtt),
            p95: ms(rtt + rtt / 10),
            max: ms(rtt * 2),
        }),
        jitter_ms: (received > 0).then(|| ms(jitter)),
        ended_after_ms: None,
        large: None,
        largest_datagram_bytes: LargestReport::default(),
        course: (received > 0)
            .then(|| SpanReport {
                at_ms: ms(0),
                sent,
                received,
                rtt_ms: Some(ms(rtt)),
            })
            .into_iter()
            .collect(),
    }
}

/// No direct path between two NATs with endpoint-dependent mapping; nothing chosen.
pub fn strict() -> PairResult {
    let silence = "none of 9 checks arrived at the other side";
    let mut result = session((APDM, APDF), (APDM, APDF));
    result.pairs = vec![
        failing(
            silent(host(), their_srflx(), 9, Some(0)),
            "no-response",
            silence,
        ),
        failing(
            silent(host(), their_host(), 9, Some(0)),
            "no-response",
            silence,
        ),
    ];
    result
}

/// The same with a relay of this side.
pub fn relayed() -> PairResult {
    let mut result = strict();
    result
        .local
        .candidates
        .push(candidate(CandidateType::Relay, "192.0.2.30:61000"));
    result
        .pairs
        .insert(0, chosen(answered(own_relay(), their_srflx())));
    result.pairs.push(failing(
        silent(own_relay(), their_host(), 0, None),
        "forbidden-ip",
        "the TURN server forbids this peer address (403)",
    ));
    PairResult {
        state: PairState::Connected,
        path: Some(PathKind::Relayed),
        connected_ms: Some(ms(170_000)),
        selected: Some(SelectedReport {
            local: own_relay(),
            remote: their_srflx(),
        }),
        quality: Some(quality(140, 139, 23_000, 1_200)),
        media: None,
        prediction: PredictionReport {
            expected: Expected::Relay,
            agrees: Some(true),
            because: "Over IPv4 both sides have address-and-port-dependent mapping and address-and-port-dependent filtering: each answer leaves from a port that the other side has not heard of. A TURN relay connects them.".into(),
        },
        ..result
    }
}

/// Nobody came.
pub fn nobody() -> PairResult {
    PairResult {
        state: PairState::NoPeer,
        remote: SideReport::default(),
        media: None,
        prediction: PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: String::new(),
        },
        session: SessionReport {
            peer_version: None,
            peer_agrees: None,
            ..direct().session
        },
        ..session((EIM, ADF), (EIM, ADF))
    }
}

/// A TURN server that does not answer.
pub fn silent_server() -> GatherServerReport {
    GatherServerReport {
        uri: "turn:turn.example.org:3478".into(),
        address: Some("192.0.2.30:3478".parse().expect("an address")),
        transport: Transport::Udp,
        local_address: Some(ip("192.168.1.10")),
        interface: Some("eth0".into()),
        status: Status::Failed,
        stage: Stage::Allocate,
        error: Some(ErrorReport::new(Code::Timeout, "no answer")),
        stages: Vec::new(),
        software: None,
        rtt_ms: None,
        elapsed_ms: ms(3_000_000),
        reflexive_address: None,
        relayed: Vec::new(),
        tls: None,
        realm: None,
        is_turn: true,
        round_trip: None,
        data_took: None,
        is_v4_mapped: false,
        is_default_route: true,
    }
}

/// A section of sound or picture that works.
pub fn section(kind: Kind) -> MediaReport {
    let direction = DirectionReport {
        packets_sent: Some(150),
        packets_received: Some(150),
        lost: Some(0),
        jitter_ms: Some(ms(1_300)),
        bitrate_kbps: Some(31.5),
        frames_decoded: None,
        freezes: None,
        keyframe_requests: None,
    };
    let is_video = kind == Kind::Video;
    let outgoing = DirectionReport {
        frames_decoded: is_video.then_some(60),
        freezes: is_video.then_some(1),
        keyframe_requests: is_video.then_some(2),
        ..direction.clone()
    };
    MediaReport {
        mid: Some(if is_video { "2" } else { "1" }.to_owned()),
        kind,
        accepted: true,
        codec: Some(
            if is_video {
                "VP8/90000"
            } else {
                "opus/48000/2"
            }
            .to_owned(),
        ),
        codec_reason: Some("the only one that both sides have".to_owned()),
        source: Some(Source::Device),
        sent: 150,
        received: 150,
        lost: Some(0),
        jitter_ms: Some(ms(1_300)),
        frames_decoded: outgoing.frames_decoded,
        reason: None,
        incoming: DirectionReport {
            keyframe_requests: outgoing.keyframe_requests,
            ..direction
        },
        outgoing,
        lacks_codec: false,
    }
}

/// Sound comes back, and for the picture there is no codec.
pub fn with_media() -> PairResult {
    let refused = MediaReport {
        accepted: false,
        codec: None,
        codec_reason: None,
        source: None,
        sent: 0,
        received: 0,
        lost: None,
        jitter_ms: None,
        frames_decoded: None,
        reason: Some("no common codec: the answerer has none of VP8/90000, H264/90000".to_owned()),
        incoming: DirectionReport::default(),
        outgoing: DirectionReport::default(),
        lacks_codec: true,
        ..section(Kind::Video)
    };
    PairResult {
        media: Some(vec![section(Kind::Audio), refused]),
        ..direct()
    }
}
