//! Calls with several sessions of ICE, and with paths that died in the middle of them.

use rtcdiag::proto::evidence::calls;
use rtcdiag::proto::evidence::facts::standing::Standing;
use serde_json::{Value, json};

use super::dump::{AUDIO, BEGAN, Dump};
use super::flights::{client_hello, server_hello};
use super::reach::{A, A_OUTSIDE, B, Seen, judge, summary};
use super::settled::{STUN, audio_call, told_of, up};
use super::tape::Tape;
use super::{named, one};

const LOST: [(&str, &str); 1] = [("path-lost", "between")];

fn causes(call: &rtcdiag::proto::evidence::facts::JudgedCall) -> Vec<(String, String)> {
    named(&call.causes)
}

fn owned(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(code, side)| ((*code).to_owned(), (*side).to_owned()))
        .collect()
}

/// The same two hosts from other ports, with other credentials, in the same capture.
fn again(first: Seen) -> Seen {
    let mut seen = Seen::new(
        ["192.168.1.10:5001", "203.0.113.200:6001"],
        "203.0.113.100:5001",
        ["b2b2:a2a2", "a2a2:b2b2"],
    );
    seen.tape = first.tape;
    seen.number = 5000;
    seen
}

fn silent(seen: &mut Seen, from: u32, to: u32) {
    for ms in (from..to).step_by(500) {
        seen.checks(ms, 0, false);
    }
}

#[test]
fn an_outage_of_some_seconds_in_the_middle_is_told() {
    for (to, is_told) in [(9000, false), (12_000, true), (19_000, true)] {
        let mut a = Seen::at_a();
        a.works(100, 7000);
        silent(&mut a, 7000, to);
        a.works(to, 26_000);
        let call = judge(&[a.tape.record()]);
        assert_eq!(call.standing, Standing::Connected, "{to}");
        let wanted = if is_told { owned(&LOST) } else { Vec::new() };
        assert_eq!(causes(&call), wanted, "{to}");
        if is_told {
            let said = &call.causes[0].message;
            assert!(said.contains("and came back"), "{said}");
        }
    }
}

#[test]
fn an_outage_one_way_in_the_middle_is_told_as_one() {
    let mut a = Seen::at_a();
    a.works(100, 7000);
    for ms in (7000..16_000).step_by(500) {
        a.checks(ms, 0, false);
        a.checks(ms + 10, 1, true);
        a.media(ms + 30, 1);
    }
    a.works(16_000, 22_000);
    let call = judge(&[a.tape.record()]);
    assert_eq!(causes(&call), owned(&LOST));
    let said = &call.causes[0].message;
    assert!(said.contains("was not answered meanwhile"), "{said}");
    assert!(!said.contains("nothing came"), "{said}");
}

#[test]
fn a_path_that_is_lost_after_an_outage_has_not_come_back() {
    let mut a = Seen::at_a();
    a.works(100, 7000);
    silent(&mut a, 7000, 19_000);
    a.works(19_000, 26_000);
    silent(&mut a, 26_000, 40_000);
    let call = judge(&[a.tape.record()]);
    assert_eq!(call.standing, Standing::Lost);
    let said = &call.causes[0].message;
    assert!(!said.contains("came back"), "{said}");
}

#[test]
fn a_second_path_hides_no_outage_before_it() {
    let mut a = Seen::at_a();
    a.works(100, 7000);
    silent(&mut a, 7000, 18_000);
    a.ends[1] = "198.51.100.77:6000";
    a.works(18_000, 22_000);
    let call = judge(&[a.tape.record()]);
    assert_eq!(call.standing, Standing::Connected);
    assert_eq!(causes(&call), owned(&LOST));
    let said = &call.causes[0].message;
    assert!(said.contains("for 11 s and came back"), "{said}");
    let used = call.pairs.iter().find(|pair| pair.record.is_selected);
    assert_eq!(
        used.and_then(|pair| pair.record.remote.socket_address()),
        "198.51.100.77:6000".parse().ok(),
        "it is the one in use in the end"
    );
}

/// The moment in which one end has the new credentials and the other one has not is not in it.
#[test]
fn media_that_goes_on_shows_a_restart_of_ice() {
    let mut a = Seen::at_a();
    a.works(100, 7000);
    silent(&mut a, 7000, 18_000);
    let mut again = again(a);
    again.works(18_000, 24_000);
    let record = again.tape.record();
    assert_eq!(record.accounts.len(), 1);
    let call = judge(&[record]);
    assert_eq!(call.standing, Standing::Connected);
    assert_eq!(causes(&call), owned(&LOST));
}

#[test]
fn two_calls_of_the_same_hosts_are_two_in_their_order() {
    let mut a = Seen::at_a();
    for ms in (100..15_000).step_by(500) {
        a.checks(ms, 0, false);
    }
    let mut later = again(a);
    let way = (later.ends[0], later.ends[1]);
    later.checks(60_000, 0, true);
    later.tape.udp(60_100, way, &client_hello(300));
    later.tape.udp(60_150, (way.1, way.0), &server_hello(300));
    later.works(60_500, 66_000);
    let record = later.tape.record();
    let ports: Vec<u16> = record
        .accounts
        .iter()
        .map(|account| account.pairs[0].local.port)
        .collect();
    assert_eq!(ports, [5000, 5001]);
    let joined = calls::join(vec![record.clone()]);
    let began: Vec<f64> = joined
        .iter()
        .filter_map(|call| call.ends[0].as_ref()?.began)
        .collect();
    assert!(began[1] - began[0] > 59_000.0, "{began:?}");
    let said = summary(&[record]);
    assert!(
        said.contains("1 worked and 1 did not work. Call 1: "),
        "{said}"
    );
}

/// By RTCP, in a packet that is nothing else.
#[test]
fn an_end_that_says_bye_has_lost_no_path() {
    for says_bye in [true, false] {
        let mut a = Seen::at_a();
        a.works(100, 7000);
        if says_bye {
            let bye = [&[0x81, 203, 0, 1][..], &[0, 0, 0, 2]].concat();
            a.tape.udp(7550, (B, A), &bye);
        }
        silent(&mut a, 7600, 20_000);
        let call = judge(&[a.tape.record()]);
        assert_eq!(call.standing == Standing::Connected, says_bye);
        assert_eq!(call.causes.is_empty(), says_bye, "{:?}", call.causes);
    }
}

/// A dump whose pair in use has these samples, a second apart, of requests sent and answered and bytes received; `None`
/// is a second in which the page was not asked.
fn sampled(samples: &[Option<[u64; 3]>]) -> Dump {
    let mut dump = up(Dump::new(&[STUN]).offers("aaaa", "bbbb"));
    let asked: Vec<(f64, [u64; 3])> = samples
        .iter()
        .enumerate()
        .filter_map(|(second, sample)| {
            let second = f64::from(u32::try_from(second).expect("few"));
            Some((BEGAN + 1000.0 * (second + 1.0), (*sample)?))
        })
        .collect();
    let times: Vec<f64> = asked.iter().map(|(at, _)| *at).collect();
    dump.samples("timestamp", &json!(times));
    for (place, member) in ["requestsSent", "responsesReceived", "bytesReceived"]
        .into_iter()
        .enumerate()
    {
        let values: Vec<u64> = asked.iter().map(|(_, counts)| counts[place]).collect();
        dump.samples(member, &json!(values));
    }
    dump.samples("requestsReceived", &json!(vec![9; asked.len()]));
    dump
}

/// Chromium says that ICE is disconnected some seconds after the last packet, and not where it comes back before.
#[test]
fn counters_that_stand_still_show_an_outage() {
    let at = |sent: u64, answered: u64, bytes: u64| Some([sent, answered, bytes]);
    let works = |n: u64| at(9 + n, 9 + n, 1000 * n);
    let mut still: Vec<_> = (1..6).map(works).collect();
    still.extend((6..11).map(|n| at(9 + n, 14, 5000)));
    still.extend((11..20).map(works));
    let call = one(&[sampled(&still).text()]);
    assert_eq!(causes(&call), owned(&LOST));
    assert!(
        call.causes[0].message.contains("and came back"),
        "{:?}",
        call.causes
    );
    // A page that is in the background is not asked, and its counters have grown then.
    let mut paused: Vec<_> = (1..6).map(works).collect();
    paused.extend([None; 5]);
    paused.extend((11..20).map(works));
    let call = one(&[sampled(&paused).text()]);
    assert!(call.is_good(), "{:?}", call.causes);
}

/// A program that leaves without a word over DTLS ends its data channels all the same.
#[test]
fn a_data_channel_that_ends_with_the_last_packet_is_a_goodbye() {
    let left = |state: &str| {
        let mut dump = sampled(&[
            Some([10, 10, 900]),
            Some([11, 11, 950]),
            Some([16, 11, 950]),
        ])
        .event(8000.0, "oniceconnectionstatechange", "disconnected")
        .event(15_000.0, "onconnectionstatechange", "failed");
        let id = "D1";
        dump = dump.stream(id, "data-channel", "messagesSent", 3);
        dump.series_of(
            id,
            "data-channel",
            "state",
            &[(2000.0, json!("open")), (2900.0, json!(state))],
        );
        one(&[dump.text()])
    };
    assert_eq!(left("closed").standing, Standing::Connected);
    assert!(left("closed").causes.is_empty());
    assert_eq!(causes(&left("open")), owned(&LOST));
}

/// Media that is agreed to go both ways, and goes one way.
#[test]
fn a_call_that_goes_one_way_is_a_bad_one() {
    let codes = |text: String| -> Vec<Value> {
        let (result, _, _) = told_of(&[text]);
        let causes = result["calls"][0]["causes"].as_array().cloned();
        let causes = causes.unwrap_or_default().into_iter();
        causes
            .map(|cause| json!([cause["code"], cause["side"]]))
            .collect()
    };
    assert_eq!(
        codes(audio_call(AUDIO, 0, 700)),
        [json!(["no-media", "local"])]
    );
    assert_eq!(
        codes(audio_call(AUDIO, 700, 0)),
        [json!(["no-media", "between"])]
    );
    assert_eq!(codes(audio_call(AUDIO, 700, 700)), [] as [Value; 0]);
    // Somebody who only listens, and nobody.
    for agreed in ["sendonly", "recvonly", "inactive"] {
        let media = AUDIO.replace("sendrecv", agreed);
        let (sent, received) = if agreed == "recvonly" {
            (700, 0)
        } else {
            (0, 700)
        };
        assert_eq!(
            codes(audio_call(&media, sent, received)),
            [] as [Value; 0],
            "{agreed}"
        );
    }
}

#[test]
fn one_path_that_is_used_from_the_beginning_has_its_own_times() {
    let mut a = Seen::at_a();
    a.works(100, 4000);
    let tape: &Tape = &a.tape;
    let record = tape.record();
    let first = &record.accounts[0];
    let began = first.began.expect("it has times");
    let up = first
        .changes
        .iter()
        .find(|change| change.value == "connected")
        .and_then(|change| change.at);
    assert!(up.is_some_and(|up| up - began < 200.0), "{A_OUTSIDE}");
}
