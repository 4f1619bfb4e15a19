//! What servers show of a side, and what they do not: silence on one port, a name that leads nowhere, a server that
//! stands inside, one that answers the other side.

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::gather::report::GatherServerReport;
use rtcdiag::commands::pair::report::{PairResult, PairState};
use rtcdiag::commands::pair::verdict::causes::{server_facts, with_causes};
use rtcdiag::commands::pair::verdict::{Context, verdict};
use rtcdiag::proto::ice::causes::{Found, OwnRelay, RemedyCode, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::stun::uri::Transport;

use super::causes::{between, causes_with, relay_cause};
use crate::support::pair_results::{
    APDF, EIM, nat, own_relay, relayed, silent, silent_server, strict, their_srflx,
};

fn row(uri: &str, address: Option<&str>, error: Option<Code>) -> GatherServerReport {
    let mut row = silent_server();
    row.uri = uri.into();
    row.address = address.map(|at| at.parse().expect("an address"));
    row.error = error.map(|code| ErrorReport::new(code, "it failed"));
    row.is_turn = uri.starts_with("turn");
    row
}

fn told(rows: &[GatherServerReport]) -> Context {
    Context {
        peer_servers: Some(rows.iter().map(server_facts).collect::<Vec<ServerFacts>>()),
        ..Context::default()
    }
}

/// Two servers on one port are silent here and answer there.
fn silent_here() -> (PairResult, Context) {
    let addresses = ["192.0.2.30:3478", "198.51.100.30:3478"];
    let rows = |error| {
        let rows = addresses.map(|at| row("stun:stun.example.org", Some(at), error));
        rows.to_vec()
    };
    let mut result = strict();
    result.local.nats.clear();
    result.local.candidates.truncate(1);
    result.servers = rows(Some(Code::Timeout));
    (result, told(&rows(None)))
}

#[test]
fn silence_on_one_port_is_no_blocked_udp_where_udp_gets_out() {
    let (result, mut context) = silent_here();
    let (causes, _) = causes_with(&result, &context);
    assert_eq!(causes[0].code, Code::UdpBlocked);
    // Its NAT tests show that hosts say of other ports that nothing listens there.
    context.found = Found {
        gets_out: vec![Family::Ipv4],
        ..Found::default()
    };
    let (causes, relay) = causes_with(&result, &context);
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::NoCandidates, Whose::Local)
    );
    let remedy = &causes[0].remedies[0];
    assert!(remedy.message.contains("on another port"), "{remedy:?}");
    let all = causes.iter().chain(&relay);
    assert!(all.into_iter().all(|it| it.code != Code::UdpBlocked));
}

/// A STUN server in its own network sees a host at its private address, as if there were no NAT.
#[test]
fn a_server_of_ones_own_network_tells_no_public_address() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats = vec![NatFacts {
        nat: Fact::Determined(false),
        filtering: Fact::not_tested(Reason::NotApplicable),
        ..nat("192.168.1.10", "192.168.1.10", EIM, APDF)
    }];
    result.local.candidates.truncate(1);
    result.servers = vec![row("stun:192.168.1.5:3478", Some("192.168.1.5:3478"), None)];
    let (causes, _) = causes_with(&result, &told(&[]));
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::NoCandidates, Whose::Local)
    );
    assert!(
        causes[0].message.contains("sees it from outside"),
        "{causes:?}"
    );
    let remedy = &causes[0].remedies[0];
    assert!(remedy.message.contains("on the internet"), "{remedy:?}");
}

#[test]
fn where_no_name_resolves_no_named_server_is_promised() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats.clear();
    result.local.candidates.truncate(1);
    for (code, why) in [
        (Code::Dns, "could not resolve stun.example.org"),
        (Code::NameMisdirected, "leads stun.example.org to no server"),
    ] {
        result.servers = vec![row("stun:stun.example.org:3478", None, Some(code))];
        let context = told(&[]);
        let (causes, _) = causes_with(&result, &context);
        assert!(causes[0].message.contains(why), "{causes:?}");
        let judged = with_causes(result.clone(), &context);
        let summary = verdict(&judged, &context).summary;
        if code == Code::Dns {
            assert!(
                summary.contains("name that resolves on this side"),
                "{summary}"
            );
            assert!(!summary.contains("would connect"), "{summary}");
        }
    }
}

/// The very server that does not answer here has given the other side a relay.
#[test]
fn a_server_that_answers_the_other_side_is_not_called_dead() {
    let mut result = strict();
    for code in [Code::Timeout, Code::Refused, Code::Rejected] {
        let uri = "turn:turn.example.org:3478";
        result.servers = vec![row(uri, Some("192.0.2.30:3478"), Some(code))];
        let context = told(&[row(uri, Some("192.0.2.30:3478"), None)]);
        let (_, relay) = causes_with(&result, &context);
        let own = relay.iter().find(|it| it.side == Whose::Local);
        let own = own.unwrap_or_else(|| panic!("{relay:?}"));
        assert!(
            own.message.contains("which answers the other side"),
            "{own:?}"
        );
        assert!(!own.message.contains("nothing listens"), "{own:?}");
    }
}

/// A relayed address that is not the server's may be nobody's; opening ports need not help.
#[test]
fn a_relayed_address_that_is_not_the_servers_is_doubted() {
    let mut result = relayed();
    result.state = PairState::Failed;
    (result.path, result.selected, result.quality) = (None, None, None);
    result.pairs[0] = silent(own_relay(), their_srflx(), 7, Some(0));
    let context = Context {
        own_relays: vec![OwnRelay {
            relayed: "192.0.2.30:61000".parse().expect("an address"),
            is_reached: false,
        }],
        ..Context::default()
    };
    for (server, is_sure, words) in [
        ("192.0.2.30:3478", true, "relay ports of the TURN server"),
        (
            "198.51.100.99:3478",
            false,
            "is not the server's address 198.51.100.99",
        ),
    ] {
        let mut own = row("turn:turn.example.org:3478", Some(server), None);
        own.transport = Transport::Udp;
        result.servers = vec![own];
        let cause = relay_cause(&result, &context);
        assert_eq!(
            (cause.code, cause.side),
            (Code::RelayPortsClosed, Whose::Local)
        );
        assert!(cause.message.contains(words), "{cause:?}");
        assert_eq!(cause.remedies[0].is_sure, is_sure, "{cause:?}");
    }
}

/// Who was told to do without IPv6 may have it.
#[test]
fn a_family_that_was_left_out_is_named_as_the_remedy() {
    let mut context = Context::default();
    context.found.only_family = Some(Family::Ipv4);
    context.peer_found.only_family = Some(Family::Ipv4);
    let (causes, _) = causes_with(&strict(), &context);
    let remedies: Vec<RemedyCode> = causes
        .iter()
        .flat_map(|cause| cause.remedies.iter().map(|remedy| remedy.code))
        .collect();
    assert!(remedies.contains(&RemedyCode::Policy), "{causes:?}");
    assert!(!remedies.contains(&RemedyCode::Ipv6), "{causes:?}");
}
