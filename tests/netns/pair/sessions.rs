//! What becomes of a session when an end or the rendezvous comes late or goes, and the other ways to meet.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::super::ends::{self, End, Ended};
use super::network::{Network, Place};
use super::{Path, RENDEZVOUS, UDP, new_code, side};

const STUN: &str = "-s stun:203.0.113.10";
const SHORT: &str = "--duration 0.5";
/// The goal for a whole command with the default duration.
const WHOLE_COMMAND: Duration = Duration::from_secs(6);

/// Two hosts behind routers of their own.
fn apart(a: &str, b: &str) -> Place {
    Place::Apart(side(a), side(b))
}

/// A network with a session in it.
struct Session {
    network: Network,
    code: String,
}

impl Session {
    fn new(place: &Place) -> Session {
        Session {
            network: Network::build(place),
            code: new_code(),
        }
    }

    fn start(&self, role: &str, args: &str) -> End {
        let code = &self.code;
        let args = format!("{code} --rendezvous {RENDEZVOUS} {args}");
        self.network.pair(role, &args)
    }
}

fn assert_sound(a: &Ended, b: &Ended, path: Path) {
    let mut flaws = ends::disagreements(a, b);
    let wanted = match path {
        Path::Direct => Some("direct"),
        Path::Relayed => Some("relayed"),
        Path::None => None,
    };
    for end in [a, b] {
        if end.path() != wanted {
            flaws.push(format!("the path is {:?}", end.path()));
        }
        if end.code != Some(i32::from(wanted.is_none())) {
            flaws.push(format!("exit code {:?}", end.code));
        }
    }
    assert!(
        flaws.is_empty(),
        "{}\n-- a: {}\n-- b: {}",
        flaws.join("\n"),
        a.describe(),
        b.describe()
    );
}

fn assert_alone(end: &Ended, code: i32, state: &str) {
    let flaws = end.flaws();
    let is_right = end.code == Some(code) && end.result()["state"] == state;
    assert!(
        flaws.is_empty() && is_right,
        "wanted {code}, {state}: {}\n{}",
        flaws.join("\n"),
        end.describe()
    );
}

pub fn default_duration() {
    for place in [apart("home", "home"), apart("symmetric", "symmetric")] {
        let session = Session::new(&place);
        let (a, b) = (session.start("a", UDP), session.start("b", UDP));
        let (a, b) = (a.finish(), b.finish());
        assert_eq!(a.path(), b.path(), "{} {}", a.describe(), b.describe());
        for end in [a, b] {
            assert!(end.elapsed < WHOLE_COMMAND, "{}", end.describe());
        }
    }
}

pub fn peer_never_comes() {
    let session = Session::new(&apart("home", "home"));
    let a = session.start("a", &format!("{UDP} --timeout 2")).finish();
    assert_alone(&a, 1, "no-peer");
    let about_two = Duration::from_millis(1900)..Duration::from_secs(4);
    assert!(about_two.contains(&a.elapsed), "{}", a.describe());
}

pub fn peer_comes_late() {
    let session = Session::new(&apart("home", "home"));
    let a = session.start("a", &format!("{UDP} {SHORT}"));
    thread::sleep(Duration::from_secs(5));
    let b = session.start("b", &format!("{UDP} {SHORT}"));
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Direct);
    assert!(b.elapsed < WHOLE_COMMAND, "{}", b.describe());
}

pub fn peer_is_killed_before_the_connection() {
    // Nothing connects these two, so there is time.
    let session = Session::new(&apart("symmetric", "symmetric"));
    let mut a = session.start("a", STUN);
    let mut b = session.start("b", STUN);
    a.wait_for_step("description-received");
    b.wait_for_step("description-received");
    b.kill();
    let a = a.finish();
    assert_alone(&a, 3, "failed");
    assert!(a.elapsed < Duration::from_secs(20), "{}", a.describe());
}

pub fn peer_is_killed_after_the_connection() {
    let session = Session::new(&apart("home", "home"));
    let mut a = session.start("a", &format!("{UDP} --duration 4"));
    let mut b = session.start("b", &format!("{UDP} --duration 4"));
    a.wait_for_step("data-exchanged");
    b.wait_for_step("data-exchanged");
    b.kill();
    let a = a.finish();
    assert!(a.flaws().is_empty(), "{:?}\n{}", a.flaws(), a.describe());
    assert!(a.elapsed < Duration::from_secs(20), "{}", a.describe());
    // Whoever reads it learns that the other side went.
    let says_so = ends::rows(&a.result()["timeline"])
        .iter()
        .any(|entry| entry["event"] == "peer-left" || entry["event"] == "peer-ended");
    assert!(says_so, "{}", a.describe());
}

pub fn interrupted_alone() {
    let session = Session::new(&apart("home", "home"));
    let mut a = session.start("a", UDP);
    a.wait_for_step("rendezvous-joined");
    a.interrupt();
    let a = a.finish();
    assert_alone(&a, 130, "no-peer");
    assert_eq!(a.document["outcome"], "interrupted", "{}", a.describe());
}

pub fn interrupt_is_told() {
    let session = Session::new(&apart("symmetric", "symmetric"));
    let mut a = session.start("a", STUN);
    let mut b = session.start("b", STUN);
    a.wait_for_step("description-received");
    b.wait_for_step("description-received");
    b.interrupt();
    let (a, b) = (a.finish(), b.finish());
    assert_alone(&b, 130, "failed");
    let flaws = a.flaws();
    assert!(flaws.is_empty(), "{flaws:?}\n{}", a.describe());
    assert!(
        a.document["summary"]
            .as_str()
            .is_some_and(|summary| summary.contains("interrupted")),
        "{}",
        a.describe()
    );
    assert!(a.elapsed < Duration::from_secs(5), "{}", a.describe());
}

pub fn interrupt_during_quality() {
    let session = Session::new(&apart("home", "home"));
    let mut a = session.start("a", &format!("{UDP} --duration 20"));
    let mut b = session.start("b", &format!("{UDP} --duration 20"));
    a.wait_for_step("data-exchanged");
    b.wait_for_step("data-exchanged");
    thread::sleep(Duration::from_millis(500));
    b.interrupt();
    let (a, b) = (a.finish(), b.finish());
    assert_alone(&b, 130, "connected");
    assert!(a.flaws().is_empty(), "{:?}\n{}", a.flaws(), a.describe());
    assert_eq!(a.result()["state"], "connected", "{}", a.describe());
    assert!(a.elapsed < Duration::from_secs(10), "{}", a.describe());
}

pub fn rendezvous_restarts_before_the_peer_comes() {
    let mut session = Session::new(&apart("home", "home"));
    let mut a = session.start("a", &format!("{UDP} {SHORT}"));
    a.wait_for_step("rendezvous-joined");
    session.network.kill_rendezvous();
    a.wait_for_step("rendezvous-lost");
    session.network.start_rendezvous().expect("it starts again");
    let b = session.start("b", &format!("{UDP} {SHORT}"));
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Direct);
    assert_eq!(a.result()["session"]["reconnects"], 1, "{}", a.describe());
}

pub fn rendezvous_restarts_during_the_checks() {
    let mut session = Session::new(&apart("symmetric", "symmetric"));
    let mut a = session.start("a", &format!("{UDP} {SHORT}"));
    let b = session.start("b", &format!("{UDP} {SHORT}"));
    a.wait_for_step("check-sent");
    session.network.kill_rendezvous();
    thread::sleep(Duration::from_secs(1));
    session.network.start_rendezvous().expect("it starts again");
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Relayed);
}

pub fn rendezvous_restarts_during_quality() {
    let mut session = Session::new(&apart("home", "home"));
    let mut a = session.start("a", UDP);
    let mut b = session.start("b", UDP);
    a.wait_for_step("data-exchanged");
    b.wait_for_step("data-exchanged");
    session.network.kill_rendezvous();
    thread::sleep(Duration::from_secs(1));
    session.network.start_rendezvous().expect("it starts again");
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Direct);
}

pub fn relay_only() {
    for (of_a, of_b) in [
        ("--policy relay", ""),
        ("", "--policy relay"),
        ("--policy relay", "--policy relay"),
    ] {
        let session = Session::new(&apart("home", "home"));
        let a = session.start("a", &format!("{UDP} {SHORT} {of_a}"));
        let b = session.start("b", &format!("{UDP} {SHORT} {of_b}"));
        let (a, b) = (a.finish(), b.finish());
        assert_sound(&a, &b, Path::Relayed);
        assert_eq!(a.expected(), "relay", "{}", a.describe());
        for (end, flag) in [(&a, of_a), (&b, of_b)] {
            let candidates = ends::rows(&end.result()["local"]["candidates"]);
            let all_relayed = candidates.iter().all(|c| c["type"] == "relay");
            assert_eq!(all_relayed, !flag.is_empty(), "{}", end.describe());
        }
    }
}

pub fn roles_are_forced() {
    for role in ["controlling", "controlled"] {
        let session = Session::new(&apart("home", "home"));
        let start = |end| session.start(end, &format!("{UDP} {SHORT} --role {role}"));
        let (a, b) = (start("a"), start("b"));
        assert_sound(&a.finish(), &b.finish(), Path::Direct);
    }
    let session = Session::new(&apart("home", "home"));
    let a = session.start("a", &format!("{UDP} {SHORT} --role controlled"));
    let b = session.start("b", &format!("{UDP} {SHORT} --role controlling"));
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Direct);
    assert_eq!(a.result()["role"], "controlled", "{}", a.describe());
}

pub fn by_hand() {
    for (flag, end_of_text) in [("--manual", "\n"), ("--manual=sdp", "\n\n")] {
        for (place, path) in [
            (apart("home", "home"), "direct"),
            (apart("symmetric", "symmetric"), "relayed"),
        ] {
            let network = Network::build(&place);
            let mut ends =
                ["a", "b"].map(|role| network.pair(role, &format!("{flag} {UDP} {SHORT}")));
            let texts = ends.each_mut().map(|end| {
                let event = end.wait_for(|event| event["event"] == "description");
                event["text"].as_str().unwrap_or_default().to_owned()
            });
            let [of_a, of_b] = texts.map(|text| text.trim_end().to_owned() + end_of_text);
            ends[0].say(&of_b);
            ends[1].say(&of_a);
            let ends = ends.map(End::finish);
            for end in &ends {
                let flaws = end.flaws();
                assert!(
                    flaws.is_empty() && end.code == Some(0) && end.path() == Some(path),
                    "{flag}, {path}: {}\n{}",
                    flaws.join("\n"),
                    end.describe()
                );
            }
            let selected = |end: &Ended, side: &str| {
                let end = &end.result()["selected"][side];
                (end["address"].clone(), end["port"].clone())
            };
            let [a, b] = &ends;
            assert_eq!(selected(a, "local"), selected(b, "remote"));
            assert_eq!(selected(a, "remote"), selected(b, "local"));
        }
    }
}

pub fn rendezvous_in_one_of_the_two() {
    let network = Network::build(&apart("public", "home"));
    let mut a = network.pair("a", &format!("--rendezvous lan {UDP} {SHORT}"));
    let event = a.wait_for(|event| event["event"] == "session");
    let command = event["command"].as_str().unwrap_or_default().to_owned();
    let args = command.strip_prefix("rtcdiag pair ");
    let args = args.unwrap_or_else(|| panic!("not a command: {event}"));
    let b = network.pair("b", &format!("{args} {SHORT}"));
    let (a, b) = (a.finish(), b.finish());
    assert_sound(&a, &b, Path::Direct);
    let mode = |end: &Ended| -> Value { end.result()["session"]["mode"].clone() };
    assert_eq!(mode(&a), "embedded", "{}", a.describe());
    assert_eq!(mode(&b), "rendezvous", "{}", b.describe());
}

/// A router that filters everything leaves the rendezvous out of reach: that is said, and soon.
pub fn rendezvous_out_of_reach() {
    let session = Session::new(&apart("cut_off", "home"));
    let a = session.start("a", UDP).finish();
    assert_eq!(a.code, Some(2), "{}", a.describe());
    assert!(a.elapsed < Duration::from_secs(10), "{}", a.describe());
}
