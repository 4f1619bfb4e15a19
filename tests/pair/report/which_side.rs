//! Whose doing it is: a VPN, a network that lets out few ports, IPv6 beside IPv4, a relay that ended, and what is not
//! known.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::Reason;
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::commands::pair::report::{PairResult, SideReport, SpanReport};
use rtcdiag::commands::pair::verdict::{Context, PeerEnd};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{EndedRelay, Found, RemedyCode, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::stun::uri::Transport;

use super::causes::{
    between, cause, causes_with, mirrored, on_both_ends, own_trial, relay_cause, swapped,
};
use super::ends;
use crate::support::pair_results::{
    APDF, APDM, EIM, candidate, direct, end, failing, host, ip, ms, nat, own_relay, relayed,
    silent, silent_server, strict, their_srflx,
};

/// Puts a side into a VPN: its addresses there, and where servers see it.
fn in_vpn(side: &mut SideReport, own: &str, public: &str) {
    let seen: SocketAddr = public.parse().expect("an address");
    let own: SocketAddr = own.parse().expect("an address");
    let mut tunnel = candidate(CandidateType::Host, &own.to_string());
    tunnel.interface = Some("tun0".to_owned());
    let mut srflx = candidate(CandidateType::Srflx, public);
    srflx.related_address = Some(own.ip());
    srflx.related_port = Some(own.port());
    side.candidates = vec![tunnel, srflx];
    let nat = &mut side.nats[0];
    nat.local_address = own.ip();
    nat.reflexive_addresses = vec![seen];
}

/// The same context as the other side has it.
fn turned(context: &Context) -> Context {
    Context {
        found: context.peer_found.clone(),
        peer_found: context.found.clone(),
        own_relays: context.peer_own_relays.clone(),
        peer_own_relays: context.own_relays.clone(),
        ..context.clone()
    }
}

#[track_caller]
fn first_on_both_ends(
    result: &PairResult,
    context: &Context,
    (code, side): (Code, Whose),
    words: &[&str],
) {
    let here = causes_with(result, context).0.remove(0);
    assert_eq!((here.code, here.side), (code, side), "{here:?}");
    for word in words {
        assert!(here.message.contains(word), "no '{word}' in {here:?}");
    }
    let there = causes_with(&mirrored(result), &turned(context)).0.remove(0);
    assert_eq!((there.code, there.side), (code, swapped(side)), "{there:?}");
}

#[test]
fn a_vpn_that_keeps_its_clients_apart_is_called_a_vpn() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    in_vpn(&mut result.local, "10.8.0.2:40000", "203.0.113.50:40000");
    in_vpn(&mut result.remote, "10.8.0.3:50000", "203.0.113.50:50000");
    let apart = on_both_ends(&result, Code::ClientIsolation, Whose::Between);
    assert!(
        apart.message.starts_with("both sides are in one VPN"),
        "{apart:?}"
    );
    assert!(
        apart.remedies[0]
            .message
            .contains("clients allowed in that VPN"),
        "{apart:?}"
    );
    ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["both sides are in one VPN", "keeps its clients apart"],
    );
    // A name that tells nothing leaves both open.
    result.remote.candidates[0].interface = Some("Ethernet 5".to_owned());
    let open = cause(&result);
    assert!(
        open.message.contains("one local network or VPN"),
        "{open:?}"
    );
    // Behind one exit, in networks of their own.
    in_vpn(&mut result.remote, "10.9.0.3:50000", "203.0.113.50:50000");
    let exit = on_both_ends(&result, Code::NoHairpinning, Whose::Between);
    assert!(exit.message.contains("the NAT of one VPN"), "{exit:?}");
}

#[test]
fn the_nat_of_a_vpn_is_not_called_that_of_the_side() {
    let mut result = between((APDM, APDF), (EIM, APDF));
    in_vpn(&mut result.local, "10.8.0.2:40000", "203.0.113.50:40000");
    let here = on_both_ends(&result, Code::EndpointDependentMapping, Whose::Local);
    let words = "the NAT of this side's VPN";
    assert!(here.message.starts_with(words), "{here:?}");
    assert!(here.in_brief().starts_with(words), "{here:?}");
    assert!(here.remedies[0].message.ends_with(words), "{here:?}");
    let there = cause(&mirrored(&result));
    assert!(
        there
            .message
            .starts_with("the NAT of the other side's VPN (203.0.113.50)"),
        "{there:?}"
    );
    let mut both = between((APDM, APDF), (APDM, APDF));
    in_vpn(&mut both.local, "10.8.0.2:40000", "203.0.113.50:40000");
    let both = on_both_ends(&both, Code::EndpointDependentMapping, Whose::Both);
    assert!(
        both.message.contains("this side's is its VPN's"),
        "{both:?}"
    );
    // Seen at the same address past the VPN as well, it may be the router's.
    result
        .local
        .candidates
        .push(candidate(CandidateType::Srflx, "203.0.113.50:40001"));
    let plain = cause(&result);
    assert!(plain.message.starts_with("this side's NAT"), "{plain:?}");
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// What the NAT tests of a side heard, and did not.
fn heard(heard: &[&str], unheard: &[&str]) -> Found {
    Found {
        heard: heard.iter().copied().map(at).collect(),
        unheard: unheard.iter().copied().map(at).collect(),
        ..Found::default()
    }
}

const USUAL: &str = "192.0.2.1:3478";
const OTHER: &str = "192.0.2.1:3479";

#[test]
fn udp_that_gets_out_to_one_port_is_told_by_a_server_that_answers_the_other_side() {
    let result = between((EIM, APDF), (EIM, APDF));
    let context = Context {
        found: heard(&[USUAL], &[OTHER]),
        peer_found: heard(&[USUAL, OTHER], &[]),
        ..Context::default()
    };
    first_on_both_ends(
        &result,
        &context,
        (Code::Filtered, Whose::Local),
        &[
            "something before this side (203.0.113.5) lets UDP out to port 3478 and not to port 3479",
        ],
    );
    // What arrives refutes it.
    let mut arriving = result.clone();
    arriving.pairs[0].requests_arrived = Some(3);
    let (causes, _) = causes_with(&arriving, &context);
    assert_ne!(causes[0].code, Code::Filtered, "{causes:?}");
    // A server that was silent to both shows nothing of one.
    let neither = Context {
        peer_found: heard(&[USUAL], &[OTHER]),
        ..context
    };
    first_on_both_ends(
        &result,
        &neither,
        (Code::Unknown, Whose::Between),
        &["on port 3478 alone", "may let UDP out to few ports"],
    );
    let (_, relay) = causes_with(&result, &neither);
    assert_eq!(relay[0].remedies[0].side, Whose::Both, "{relay:?}");
}

#[test]
fn where_checks_are_dropped_is_not_said_to_be_between_if_that_is_not_known() {
    let result = between((EIM, APDF), (EIM, APDF));
    let dropped = on_both_ends(&result, Code::Filtered, Whose::Between);
    for text in [&*dropped.message, dropped.in_brief()] {
        assert!(!text.contains("something between"), "{dropped:?}");
    }
    assert!(
        dropped
            .message
            .contains("on this side, on the other side or on the way")
    );
    assert!(dropped.in_brief().contains("somewhere"), "{dropped:?}");
}

#[test]
fn who_gets_out_to_one_port_is_no_witness_of_closed_relay_ports() {
    let mut result = strict();
    result
        .local
        .candidates
        .push(candidate(CandidateType::Relay, "192.0.2.30:61000"));
    let silence = silent(own_relay(), their_srflx(), 7, Some(0));
    result
        .pairs
        .push(failing(silence, "no-response", "silence"));
    let tried = Context {
        own_relays: vec![own_trial(false)],
        ..Context::default()
    };
    assert_eq!(relay_cause(&result, &tried).code, Code::RelayPortsClosed);
    let confined = Context {
        found: heard(&[USUAL], &[OTHER]),
        ..tried
    };
    let open = relay_cause(&result, &confined);
    assert_eq!(open.code, Code::Unknown, "{open:?}");
}

#[test]
fn what_stops_ipv6_is_said_beside_the_nats_of_ipv4() {
    let mut result = strict();
    let (own, theirs) = ("[2001:db8:a::10]:40000", "[2001:db8:b::10]:50000");
    let v6 = |text| candidate(CandidateType::Host, text);
    result.local.candidates.push(v6(own));
    result.remote.candidates.push(v6(theirs));
    let pair = silent(
        end(CandidateType::Host, own),
        end(CandidateType::Host, theirs),
        9,
        Some(0),
    );
    result.pairs.push(failing(pair, "no-response", "silence"));
    let context = Context::default();
    let words = ["symmetric", "nothing arrives over IPv6, which both have"];
    ends(&result, &context, Outcome::Bad, &words);
    ends(&mirrored(&result), &context, Outcome::Bad, &words);
    // Servers show on whose side.
    let blocked = NatFacts::blocked(Family::Ipv6, ip("2001:db8:a::10"));
    result.local.nats.push(blocked);
    let words = ["symmetric", "UDP over IPv6 is blocked on this side"];
    ends(&result, &context, Outcome::Bad, &words);
    let words = ["symmetric", "UDP over IPv6 is blocked on the other side"];
    ends(&mirrored(&result), &context, Outcome::Bad, &words);
    let (causes, _) = causes_with(&result, &context);
    assert_eq!(causes[1].remedies[0].code, RemedyCode::OpenUdp);
    assert!(
        causes[1].remedies[0].message.starts_with("UDP over IPv6"),
        "{causes:?}"
    );
}

#[test]
fn both_ends_say_that_the_relay_is_gone() {
    let mut result = relayed();
    let quality = result.quality.as_mut().expect("it has one");
    quality.ended_after_ms = Some(ms(3_700_000));
    let ended = Found {
        ended_relays: vec![EndedRelay {
            relayed: at("192.0.2.30:61000"),
            code: Code::Closed,
        }],
        ..Found::default()
    };
    let context = Context {
        found: ended,
        ..Context::default()
    };
    let why = "the connection to its TURN server ended";
    let words = [
        "But the path ended after 3.7 s, with this side's relay",
        why,
    ];
    ends(&result, &context, Outcome::Bad, &words);
    let mut there = mirrored(&result);
    let selected = there.selected.as_mut().expect("it has one");
    std::mem::swap(&mut selected.local, &mut selected.remote);
    let words = [
        "But the path ended after 3.7 s, with the other side's relay",
        why,
    ];
    let verdict = ends(&there, &turned(&context), Outcome::Bad, &words);
    let found = verdict.findings.iter().find(|f| f.code == Code::RelayEnded);
    let found = found.expect("the other side has told");
    assert!(found.message.contains("192.0.2.30:61000"), "{found:?}");
}

#[test]
fn a_run_that_is_cut_off_names_no_cause_that_the_rest_could_refute() {
    let mut result = strict();
    for pair in &mut result.pairs {
        *pair = failing(pair.clone(), "cut-short", "the session ended before");
    }
    let stopped = Context {
        stopped: Some(Reason::Interrupted),
        is_undecided: true,
        ..Context::default()
    };
    let other = Context {
        peer_end: Some(PeerEnd::Interrupted),
        is_undecided: true,
        ..Context::default()
    };
    for (context, outcome, who) in [
        (&stopped, Outcome::Interrupted, "this side was interrupted"),
        (
            &other,
            Outcome::Inconclusive,
            "the other side was interrupted",
        ),
    ] {
        let words = ["no verdict on the network", who];
        let verdict = ends(&result, context, outcome, &words);
        assert!(!verdict.summary.contains("symmetric"), "{verdict:?}");
        let found = verdict.findings.iter();
        let codes: Vec<Code> = found.map(|finding| finding.code).collect();
        assert!(!codes.contains(&Code::DirectFailed), "{codes:?}");
        assert!(!codes.contains(&Code::NoRelayCandidates), "{codes:?}");
        let (causes, relay) = causes_with(&result, context);
        for cause in causes.iter().chain(&relay) {
            assert_eq!(cause.code, Code::Unknown, "{cause:?}");
        }
    }
    // What was tried to the end stays.
    let interrupted = Context {
        is_undecided: false,
        ..stopped
    };
    ends(
        &strict(),
        &interrupted,
        Outcome::Interrupted,
        &["symmetric"],
    );
}

#[test]
fn a_turn_server_that_answers_over_tcp_is_advised_over_tcp() {
    let mut result = strict();
    result.local.nats[0] = nat("192.168.1.10", "203.0.113.5", APDM, APDF);
    let mut server = silent_server();
    server.error = Some(ErrorReport::new(
        Code::Timeout,
        "no answer; over TCP the same port answers TURN: the server may have TCP alone, or UDP does not get there",
    ));
    result.servers = vec![server];
    let words = [
        "this side's TURN server answers over TCP and not over UDP",
        "-s 'turn:turn.example.org:3478?transport=tcp' would connect them",
    ];
    ends(&result, &Context::default(), Outcome::Bad, &words);
}

#[test]
fn a_server_of_which_nothing_comes_back_over_tcp_either_is_no_proof_of_blocked_udp() {
    let mut result = strict();
    result.local.nats.clear();
    result.local.candidates.truncate(1);
    let mut own = silent_server();
    own.is_turn = false;
    let mut second = own.clone();
    second.address = Some(at("192.0.2.30:3479"));
    result.servers = vec![own, second];
    let answers = |address: &str| ServerFacts {
        uri: format!("stun:{address}"),
        address: Some(at(address)),
        transport: Transport::Udp,
        is_turn: false,
        error: None,
        detail: None,
    };
    let with = |unreached: Vec<IpAddr>| Context {
        peer_servers: Some(vec![answers("192.0.2.30:3478"), answers("192.0.2.30:3479")]),
        found: Found {
            unreached,
            ..Found::default()
        },
        ..Context::default()
    };
    let (causes, _) = causes_with(&result, &with(Vec::new()));
    assert_eq!(causes[0].code, Code::UdpBlocked, "{causes:?}");
    let (causes, _) = causes_with(&result, &with(vec![ip("192.0.2.30")]));
    assert_eq!(causes[0].code, Code::NoCandidates, "{causes:?}");
    let words = "hears nothing from 192.0.2.30, over UDP or TCP, which answers the other side";
    assert!(causes[0].message.contains(words), "{causes:?}");
}

#[test]
fn turn_over_udp_that_is_silent_to_both_is_to_be_had_over_tls() {
    let mut result = strict();
    for side in [&mut result.local, &mut result.remote] {
        side.nats.clear();
        side.candidates.truncate(1);
    }
    result.pairs.remove(0);
    result.servers = vec![silent_server()];
    let context = Context {
        peer_servers: Some(vec![ServerFacts {
            uri: silent_server().uri,
            address: silent_server().address,
            transport: Transport::Udp,
            is_turn: true,
            error: Some(Code::Timeout),
            detail: None,
        }]),
        ..Context::default()
    };
    let words = ["TURN over TLS", "443", "for both sides"];
    ends(&result, &context, Outcome::Bad, &words);
    let relay = relay_cause(&result, &context);
    assert_eq!(
        (relay.remedies[0].code, relay.remedies[0].side),
        (RemedyCode::TurnTls, Whose::Both)
    );
}

#[test]
fn two_networks_behind_one_nat_are_said_not_to_lead_to_each_other() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.remote.nats[0].reflexive_addresses = vec![at("203.0.113.5:50000")];
    result.remote.candidates[1] = candidate(CandidateType::Srflx, "203.0.113.5:50000");
    let apart = on_both_ends(&result, Code::NoHairpinning, Whose::Between);
    assert!(
        apart
            .message
            .contains("in local networks that do not lead to each other"),
        "{apart:?}"
    );
    let codes: Vec<RemedyCode> = apart.remedies.iter().map(|r| r.code).collect();
    assert_eq!(codes[..2], [RemedyCode::Hairpinning, RemedyCode::OpenUdp]);
    // Where no check went from the one to the other it is not known.
    let to_public = |p: &rtcdiag::commands::pair::report::PairReport| {
        p.remote.kind != CandidateType::Host || p.local != host()
    };
    result.pairs.retain(to_public);
    let apart = cause(&result);
    assert!(!apart.message.contains("local networks"), "{apart:?}");
}

/// What was lost on the way there had nothing to lose on the way back.
#[test]
fn a_gap_is_no_way_that_loses_datagrams() {
    let mut result = direct();
    let quality = result.quality.as_mut().expect("it has one");
    (quality.sent, quality.received, quality.arrived) = (150, 75, Some(75));
    quality.loss_percent = 50.0;
    quality.course = (0_u8..30)
        .map(|span| SpanReport {
            at_ms: Millis(Duration::from_millis(100 * u64::from(span))),
            sent: 5,
            received: if (10..25).contains(&span) { 0 } else { 5 },
            rtt_ms: None,
        })
        .collect();
    let verdict = ends(
        &result,
        &Context::default(),
        Outcome::Good,
        &["50.0 % loss in one gap"],
    );
    let found = verdict.findings.iter().find(|f| f.code == Code::PacketLoss);
    let found = found.expect("loss is found");
    let gap = "nearly all of them in one gap of 1.5 s, 1.0 s after the first";
    assert!(found.message.contains(gap), "{found:?}");
}

#[test]
fn the_way_that_loses_datagrams_is_named_where_both_have_counted() {
    let with = |arrived| {
        let mut result = direct();
        let quality = result.quality.as_mut().expect("it has one");
        quality.received = 120;
        quality.loss_percent = 20.0;
        quality.arrived = arrived;
        result
    };
    let says = |arrived, summary: &str, finding: &str| {
        let context = Context::default();
        let verdict = ends(&with(arrived), &context, Outcome::Good, &[summary]);
        let found = verdict.findings.iter().find(|f| f.code == Code::PacketLoss);
        let found = found.expect("loss is found");
        assert!(found.message.contains(finding), "{found:?}");
    };
    says(None, "20.0 % loss.", "lost, on the way there or back");
    says(
        Some(120),
        "20.0 % loss on the way to the other side",
        "30 of 150 datagrams were lost, all on the way to the other side",
    );
    says(
        Some(149),
        "20.0 % loss on the way to this side",
        "1 on the way to the other side and 29 on the way back",
    );
    says(
        Some(135),
        "20.0 % loss.",
        "15 on the way to the other side and 15",
    );
}
