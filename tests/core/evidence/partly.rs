//! Candidates of which some were lost on their way, and hosts that may be of one network.

use super::dump::{Dump, Told};
use super::half_told::A_SRFLX;
use super::settled::{A_HOST, B_HOST, B_SRFLX, STUN, is};
use super::{named, one};

/// A, and B that told two candidates, of which these came to A.
fn ends(came: &[Told<'_>]) -> [String; 2] {
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST, A_SRFLX])
        .gets(came)
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "host 192.168.2.10 60000",
            [60, 0, 0],
            false,
        );
    let there = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX])
        .gets(&[A_HOST, A_SRFLX])
        .fails()
        .pair(
            "host 192.168.2.10 60000",
            "srflx 203.0.113.100 50000",
            [60, 0, 0],
            false,
        );
    [here.text(), there.text()]
}

#[test]
fn candidates_that_were_lost_in_part_are_named() {
    let [here, there] = ends(&[B_HOST]);
    for texts in [[here.clone(), there.clone()], [there, here]] {
        let said = is(&one(&texts), &[("candidates-lost", "between")]);
        assert!(
            said.contains("told 2 candidates, and 1 did not come to"),
            "{said}"
        );
        assert!(said.contains("srflx 203.0.113.200:60000"), "{said}");
    }
    let all = one(&ends(&[B_HOST, B_SRFLX]));
    let codes = named(&all.causes);
    assert!(
        codes.iter().all(|(code, _)| code != "candidates-lost"),
        "{codes:?}"
    );
}

/// No server outside helps two hosts of one network.
#[test]
fn hosts_that_may_be_of_one_network_are_not_sent_to_a_stun_server() {
    let near = "candidate:3 1 udp 2122260223 192.168.1.20 60000 typ host generation 0 ufrag bbbb";
    let near = Told {
        line: near,
        url: None,
    };
    let call = |other: Told<'_>, address: &str| {
        let here = Dump::new(&[])
            .offers("aaaa", "bbbb")
            .finds(&[A_HOST])
            .gets(&[other])
            .fails()
            .pair(
                "host 192.168.1.10 50000",
                &format!("host {address} 60000"),
                [60, 0, 0],
                false,
            );
        let there = Dump::new(&[])
            .answers("bbbb", "aaaa")
            .finds(&[other])
            .gets(&[A_HOST])
            .fails()
            .pair(
                &format!("host {address} 60000"),
                "host 192.168.1.10 50000",
                [60, 0, 0],
                false,
            );
        one(&[here.text(), there.text()])
    };
    let same = call(near, "192.168.1.20");
    let said = is(&same, &[("unknown", "between")]);
    assert!(said.contains("192.168.1.0/24"), "{said}");
    assert!(
        same.causes[0].remedies.is_empty(),
        "{:?}",
        same.causes[0].remedies
    );
    let apart = call(B_HOST, "192.168.2.10");
    is(&apart, &[("no-candidates", "both")]);
    assert!(!apart.causes[0].remedies.is_empty());
}
