//! The summary of a session is at most three lines of 80 columns, whatever the cause, its side and what would help:
//! every situation of these lists with every other, seen from both ends, with addresses as long as they become.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::pair::report::{
    EndReport, LargeReport, LargestReport, PairReport, PairResult, PairState, PathKind,
    SelectedReport,
};
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, verdict};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{EndedRelay, OwnRelay, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use rtcdiag::proto::stun::uri::Transport;

use super::plural;
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, candidate, chosen, end, failing, host, quality, session, silent,
    silent_server, their_host, their_srflx,
};

const EIF: Filtering = Filtering::EndpointIndependent;
const ADM: Mapping = Mapping::AddressDependent;
const URI: &str = "turns:turn-server.example.org:5349?transport=tcp";
/// What stands in its way, and what each side's relay is like.
type Change = fn(&mut Known);

/// A session, and what both sides know beside it.
#[derive(Clone)]
struct Known {
    result: PairResult,
    context: Context,
    /// Errors of each side's TURN server.
    errors: [Option<Code>; 2],
}

fn natted(own: (Mapping, Filtering), theirs: (Mapping, Filtering)) -> Known {
    let mut result = session(own, theirs);
    result.pairs = vec![
        failing(
            silent(host(), their_srflx(), 99, Some(0)),
            "no-response",
            "none of them",
        ),
        failing(
            silent(host(), their_host(), 99, Some(0)),
            "no-response",
            "none of them",
        ),
    ];
    Known {
        result,
        context: Context {
            peer_servers: Some(Vec::new()),
            ..Context::default()
        },
        errors: [None, None],
    }
}

fn nat(known: &mut Known, which: usize) -> &mut NatFacts {
    let result = &mut known.result;
    &mut [&mut result.local, &mut result.remote][which].nats[0]
}

fn blocked(known: &mut Known, which: usize) {
    let nat = nat(known, which);
    *nat = NatFacts::blocked(nat.family, nat.local_address);
    let result = &mut known.result;
    [&mut result.local, &mut result.remote][which]
        .candidates
        .truncate(1);
}

fn pooled(known: &mut Known, which: usize) {
    let nat = nat(known, which);
    nat.mapping = Fact::inconclusive(Reason::AddressPooling, "two addresses");
    let mut other = nat.reflexive_addresses[0];
    other.set_ip(
        ["203.0.113.6", "198.51.100.8"][which]
            .parse()
            .expect("valid"),
    );
    nat.reflexive_addresses.push(other);
}

fn all_say(known: &mut Known, code: &str) {
    for pair in &mut known.result.pairs {
        *pair = failing(pair.clone(), code, "what the pair says");
    }
}

fn one_nat(known: &mut Known) {
    let at = "203.0.113.5:50000";
    nat(known, 1).reflexive_addresses = vec![at.parse().expect("valid")];
    known.result.remote.candidates[1] = candidate(CandidateType::Srflx, at);
}

/// Why there is no direct path.
const IN_THE_WAY: [Change; 28] = [
    |_| (),
    |known| pooled(known, 0),
    |known| pooled(known, 1),
    |known| (pooled(known, 0), pooled(known, 1)).0,
    |known| nat(known, 0).port_moves = Fact::Determined(true),
    |known| nat(known, 1).port_moves = Fact::Determined(true),
    |known| blocked(known, 0),
    |known| blocked(known, 1),
    |known| (blocked(known, 0), blocked(known, 1)).0,
    one_nat,
    |known| {
        one_nat(known);
        known.result.remote.candidates[0] = candidate(CandidateType::Host, "192.168.1.11:50000");
    },
    |known| all_say(known, "not-permitted"),
    |known| all_say(known, "unreachable"),
    |known| all_say(known, "icmp-unreachable"),
    |known| all_say(known, "role-conflict"),
    |known| all_say(known, "unauthorized"),
    |known| all_say(known, "answer-from-elsewhere"),
    |known| all_say(known, "cut-short"),
    |known| known.context.peer_troubles = vec![Code::NotPermitted],
    |known| known.result.pairs[0].requests_arrived = Some(9),
    |known| known.result.pairs[0].requests_received = 9,
    |known| {
        known.result.pairs[0].requests_received = 9;
        known.result.pairs[1].requests_arrived = Some(9);
    },
    |known| {
        for pair in &mut known.result.pairs {
            pair.requests_arrived = None;
        }
    },
    |known| {
        let side = &mut known.result.remote;
        side.nats.clear();
        side.candidates.truncate(1);
        known.result.pairs.remove(0);
    },
    |known| known.result.remote.candidates.clear(),
    |known| {
        let other = candidate(CandidateType::Host, "[2001:db8::2]:5000");
        known.result.remote.candidates = vec![other];
    },
    |known| known.context.relay_only = true,
    |known| known.context.peer_relay_only = true,
];

fn relay(known: &mut Known, which: usize, address: &str, failure: &str) {
    let own = end(CandidateType::Relay, address);
    let told = candidate(CandidateType::Relay, address);
    let peer = [their_srflx(), host()][which].clone();
    let (local, remote) = if which == 0 { (own, peer) } else { (peer, own) };
    let result = &mut known.result;
    [&mut result.local, &mut result.remote][which]
        .candidates
        .push(told);
    let pair = silent(local, remote, 99, Some(0));
    result
        .pairs
        .push(failing(pair, failure, "what the pair says"));
}

const RELAYS: [&str; 2] = ["192.0.2.30:61000", "192.0.2.40:62000"];

/// A silent relay that its own side has tried to reach.
fn tried(known: &mut Known, which: usize, is_reached: bool) {
    relay(known, which, RELAYS[which], "no-response");
    let context = &mut known.context;
    [&mut context.own_relays, &mut context.peer_own_relays][which].push(OwnRelay {
        relayed: RELAYS[which].parse().expect("an address"),
        is_reached,
    });
}

/// What is with each side's TURN server.
const SERVERS: [fn(&mut Known, usize); 12] = [
    |_, _| (),
    |known, which| known.errors[which] = Some(Code::Timeout),
    |known, which| known.errors[which] = Some(Code::CertificateExpired),
    |known, which| known.errors[which] = Some(Code::WrongCredentials),
    |known, which| known.errors[which] = Some(Code::AllocationQuotaReached),
    |known, which| relay(known, which, RELAYS[which], "no-response"),
    |known, which| tried(known, which, false),
    |known, which| tried(known, which, true),
    |known, which| {
        tried(known, which, false);
        let context = &mut known.context;
        let found = [&mut context.found, &mut context.peer_found];
        found[which].ended_relays.push(EndedRelay {
            relayed: RELAYS[which].parse().expect("an address"),
            code: [Code::AllocationMismatch, Code::Closed][which],
        });
    },
    |known, which| relay(known, which, RELAYS[which], "forbidden-ip"),
    |known, which| relay(known, which, RELAYS[which], "permission-failed"),
    |known, which| {
        let private = ["10.0.0.80:61000", "10.0.0.90:61000"];
        relay(known, which, private[which], "no-response");
    },
];

/// Addresses as long as they become.
fn long(ip: IpAddr, is_v6: bool) -> IpAddr {
    let IpAddr::V4(v4) = ip else {
        return ip;
    };
    let [a, b, c, d] = v4.octets();
    let [b, c] = if a == 10 { [100, 100] } else { [b, c] };
    let c = if a == 192 && b == 168 { c + 100 } else { c };
    let d = d + 100;
    if !is_v6 {
        return IpAddr::from([a, b, c, d]);
    }
    let (first, second) = if a == 10 {
        (0xfd00, 0xabcd)
    } else {
        (0x2001, 0xdb8)
    };
    let third = u16::from_be_bytes([a.max(16), b]);
    let fourth = u16::from_be_bytes([c.max(16), d]);
    Ipv6Addr::new(first, second, third, fourth, 0xcccc, 0xdddd, 0xeeee, 0xffff).into()
}

fn lengthen(known: &mut Known, is_v6: bool) {
    let result = &mut known.result;
    let long_end = |end: &mut EndReport| {
        end.address = long(end.address, is_v6);
        if end.relay_transport.is_some() {
            end.relay_transport = Some(Transport::Tls);
        }
    };
    for side in [&mut result.local, &mut result.remote] {
        for candidate in &mut side.candidates {
            candidate.address = long(candidate.address, is_v6);
        }
        for nat in &mut side.nats {
            nat.local_address = long(nat.local_address, is_v6);
            nat.family = Family::of(nat.local_address);
            for seen in &mut nat.reflexive_addresses {
                *seen = SocketAddr::new(long(seen.ip(), is_v6), seen.port());
            }
        }
    }
    let context = &mut known.context;
    for found in [&mut context.found, &mut context.peer_found] {
        for ended in &mut found.ended_relays {
            ended.relayed.set_ip(long(ended.relayed.ip(), is_v6));
        }
    }
    for pair in &mut result.pairs {
        long_end(&mut pair.local);
        long_end(&mut pair.remote);
    }
    if let Some(selected) = &mut result.selected {
        long_end(&mut selected.local);
        long_end(&mut selected.remote);
    }
}

fn detail(code: Code) -> &'static str {
    match code {
        Code::CertificateExpired => "its certificate has expired (on 2026-10-01)",
        Code::Timeout => "no answer",
        _ => "error 599 It Does Not Work: what the server says in many words",
    }
}

/// What each side tells of its server.
fn with_servers(known: &mut Known) {
    if let Some(code) = known.errors[0] {
        let mut server = silent_server();
        server.uri = URI.into();
        server.error = Some(ErrorReport::new(code, detail(code)));
        known.result.servers = vec![server];
    }
    if let Some(code) = known.errors[1] {
        known.context.peer_servers = Some(vec![ServerFacts {
            uri: URI.into(),
            address: None,
            transport: Transport::Tls,
            is_turn: true,
            error: Some(code),
            detail: Some(detail(code).to_owned()),
        }]);
    }
}

/// Connected through the relay of one side or of both.
fn connected(known: &mut Known, relays: [bool; 2]) {
    let at = |which: usize| end(CandidateType::Relay, RELAYS[which]);
    let local = if relays[0] { at(0) } else { host() };
    let remote = if relays[1] { at(1) } else { their_srflx() };
    let result = &mut known.result;
    result.state = PairState::Connected;
    result.path = Some(PathKind::Relayed);
    result.pairs.push(chosen(PairReport {
        path: PathKind::Relayed,
        ..silent(local.clone(), remote.clone(), 3, Some(3))
    }));
    result.selected = Some(SelectedReport { local, remote });
    result.quality = Some(quality(140, 122, 123_400, 1_200));
}

/// Not even one large datagram passes, and each way has a limit of its own.
fn lose_large(known: &mut Known) {
    let quality = known.result.quality.as_mut().expect("connected");
    quality.large = Some(LargeReport {
        bytes: 1_200,
        sent: 20,
        received: 0,
    });
    quality.largest_datagram_bytes = LargestReport {
        sent: Some(1_072),
        received: Some(1_064),
    };
}

/// As the text for people breaks it.
fn lines(text: &str) -> usize {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("one at least");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > 80 {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.len()
}

#[derive(Default)]
struct Seen {
    singular: BTreeSet<String>,
    /// Every code that came up, and whose it was.
    causes: BTreeSet<(Code, Whose)>,
    too_long: BTreeSet<String>,
}

fn check(known: &Known, is_v6: bool, seen: &mut Seen) {
    let mut known = known.clone();
    with_servers(&mut known);
    lengthen(&mut known, is_v6);
    let result = with_causes(known.result, &known.context);
    let causes = result.causes.iter().chain(&result.relay_causes);
    seen.causes
        .extend(causes.clone().map(|cause| (cause.code, cause.side)));
    seen.singular.extend(causes.flat_map(plural::singular));
    let summary = verdict(&result, &known.context).summary;
    seen.too_long
        .extend((lines(&summary) > 3).then(|| summary.clone()));
    assert!(
        summary.ends_with('.') && !summary.contains("  "),
        "{summary}"
    );
    if let Some(cause) = result.causes.first() {
        let says_side = match cause.side {
            Whose::Local => summary.contains("this side"),
            Whose::Remote => summary.contains("the other side"),
            Whose::Both | Whose::Between => true,
        };
        assert!(says_side, "{summary}");
    }
    if result
        .causes
        .iter()
        .chain(&result.relay_causes)
        .any(|cause| !cause.remedies.is_empty())
    {
        let is_promised = [
            "Direct with",
            "would make it direct",
            "may make it direct",
            "erhaps direct with",
            "would connect them",
            "may connect them",
        ];
        let first = result
            .causes
            .first()
            .is_some_and(|cause| !cause.remedies.is_empty());
        // That no call will work over this path weighs more than what would make it direct.
        let loses_large = summary.contains("large datagrams are lost");
        let loses_most = result
            .quality
            .as_ref()
            .is_some_and(|quality| quality.loss_percent >= 25.0);
        let is_due = (first && !loses_large && !loses_most) || result.state == PairState::Failed;
        assert!(
            !is_due || is_promised.iter().any(|words| summary.contains(words)),
            "{summary}"
        );
    }
}

#[test]
fn every_summary_fits_into_three_lines() {
    let mut seen = Seen::default();
    let kinds = [
        (EIM, EIF),
        (EIM, APDF),
        (EIM, ADF),
        (ADM, ADF),
        (APDM, APDF),
    ];
    for (own, theirs) in kinds
        .iter()
        .flat_map(|own| kinds.map(|theirs| (*own, theirs)))
    {
        // What else stands in the way does so with any NATs.
        let is_plain = own == kinds[1] && theirs.1 != EIF;
        let count = if is_plain { IN_THE_WAY.len() } else { 1 };
        for stand in &IN_THE_WAY[..count] {
            let mut known = natted(own, theirs);
            stand(&mut known);
            for is_v6 in [false, true] {
                for relays in [[true, false], [false, true], [true, true]] {
                    let mut known = known.clone();
                    connected(&mut known, relays);
                    check(&known, is_v6, &mut seen);
                    lose_large(&mut known);
                    check(&known, is_v6, &mut seen);
                }
                for (one, two) in SERVERS.iter().flat_map(|one| SERVERS.map(|two| (one, two))) {
                    let mut known = known.clone();
                    one(&mut known, 0);
                    two(&mut known, 1);
                    check(&known, is_v6, &mut seen);
                }
            }
        }
    }
    assert!(seen.singular.is_empty(), "{:#?}", seen.singular);
    let some: Vec<&String> = seen
        .too_long
        .iter()
        .step_by(1 + seen.too_long.len() / 12)
        .collect();
    assert!(
        some.is_empty(),
        "{} are too long: {some:#?}",
        seen.too_long.len()
    );
    let codes: BTreeSet<Code> = seen.causes.iter().map(|(code, _)| *code).collect();
    for code in [
        Code::UdpBlocked,
        Code::NoCommonFamily,
        Code::EndpointDependentMapping,
        Code::AddressPooling,
        Code::NoHairpinning,
        Code::ClientIsolation,
        Code::PortMoved,
        Code::Filtered,
        Code::AnswersLost,
        Code::RelayOnly,
        Code::NoCandidates,
        Code::Unknown,
        Code::NoTurnServer,
        Code::TurnUnreachable,
        Code::TurnRefused,
        Code::TurnPeerForbidden,
        Code::RelayAddressPrivate,
        Code::RelayPortsClosed,
        Code::RelayEnded,
    ] {
        assert!(codes.contains(&code), "{code} never came up: {codes:?}");
    }
    for code in [
        Code::UdpBlocked,
        Code::EndpointDependentMapping,
        Code::AddressPooling,
        Code::PortMoved,
        Code::TurnRefused,
        Code::TurnUnreachable,
    ] {
        for side in [Whose::Local, Whose::Remote, Whose::Both] {
            let is_rare = code == Code::PortMoved && side == Whose::Both;
            assert!(
                is_rare || seen.causes.contains(&(code, side)),
                "{code} of {side:?} never came up"
            );
        }
    }
}
