//! Why no relay helped.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::gather::report::GatherServerReport;
use rtcdiag::commands::pair::report::{PairResult, PairState};
use rtcdiag::commands::pair::verdict::Context;
use rtcdiag::commands::pair::verdict::causes::server_facts;
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{Cause, EndedRelay, Found, OwnRelay, RemedyCode, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use rtcdiag::proto::stun::uri::Transport;

use super::blocked::without_udp;
use super::causes::{between, causes_with, mirrored, own_trial, relay_cause, swapped};
use super::{ends, has};
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, candidate, failing, ip, own_relay, relayed, silent, silent_server,
    strict, their_host, their_srflx,
};

#[test]
fn no_turn_server() {
    let nothing = Context {
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    let none = relay_cause(&strict(), &nothing);
    assert_eq!((none.code, none.side), (Code::NoTurnServer, Whose::Both));
    assert_eq!(none.remedies[0].code, RemedyCode::Turn);
    // The other side's relay is there for both, but not for one that cannot send to it.
    let mut result = strict();
    without_udp(&mut result);
    result
        .local
        .candidates
        .push(candidate(CandidateType::Relay, "192.0.2.30:61000"));
    result
        .pairs
        .push(silent(own_relay(), their_host(), 7, Some(0)));
    let needs = relay_cause(&result, &nothing);
    assert_eq!(
        (needs.code, needs.side),
        (Code::NoTurnServer, Whose::Remote)
    );
    assert_eq!(needs.remedies[0].code, RemedyCode::TurnTls);
}

#[test]
fn turn_servers_that_give_nothing() {
    let mut result = strict();
    result.servers = vec![silent_server()];
    let silence = relay_cause(&result, &Context::default());
    assert_eq!(
        (silence.code, silence.side),
        (Code::TurnUnreachable, Whose::Local)
    );
    let error = result.servers[0].error.as_mut().expect("it failed");
    error.code = Code::Unauthorized;
    let refused = relay_cause(&result, &Context::default());
    assert_eq!(
        (refused.code, refused.side),
        (Code::TurnRefused, Whose::Local)
    );
    // A server that is silent since UDP is blocked is not to blame: TLS is the way.
    let mut result = mirrored(&result);
    without_udp(&mut result);
    let mut result = mirrored(&result);
    result.servers = vec![silent_server()];
    let blocked = relay_cause(&result, &Context::default());
    assert_eq!(
        (blocked.code, blocked.side),
        (Code::TurnUnreachable, Whose::Local)
    );
    assert_eq!(blocked.remedies[0].code, RemedyCode::TurnTls);
}

#[test]
fn relays_that_do_not_help() {
    let mut result = relayed();
    result.state = PairState::Failed;
    (result.path, result.selected, result.quality) = (None, None, None);
    let context = Context::default();
    let silence = silent(own_relay(), their_srflx(), 7, Some(0));
    result.pairs[0] = failing(silence, "no-response", "no answer to 7 checks");
    // A private address that is forbidden explains nothing where a public one was checked.
    let shut = Context {
        own_relays: vec![own_trial(false)],
        ..Context::default()
    };
    let closed = relay_cause(&result, &shut);
    assert_eq!(
        (closed.code, closed.side),
        (Code::RelayPortsClosed, Whose::Local)
    );
    let verdict = ends(&result, &shut, Outcome::Bad, &["relay ports"]);
    assert!(has(&verdict, "relay-failed"));
    result.pairs.remove(0);
    let forbidden = relay_cause(&result, &context);
    assert_eq!(
        (forbidden.code, forbidden.side),
        (Code::TurnPeerForbidden, Whose::Local)
    );
    result.pairs.pop();
    let relay = candidate(CandidateType::Relay, "[2001:db8::80]:61000");
    *result.local.candidates.last_mut().expect("the relay") = relay;
    let families = relay_cause(&result, &context);
    assert_eq!(
        (families.code, families.side),
        (Code::NoCommonFamily, Whose::Local)
    );
    let relay = candidate(CandidateType::Relay, "10.0.0.80:61000");
    *result.local.candidates.last_mut().expect("the relay") = relay;
    let hidden = relay_cause(&result, &context);
    assert_eq!(
        (hidden.code, hidden.side),
        (Code::RelayAddressPrivate, Whose::Local)
    );
}

/// A failed session over this side's relay, which the other side's host was checked through.
fn failed_over_relay() -> PairResult {
    let mut result = relayed();
    result.state = PairState::Failed;
    (result.path, result.selected, result.quality) = (None, None, None);
    result.pairs[0] = silent(own_relay(), their_srflx(), 7, Some(0));
    result
}

#[test]
fn a_machine_that_lets_nothing_out_to_a_relay() {
    let told = Context {
        peer_troubles: vec![Code::RelayUnreachableFromHere],
        ..Context::default()
    };
    let here = relay_cause(&failed_over_relay(), &told);
    assert_eq!((here.code, here.side), (Code::Filtered, Whose::Remote));
    assert_eq!(here.remedies[0].code, RemedyCode::TurnTls);
    // The side whose machine it is knows it by its own pairs.
    let mut there = mirrored(&failed_over_relay());
    there.pairs.truncate(1);
    there.pairs[0] = failing(there.pairs[0].clone(), "not-permitted", "not let out");
    let there = relay_cause(&there, &Context::default());
    assert_eq!((there.code, there.side), (Code::Filtered, Whose::Local));
    assert!(
        there
            .message
            .contains("nothing leaves this side's own machine"),
        "{there:?}"
    );
}

#[test]
fn what_a_relay_sends_is_lost() {
    let mut result = failed_over_relay();
    result.pairs[0].requests_received = 5;
    for result in [result.clone(), mirrored(&result)] {
        let lost = relay_cause(&result, &Context::default());
        assert_eq!((lost.code, lost.side), (Code::AnswersLost, Whose::Between));
        assert_eq!(lost.remedies[0].code, RemedyCode::TurnTls);
    }
}

/// A relay at which nothing of the other side's comes in is closed only if nobody else's does.
#[test]
fn a_silent_relay_may_be_the_other_sides_way_out() {
    let with = |theirs: (Mapping, Filtering), trial: Option<bool>| {
        let mut result = between((APDM, APDF), theirs);
        let relay = candidate(CandidateType::Relay, "192.0.2.30:61000");
        result.local.candidates.push(relay);
        let silence = silent(own_relay(), their_srflx(), 7, Some(0));
        result
            .pairs
            .push(failing(silence, "no-response", "no answer to 7 checks"));
        let tried: Vec<OwnRelay> = trial.into_iter().map(own_trial).collect();
        let here = Context {
            own_relays: tried.clone(),
            ..Context::default()
        };
        let there = Context {
            peer_own_relays: tried,
            ..Context::default()
        };
        let own = relay_cause(&result, &here);
        let other = relay_cause(&mirrored(&result), &there);
        assert_eq!(
            (own.code, own.side),
            (other.code, swapped(other.side)),
            "both ends say the same"
        );
        own
    };
    let strict = (APDM, APDF);
    let turn_there = |cause: &Cause| {
        let remedy = &cause.remedies[0];
        assert_eq!(
            (remedy.code, remedy.side),
            (RemedyCode::Turn, Whose::Remote),
            "{cause:?}"
        );
    };
    for (theirs, trial, code, side) in [
        (strict, None, Code::Unknown, Whose::Between),
        (strict, Some(true), Code::Unknown, Whose::Remote),
        ((EIM, APDF), Some(true), Code::Filtered, Whose::Remote),
        ((EIM, APDF), None, Code::Unknown, Whose::Between),
    ] {
        let cause = with(theirs, trial);
        assert_eq!((cause.code, cause.side), (code, side), "{cause:?}");
        turn_there(&cause);
    }
    let closed = with(strict, Some(false));
    assert_eq!(
        (closed.code, closed.side),
        (Code::RelayPortsClosed, Whose::Local)
    );
    assert!(
        closed.evidence[0].contains("does not arrive either"),
        "{closed:?}"
    );
    // A pool of addresses: the relay lets in those that it was told.
    let mut pooled = between((APDM, APDF), (EIM, ADF));
    let nat = &mut pooled.remote.nats[0];
    nat.mapping = Fact::inconclusive(Reason::AddressPooling, "two addresses");
    pooled
        .local
        .candidates
        .push(candidate(CandidateType::Relay, "192.0.2.30:61000"));
    let silence = silent(own_relay(), their_srflx(), 7, Some(0));
    pooled
        .pairs
        .push(failing(silence, "no-response", "no answer to 7 checks"));
    let reached = Context {
        own_relays: vec![own_trial(true)],
        ..Context::default()
    };
    let cause = relay_cause(&pooled, &reached);
    assert_eq!(
        (cause.code, cause.side),
        (Code::AddressPooling, Whose::Remote)
    );
    turn_there(&cause);
}

#[test]
fn a_certificate_that_is_refused_is_what_needs_a_remedy() {
    let mut result = strict();
    let mut row = silent_server();
    (row.uri, row.transport) = ("turns:turn.example.org:5349".to_owned(), Transport::Tls);
    let error = row.error.as_mut().expect("it failed");
    error.code = Code::CertificateSelfSigned;
    result.servers = vec![silent_server(), row];
    let nothing = Context {
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    let (_, causes) = causes_with(&result, &nothing);
    let codes: Vec<Code> = causes.iter().map(|cause| cause.code).collect();
    assert_eq!(codes, [Code::TurnUnreachable]);
    assert!(
        causes[0].message.contains("refuses the certificate"),
        "{causes:?}"
    );
    assert_eq!(causes[0].remedies[0].code, RemedyCode::TurnConfiguration);
    // TURN over TLS is there already.
    result.local.nats = vec![NatFacts::blocked(Family::Ipv4, ip("192.168.1.10"))];
    result.local.candidates.truncate(1);
    result.pairs.remove(0);
    let (causes, _) = causes_with(&result, &nothing);
    assert_eq!(causes[0].code, Code::UdpBlocked);
    let codes: Vec<RemedyCode> = causes[0].remedies.iter().map(|r| r.code).collect();
    assert_eq!(codes, [RemedyCode::OpenUdp]);
}

/// A row of a TURN server over TLS that failed in this way.
fn failed_row(code: Code, text: &'static str) -> GatherServerReport {
    let mut row = silent_server();
    (row.uri, row.transport) = ("turns:turn.example.org:5349".to_owned(), Transport::Tls);
    row.error = Some(ErrorReport::new(code, text));
    row
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let nothing = Context {
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    for (code, text, words) in [
        (
            Code::CertificateExpired,
            "its certificate has expired (on 2026-10-01)",
            "the certificate of turn.example.org expired on 2026-10-01",
        ),
        (
            Code::CertificateNotYetValid,
            "its certificate is not valid yet: it begins on 2027-01-01, and this machine's clock says 2026-11-30",
            "the certificate of turn.example.org is not valid yet: it begins on 2027-01-01",
        ),
        (
            Code::CertificateWrongName,
            "its certificate is not for turn.example.org, but for other.example.org",
            "the certificate of turn.example.org is not for turn.example.org, but for other",
        ),
        (
            Code::CertificateSelfSigned,
            "its certificate is self-signed",
            "the certificate of turn.example.org is self-signed",
        ),
    ] {
        let mut result = strict();
        let row = failed_row(code, text);
        result.servers = vec![row.clone()];
        let here = relay_cause(&result, &nothing);
        assert_eq!(
            (here.code, here.side),
            (Code::TurnUnreachable, Whose::Local)
        );
        assert!(here.message.contains(words), "{here:?}");
        // The other side has it in words too, and none of both has a code in brackets.
        let told = Context {
            peer_servers: Some(vec![server_facts(&row)]),
            ..Context::default()
        };
        result.servers.clear();
        let there = relay_cause(&result, &told);
        assert_eq!(
            (there.code, there.side),
            (Code::TurnUnreachable, Whose::Remote)
        );
        for said in [&here, &there] {
            for text in [&*said.message, said.in_brief()] {
                assert!(
                    text.contains("the certificate of turn.example.org"),
                    "{text}"
                );
                assert!(!text.contains(code.name()), "{text}");
                assert!(
                    !text.contains("this machine") || said.side == Whose::Local,
                    "{text}"
                );
            }
        }
        // One server that both were given is spoken of once.
        result.servers = vec![row];
        let both = relay_cause(&result, &told);
        assert_eq!(both.side, Whose::Both);
        assert!(
            both.message
                .starts_with("both sides refuse the certificate of their TURN server: "),
            "{both:?}"
        );
        assert!(!both.message.contains("its TURN"), "{both:?}");
    }
}

#[test]
fn whatever_a_server_refuses_is_said_in_words() {
    for (code, text, words) in [
        (
            Code::Unauthorized,
            "error 401 again",
            "refuses the user name or password (401)",
        ),
        (
            Code::Forbidden,
            "error 403 Forbidden: its policy",
            "forbids it (403)",
        ),
        (
            Code::AllocationQuotaReached,
            "error 486",
            "has no allocation left for this user (486)",
        ),
        (
            Code::InsufficientCapacity,
            "error 508",
            "has no relay port or no capacity left (508)",
        ),
    ] {
        let row = failed_row(code, text);
        let context = Context {
            peer_servers: Some(vec![server_facts(&row)]),
            ..Context::default()
        };
        let there = relay_cause(&strict(), &context);
        assert_eq!(
            (there.code, there.side),
            (Code::TurnRefused, Whose::Remote),
            "{there:?}"
        );
        assert!(there.message.contains(words), "{there:?}");
        let mut both = strict();
        both.servers = vec![row.clone()];
        let both = relay_cause(&both, &context);
        assert_eq!((both.code, both.side), (Code::TurnRefused, Whose::Both));
        assert_eq!(
            both.message,
            format!("the TURN server of both sides, turns:turn.example.org:5349, {words}")
        );
        // Where this side's relay connects them, the other side's trouble is a finding.
        let mut connected = relayed();
        connected.servers.clear();
        let verdict = ends(&connected, &context, Outcome::Good, &["Connected"]);
        let finding = verdict
            .findings
            .iter()
            .find(|f| f.code == Code::PeerTurnFailed);
        let finding = finding.expect("it is told");
        assert!(
            finding.message.contains("the other side (198.51.100.7)"),
            "{finding:?}"
        );
        assert!(finding.message.contains(words), "{finding:?}");
    }
    // What was not waited for is no trouble, nor is UDP that is blocked there.
    for code in [Code::CutShort, Code::Timeout] {
        let mut connected = relayed();
        without_udp(&mut connected);
        let mut row = silent_server();
        row.error = Some(ErrorReport::new(code, "no answer"));
        let context = Context {
            peer_servers: Some(vec![server_facts(&row)]),
            ..Context::default()
        };
        let verdict = ends(&connected, &context, Outcome::Good, &["Connected"]);
        assert!(!has(&verdict, "peer-turn-failed"), "{:?}", verdict.findings);
    }
}

/// coturn ends an allocation by itself when its host has no route to a peer.
#[test]
fn a_relay_that_has_ended_is_not_one_with_closed_ports() {
    let ended = |relayed: &str, code| Found {
        ended_relays: vec![EndedRelay {
            relayed: relayed.parse().expect("an address"),
            code,
        }],
        ..Found::default()
    };
    for code in [Code::AllocationMismatch, Code::Closed] {
        let found = ended("192.0.2.30:61000", code);
        // What its own side sends does not arrive there either.
        let here = Context {
            own_relays: vec![own_trial(false)],
            found: found.clone(),
            ..Context::default()
        };
        let there = Context {
            peer_own_relays: vec![own_trial(false)],
            peer_found: found,
            ..Context::default()
        };
        let own = relay_cause(&failed_over_relay(), &here);
        assert_eq!(
            (own.code, own.side),
            (Code::RelayEnded, Whose::Local),
            "{own:?}"
        );
        let other = relay_cause(&mirrored(&failed_over_relay()), &there);
        assert_eq!((other.code, other.side), (Code::RelayEnded, Whose::Remote));
        for cause in [own, other] {
            assert!(!cause.message.contains("nothing in"), "{cause:?}");
            assert_eq!(cause.remedies[0].code, RemedyCode::TurnConfiguration);
            assert!(!cause.remedies[0].is_sure, "why it ended is not proved");
        }
        let verdict = ends(
            &failed_over_relay(),
            &here,
            Outcome::Bad,
            &["may connect them"],
        );
        assert!(has(&verdict, "relay-failed"));
    }
    // Another one of its relays has ended: that is not the one that could have helped.
    let context = Context {
        own_relays: vec![own_trial(false)],
        found: ended("[2001:db8::30]:61000", Code::AllocationMismatch),
        ..Context::default()
    };
    let closed = relay_cause(&failed_over_relay(), &context);
    assert_eq!(closed.code, Code::RelayPortsClosed);
}
