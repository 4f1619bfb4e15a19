//! Results of `mesh`, made up.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::commands::mesh::report::{
    HostReport, HostState, MeshResult, WayCause, WayOutcome, WayReport, WaySide,
};
use rtcdiag::commands::pair::report::{PlaceKind, PlaceReport, PlaceStatus};

pub fn host(name: &str) -> HostReport {
    HostReport {
        name: name.to_owned(),
        own: name == "alpha",
        state: HostState::Present,
        version: "0.1.0".to_owned(),
    }
}

pub fn way(a: &str, b: &str, outcome: WayOutcome, rtt_ms: Option<u64>) -> WayReport {
    WayReport {
        a: a.to_owned(),
        b: b.to_owned(),
        outcome,
        rtt_ms: rtt_ms.map(|ms| Millis(Duration::from_millis(ms))),
        causes: Vec::new(),
    }
}

pub fn cause(code: Code, side: WaySide, host: Option<&str>, message: &str) -> WayCause {
    WayCause {
        code,
        side,
        host: host.map(str::to_owned),
        message: message.to_owned(),
    }
}

fn place() -> PlaceReport {
    PlaceReport {
        url: "wss://rdv.example.org".to_owned(),
        kind: PlaceKind::Named,
        status: PlaceStatus::Reached,
        elapsed_ms: Some(Millis(Duration::from_millis(45))),
        error: None,
    }
}

/// Nobody else came.
pub fn alone() -> MeshResult {
    MeshResult {
        hosts: vec![host("alpha")],
        ways: Vec::new(),
        rendezvous: vec![place()],
        refused: Vec::new(),
    }
}

/// All ways are direct.
pub fn direct(count: usize) -> MeshResult {
    let name = |number: usize| match number {
        0 => "alpha".to_owned(),
        number => format!("host{number}"),
    };
    let names: Vec<String> = (0..count).map(name).collect();
    let mut ways = Vec::new();
    for (place, a) in names.iter().enumerate() {
        for (other, b) in names.iter().enumerate().skip(place + 1) {
            let rtt = u64::try_from(3 * place + other).ok();
            ways.push(way(a, b, WayOutcome::Direct, rtt));
        }
    }
    MeshResult {
        hosts: names.iter().map(|name| host(name)).collect(),
        ways,
        ..alone()
    }
}

/// Two of six ways go through a relay, each for a reason of its own.
pub fn half_relayed() -> MeshResult {
    let mut result = direct(4);
    for (place, message) in [
        (1, "alpha's NAT (203.0.113.1) is symmetric"),
        (4, "the NAT of host3 lets in only ports it has sent to"),
    ] {
        result.ways[place].outcome = WayOutcome::Relayed;
        result.ways[place].causes = vec![cause(
            Code::EndpointDependentMapping,
            WaySide::A,
            Some("alpha"),
            message,
        )];
    }
    result
}

/// One of four hosts has no UDP, another has gone, and there is a TURN server for some.
pub fn mixed() -> MeshResult {
    let blocked = || {
        let message = "UDP is blocked on cellar (203.0.113.9)";
        cause(Code::UdpBlocked, WaySide::B, Some("cellar"), message)
    };
    let gone = |with: &str| {
        let mut way = way(with, "delta", WayOutcome::NotTested, None);
        let message = "delta left without a message before this way was tested";
        way.causes = vec![cause(Code::PeerGone, WaySide::B, Some("delta"), message)];
        way
    };
    let mut relayed = way("alpha", "cellar", WayOutcome::Relayed, Some(41));
    relayed.causes = vec![blocked()];
    let mut failed = way("beta", "cellar", WayOutcome::Failed, None);
    let no_turn = "neither beta nor cellar has a TURN server";
    failed.causes = vec![
        blocked(),
        cause(Code::NoTurnServer, WaySide::Both, None, no_turn),
    ];
    let mut vanished = host("delta");
    vanished.state = HostState::Vanished;
    MeshResult {
        hosts: vec![host("alpha"), host("beta"), host("cellar"), vanished],
        ways: vec![
            way("alpha", "beta", WayOutcome::Direct, Some(12)),
            relayed,
            failed,
            gone("alpha"),
            gone("beta"),
            gone("cellar"),
        ],
        rendezvous: vec![
            place(),
            PlaceReport {
                url: "mqtts://mqtt.example.org".to_owned(),
                status: PlaceStatus::Failed,
                error: Some(ErrorReport::new(Code::Timeout, "no connection came about")),
                ..place()
            },
        ],
        ..alone()
    }
}
