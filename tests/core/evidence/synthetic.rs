//! Calls that there is no recording of, each end's dump made up as Chrome would write it.

use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::ice::causes::Way;
use serde_json::json;

use super::dump::{AUDIO, Dump, Told};
use super::{named, one};

const STUN: &str = "stun:198.51.100.10:3478";
const STUN_TWO: &str = "stun:198.51.100.20:3478";
const TURN: &str = "turn:198.51.100.10:3478?transport=udp";
const TURNS: &str = "turns:198.51.100.10:443?transport=tcp";

const A_HOST: Told<'_> =
    told("candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host generation 0 ufrag aaaa");
const A_SRFLX: Told<'_> = from(
    "candidate:2 1 udp 1686052607 203.0.113.100 50000 typ srflx raddr 192.168.1.10 rport 50000 generation 0 ufrag aaaa",
    STUN,
);
const A_SRFLX_TWO: Told<'_> = from(
    "candidate:2 1 udp 1686052607 203.0.113.100 61234 typ srflx raddr 192.168.1.10 rport 50000 generation 0 ufrag aaaa",
    STUN_TWO,
);
const B_HOST: Told<'_> =
    told("candidate:3 1 udp 2122260223 192.168.2.10 60000 typ host generation 0 ufrag bbbb");
const B_SRFLX: Told<'_> = from(
    "candidate:4 1 udp 1686052607 203.0.113.200 60000 typ srflx raddr 192.168.2.10 rport 60000 generation 0 ufrag bbbb",
    STUN,
);
const B_SRFLX_TWO: Told<'_> = from(
    "candidate:4 1 udp 1686052607 203.0.113.200 62345 typ srflx raddr 192.168.2.10 rport 60000 generation 0 ufrag bbbb",
    STUN_TWO,
);
const B_RELAY: Told<'_> = from(
    "candidate:5 1 udp 58662911 198.51.100.10 49200 typ relay raddr 203.0.113.200 rport 60000 generation 0 ufrag bbbb",
    TURN,
);

const fn told(line: &str) -> Told<'_> {
    Told { line, url: None }
}

const fn from<'a>(line: &'a str, url: &'a str) -> Told<'a> {
    Told {
        line,
        url: Some(url),
    }
}

/// This end's dump of a call that fails, with checks that nobody answers.
fn a(servers: &[&str], own: &[Told<'_>], other: &[Told<'_>]) -> Dump {
    Dump::new(servers)
        .offers("aaaa", "bbbb")
        .finds(own)
        .gets(other)
        .fails()
}

fn b(servers: &[&str], own: &[Told<'_>], other: &[Told<'_>]) -> Dump {
    Dump::new(servers)
        .answers("bbbb", "aaaa")
        .finds(own)
        .gets(other)
        .fails()
}

const A_TO_B: [u64; 3] = [80, 0, 0];

fn causes(call: &JudgedCall) -> Vec<(String, String)> {
    named(&call.causes)
}

fn is(found: &[(String, String)], wanted: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(code, side)| (code.as_str(), side.as_str()))
        .collect();
    assert_eq!(found, wanted);
}

fn blocked_here(servers: &[&str]) -> (Dump, Dump) {
    let here = a(servers, &[A_HOST], &[B_HOST, B_SRFLX]).pair(
        "host 192.168.1.10 50000",
        "srflx 203.0.113.200 60000",
        A_TO_B,
        false,
    );
    let there = b(servers, &[B_HOST, B_SRFLX], &[A_HOST]).pair(
        "host 192.168.2.10 60000",
        "host 192.168.1.10 50000",
        A_TO_B,
        false,
    );
    (here, there)
}

#[test]
fn udp_is_blocked_where_servers_answer_the_other_end_alone() {
    let (here, there) = blocked_here(&[STUN, STUN_TWO]);
    is(
        &causes(&one(&[here.text(), there.text()])),
        &[("udp-blocked", "local")],
    );
    is(
        &causes(&one(&[there.text(), here.text()])),
        &[("udp-blocked", "remote")],
    );
    let (here, there) = blocked_here(&[STUN]);
    // One silent server may be down, and the other end's reasons are not known.
    is(&causes(&one(&[here.text()])), &[("unknown", "between")]);
    let call = one(&[there.text()]);
    is(&causes(&call), &[("unknown", "between")]);
    assert!(
        call.causes[0]
            .message
            .contains("the dump of the other side"),
        "{}",
        call.causes[0].message
    );
}

#[test]
fn udp_is_blocked_where_several_servers_are_silent() {
    let (here, _) = blocked_here(&[STUN, STUN_TWO]);
    is(&causes(&one(&[here.text()])), &[("udp-blocked", "local")]);
}

/// With a STUN server that is down, neither end is blocked.
#[test]
fn a_server_that_is_silent_for_everybody_blocks_nothing() {
    let here = a(&[STUN], &[A_HOST], &[B_HOST]).pair(
        "host 192.168.1.10 50000",
        "host 192.168.2.10 60000",
        A_TO_B,
        false,
    );
    let there = b(&[STUN], &[B_HOST], &[A_HOST]).pair(
        "host 192.168.2.10 60000",
        "host 192.168.1.10 50000",
        A_TO_B,
        false,
    );
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("no-candidates", "both")]);
}

#[test]
fn refused_credentials_are_named() {
    let own = [A_HOST, A_SRFLX, A_SRFLX_TWO];
    let other = [B_HOST, B_SRFLX, B_SRFLX_TWO];
    let pair = |dump: Dump, local: &str, remote: &str| dump.pair(local, remote, A_TO_B, false);
    let here = pair(
        a(&[STUN, STUN_TWO, TURN], &own, &other),
        "host 192.168.1.10 50000",
        "srflx 203.0.113.200 60000",
    )
    .error(90.0, TURN, 401, "Unauthorized");
    let there = pair(
        b(&[STUN, STUN_TWO, TURN], &other, &own),
        "host 192.168.2.10 60000",
        "srflx 203.0.113.100 50000",
    )
    .error(90.0, TURN, 401, "Unauthorized");
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("endpoint-dependent-mapping", "both")]);
    is(&named(&call.relay_causes), &[("turn-refused", "both")]);
    let call = one(&[here.text()]);
    is(&causes(&call), &[("endpoint-dependent-mapping", "both")]);
    is(&named(&call.relay_causes), &[("turn-refused", "local")]);
}

#[test]
fn one_nat_that_does_not_hairpin_is_not_one_network_that_isolates() {
    for (host, code) in [
        ("192.168.9.10", "no-hairpinning"),
        ("192.168.1.77", "client-isolation"),
    ] {
        let b_host =
            format!("candidate:3 1 udp 2122260223 {host} 60000 typ host generation 0 ufrag bbbb");
        let b_srflx = format!(
            "candidate:4 1 udp 1686052607 203.0.113.100 60000 typ srflx raddr {host} rport 60000 generation 0 ufrag bbbb"
        );
        let other = [told(&b_host), from(&b_srflx, STUN)];
        let own = [A_HOST, A_SRFLX];
        let here = a(&[STUN], &own, &other).pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.100 60000",
            A_TO_B,
            false,
        );
        let there = b(&[STUN], &other, &own).pair(
            &format!("host {host} 60000"),
            "srflx 203.0.113.100 50000",
            A_TO_B,
            false,
        );
        is(
            &causes(&one(&[here.text(), there.text()])),
            &[(code, "between")],
        );
        is(&causes(&one(&[here.text()])), &[(code, "between")]);
    }
}

#[test]
fn names_alone_hide_a_side() {
    let name = told(
        "candidate:3 1 udp 2113937151 e5dd7a23-7b08-4c7d-bdf4-fde416510976.local 60000 typ host generation 0 ufrag bbbb",
    );
    let here = a(&[STUN], &[A_HOST, A_SRFLX], &[name]);
    let there = b(&[], &[name], &[A_HOST, A_SRFLX]).pair(
        "host  60000",
        "srflx 203.0.113.100 50000",
        A_TO_B,
        false,
    );
    is(
        &causes(&one(&[here.text(), there.text()])),
        &[("hidden-addresses", "remote")],
    );
    is(
        &causes(&one(&[there.text()])),
        &[("hidden-addresses", "local")],
    );
    // The other end may have a STUN server, as this one has, that does not answer it.
    is(&causes(&one(&[here.text()])), &[("unknown", "between")]);
}

#[test]
fn candidates_that_never_came_are_lost() {
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST, A_SRFLX])
        .event(15_000.0, "track", json!({"kind": "audio"}));
    let there = b(&[STUN], &[B_HOST, B_SRFLX], &[A_HOST, A_SRFLX]).pair(
        "host 192.168.2.10 60000",
        "srflx 203.0.113.100 50000",
        A_TO_B,
        false,
    );
    is(
        &causes(&one(&[here.text(), there.text()])),
        &[("candidates-lost", "between")],
    );
    // From here it may be that there were none to tell.
    is(&causes(&one(&[here.text()])), &[("unknown", "between")]);
    // It has done all that it could.
    is(&causes(&one(&[there.text()])), &[("unknown", "between")]);
}

#[test]
fn an_answer_that_never_came_is_lost_or_was_never_made() {
    let here = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer")
        .event(12.0, "onicegatheringstatechange", "gathering")
        .finds(&[A_HOST, A_SRFLX])
        .event(20_000.0, "onicegatheringstatechange", "complete");
    let there = b(&[STUN], &[B_HOST, B_SRFLX], &[A_HOST, A_SRFLX]).pair(
        "host 192.168.2.10 60000",
        "srflx 203.0.113.100 50000",
        A_TO_B,
        false,
    );
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("no-answer", "between")]);
    assert!(
        call.causes[0].message.contains("lost in signalling"),
        "{}",
        call.causes[0].message
    );
    is(&causes(&one(&[here.text()])), &[("no-answer", "between")]);
    let mute = Dump::new(&[STUN])
        .describe(20.0, false, "offer", "aaaa", AUDIO)
        .event(20.0, "onsignalingstatechange", "have-remote-offer");
    is(
        &causes(&one(&[here.text(), mute.text()])),
        &[("no-answer", "remote")],
    );
}

#[test]
fn families_that_do_not_meet_are_named() {
    let v6 =
        told("candidate:3 1 udp 2122260223 2001:db8::10 60000 typ host generation 0 ufrag bbbb");
    let v4 =
        told("candidate:1 1 udp 2122260223 203.0.113.7 50000 typ host generation 0 ufrag aaaa");
    let late = |dump: Dump| dump.event(15_000.0, "track", json!({"kind": "audio"}));
    let here = late(
        Dump::new(&[STUN])
            .offers("aaaa", "bbbb")
            .finds(&[v4])
            .gets(&[v6]),
    );
    let there = late(
        Dump::new(&[STUN])
            .answers("bbbb", "aaaa")
            .finds(&[v6])
            .gets(&[v4]),
    );
    is(
        &causes(&one(&[here.text(), there.text()])),
        &[("no-common-family", "between")],
    );
    is(
        &causes(&one(&[here.text()])),
        &[("no-common-family", "between")],
    );
}

#[test]
fn a_relay_over_tls_shows_that_udp_is_blocked() {
    let relay = from(
        "candidate:9 1 udp 8331263 198.51.100.10 49300 typ relay raddr 203.0.113.100 rport 44444 generation 0 ufrag aaaa",
        TURNS,
    );
    let here = Dump::new(&[STUN, TURNS])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .event(
            90.0,
            "onicecandidate",
            json!({"candidate": relay.line, "url": TURNS, "relayProtocol": "tls"}),
        )
        .gets(&[B_HOST, B_SRFLX])
        .event(95.0, "oniceconnectionstatechange", "checking")
        .event(900.0, "oniceconnectionstatechange", "connected")
        .event(950.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [4, 0, 0],
            false,
        )
        .pair(
            "relay 198.51.100.10 49300 tls",
            "srflx 203.0.113.200 60000",
            [6, 6, 5],
            true,
        );
    let call = one(&[here.text()]);
    assert_eq!(call.path, Some(Way::Relayed));
    assert_eq!(call.standing, Standing::Connected);
    is(&causes(&call), &[("udp-blocked", "local")]);
    assert!(call.relay_causes.is_empty());
}

#[test]
fn relays_at_which_nothing_arrives_are_not_blamed_without_a_second_sender() {
    let own = [A_HOST, A_SRFLX, A_SRFLX_TWO];
    let other = [B_HOST, B_SRFLX, B_SRFLX_TWO, B_RELAY];
    let here = a(&[STUN, STUN_TWO], &own, &other)
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            A_TO_B,
            false,
        )
        .pair(
            "host 192.168.1.10 50000",
            "relay 198.51.100.10 49200",
            [40, 0, 0],
            false,
        );
    let there = b(&[STUN, STUN_TWO, TURN], &other, &own)
        .pair(
            "host 192.168.2.10 60000",
            "srflx 203.0.113.100 50000",
            A_TO_B,
            false,
        )
        .pair(
            "relay 198.51.100.10 49200 udp",
            "srflx 203.0.113.100 50000",
            [40, 0, 0],
            false,
        );
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("endpoint-dependent-mapping", "both")]);
    let relay = named(&call.relay_causes);
    assert_eq!(
        relay[0],
        ("unknown".to_owned(), "between".to_owned()),
        "{relay:?}"
    );
}

/// Chromium forgets pairs without permission at once, or calls them failed.
#[test]
fn a_peer_that_the_relay_forbids_is_named() {
    let own = [A_HOST, A_SRFLX, A_SRFLX_TWO];
    let other = [B_HOST, B_SRFLX, B_SRFLX_TWO, B_RELAY];
    let here = a(&[STUN, STUN_TWO], &own, &other)
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            A_TO_B,
            false,
        )
        .pair(
            "host 192.168.1.10 50000",
            "relay 198.51.100.10 49200",
            [40, 0, 0],
            false,
        );
    let there = b(&[STUN, STUN_TWO, TURN], &other, &own).pair(
        "host 192.168.2.10 60000",
        "srflx 203.0.113.100 50000",
        A_TO_B,
        false,
    );
    let failed = there
        .clone()
        .failed_pair("relay 198.51.100.10 49200 udp", "srflx 203.0.113.100 50000");
    // Where another socket met the quota, the relay is of one that is not used.
    let full = there
        .clone()
        .error(60.0, TURN, 486, "Allocation Quota Reached");
    let call = one(&[full.text()]);
    is(&named(&call.relay_causes), &[("turn-refused", "local")]);
    for there in [there, failed] {
        let call = one(&[there.text()]);
        is(
            &named(&call.relay_causes),
            &[("turn-peer-forbidden", "local")],
        );
        let call = one(&[here.text(), there.text()]);
        is(
            &named(&call.relay_causes),
            &[("turn-peer-forbidden", "remote")],
        );
    }
    // From here it is not known.
    let call = one(&[here.text()]);
    assert!(
        named(&call.relay_causes)
            .iter()
            .all(|(code, _)| code != "turn-peer-forbidden")
    );
}

#[test]
fn a_server_that_refuses_over_tcp_and_is_silent_over_udp_shows_that_udp_is_blocked() {
    let turn_tcp = "turn:198.51.100.10:3478?transport=tcp";
    let here = a(&[STUN, turn_tcp], &[A_HOST], &[B_HOST, B_SRFLX])
        .error(300.0, turn_tcp, 401, "Unauthorized")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            A_TO_B,
            false,
        );
    let call = one(&[here.text()]);
    is(&causes(&call), &[("udp-blocked", "local")]);
    is(&named(&call.relay_causes), &[("turn-refused", "local")]);
}

#[test]
fn a_codec_that_is_not_common_is_named_and_a_section_that_was_declined_is_not() {
    let both = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=sendrecv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n";
    let declined = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n";
    let offer = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n";
    for (answer, wanted) in [
        (both, &[("no-common-codec", "between")][..]),
        (declined, &[]),
    ] {
        let here = Dump::new(&[STUN])
            .describe(10.0, true, "offer", "aaaa", offer)
            .describe(40.0, false, "answer", "bbbb", answer)
            .finds(&[A_HOST, A_SRFLX])
            .gets(&[B_HOST, B_SRFLX])
            .ice_connects()
            .event(150.0, "onconnectionstatechange", "connected")
            .pair(
                "srflx 203.0.113.100 50000",
                "srflx 203.0.113.200 60000",
                [5, 5, 5],
                true,
            );
        let call = one(&[here.text()]);
        is(&causes(&call), wanted);
        assert_eq!(call.is_good(), wanted.is_empty());
    }
}

#[test]
fn dtls_that_never_ends_is_told_from_dtls_that_failed() {
    let up = |dump: Dump| {
        dump.gets(&[B_HOST, B_SRFLX])
            .finds(&[A_HOST, A_SRFLX])
            .ice_connects()
            .pair(
                "srflx 203.0.113.100 50000",
                "srflx 203.0.113.200 60000",
                [9, 9, 9],
                true,
            )
    };
    let here = up(Dump::new(&[STUN]).offers("aaaa", "bbbb"))
        .transport("dtlsState", "connecting")
        .transport("bytesSent", 5000);
    let call = one(&[here.text()]);
    assert_eq!(call.standing, Standing::Insecure);
    is(&causes(&call), &[("dtls-failed", "between")]);
    assert!(
        call.causes[0].message.contains("does not end"),
        "{}",
        call.causes[0].message
    );
    let here = up(Dump::new(&[STUN]).offers("aaaa", "bbbb"))
        .transport("dtlsState", "failed")
        .event(200.0, "onconnectionstatechange", "failed");
    let call = one(&[here.text()]);
    is(&causes(&call), &[("dtls-failed", "between")]);
    assert_eq!(call.path, Some(Way::Direct));
}

#[test]
fn checks_that_arrive_and_are_not_answered_are_told_from_checks_that_do_not() {
    let own = [A_HOST, A_SRFLX];
    let other = [B_HOST, B_SRFLX];
    let here = a(&[STUN], &own, &other).pair(
        "host 192.168.1.10 50000",
        "srflx 203.0.113.200 60000",
        A_TO_B,
        false,
    );
    let there = b(&[STUN], &other, &own).pair(
        "host 192.168.2.10 60000",
        "srflx 203.0.113.100 50000",
        [80, 0, 78],
        false,
    );
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("answers-lost", "between")]);
    assert_eq!(call.pairs[0].arrived, Some(78));
    is(
        &causes(&one(&[there.text(), here.text()])),
        &[("answers-lost", "between")],
    );
    // One end alone does not know.
    is(&causes(&one(&[here.text()])), &[("unknown", "between")]);
}

#[test]
fn a_path_that_was_lost_is_told_from_a_call_that_was_ended() {
    let up = || {
        Dump::new(&[STUN])
            .offers("aaaa", "bbbb")
            .finds(&[A_HOST, A_SRFLX])
            .gets(&[B_HOST, B_SRFLX])
            .ice_connects()
            .event(150.0, "onconnectionstatechange", "connected")
            .pair(
                "srflx 203.0.113.100 50000",
                "srflx 203.0.113.200 60000",
                [9, 9, 9],
                true,
            )
    };
    let lost = up()
        .event(60_000.0, "oniceconnectionstatechange", "disconnected")
        .event(60_000.0, "onconnectionstatechange", "disconnected")
        .event(75_000.0, "oniceconnectionstatechange", "failed")
        .event(75_000.0, "onconnectionstatechange", "failed")
        .transport("dtlsState", "connected");
    let call = one(&[lost.text()]);
    is(&causes(&call), &[("path-lost", "between")]);
    assert_eq!(call.standing, Standing::Lost);
    let ended = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX])
        .gets(&[A_HOST, A_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .event(55_000.0, "close", serde_json::Value::Null)
        .pair(
            "srflx 203.0.113.200 60000",
            "srflx 203.0.113.100 50000",
            [9, 9, 9],
            true,
        );
    assert!(
        causes(&one(&[lost.text(), ended.text()])).is_empty(),
        "the other end closed it"
    );
    assert!(one(&[up().text()]).is_good());
}

#[test]
fn relays_alone_by_policy_are_no_fault_of_the_network() {
    let relay = from(
        "candidate:9 1 udp 58662911 198.51.100.10 49300 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag aaaa",
        TURN,
    );
    let here = Dump::new(&[TURN])
        .with_policy("relay")
        .offers("aaaa", "bbbb")
        .finds(&[relay])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "relay 198.51.100.10 49300 udp",
            "srflx 203.0.113.200 60000",
            [6, 6, 5],
            true,
        );
    let call = one(&[here.text()]);
    assert_eq!(call.path, Some(Way::Relayed));
    is(&causes(&call), &[("relay-only", "local")]);
}

/// Names alone, and servers that answered nobody: neither UDP nor the servers are known to be at fault.
#[test]
fn names_alone_and_silent_servers_are_not_called_hidden() {
    let own = told(
        "candidate:1 1 udp 2113937151 aaaaaaaa-7b08-4c7d-bdf4-fde416510976.local 50000 typ host generation 0 ufrag aaaa",
    );
    let other = told(
        "candidate:3 1 udp 2113937151 bbbbbbbb-7b08-4c7d-bdf4-fde416510976.local 60000 typ host generation 0 ufrag bbbb",
    );
    let late = |dump: Dump| dump.event(45_000.0, "track", json!({"kind": "audio"}));
    let here = late(
        Dump::new(&[STUN])
            .offers("aaaa", "bbbb")
            .finds(&[own])
            .gets(&[other]),
    );
    let there = late(
        Dump::new(&[STUN])
            .answers("bbbb", "aaaa")
            .finds(&[other])
            .gets(&[own]),
    );
    let call = one(&[here.text(), there.text()]);
    is(&causes(&call), &[("unknown", "between")]);
    let said = &call.causes[0].message;
    assert!(said.contains("no server answered them"), "{said}");
}
