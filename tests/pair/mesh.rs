//! `rtcdiag mesh` at brokers, and among those who should not be there.

use rtcdiag::commands::mesh::run::lobby_code;
use rtcdiag::net::clock::Clock;
use rtcdiag::net::rendezvous::client::{Event, Rendezvous, Target};
use rtcdiag::proto::mesh::beat::{Beat, Entry, Stage, VERSION};
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::RoomKind;
use rtcdiag::proto::signal::seal::{Name, header, seal_beat};
use serde_json::{Value, json};

use crate::support::broker::{HARMLESS, Manner, broker};
use crate::support::meeting::{Meeting, ended};
use crate::support::program::{GOOD, INCONCLUSIVE, Run};
use crate::support::rendezvous::{Running, target};

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

#[track_caller]
fn assert_direct(runs: &[Run]) {
    for run in runs {
        run.assert_code(GOOD);
        assert_eq!(run.summary(), "3 hosts, 3 ways: 3 direct.", "{run:#?}");
    }
}

#[test]
fn three_hosts_meet_at_a_broker_whatever_it_does_to_the_order() {
    for manner in HARMLESS {
        println!("{manner:?}");
        let url = format!("mqtt://127.0.0.1:{}", broker(manner));
        let runs = Meeting::new().members(&NAMES, &url, &[]);
        assert_direct(&runs);
    }
}

#[test]
fn what_is_retained_does_no_harm() {
    let url = format!("mqtt://127.0.0.1:{}", broker(Manner::Retains));
    assert_direct(&Meeting::new().members(&NAMES, &url, &[]));
}

/// A session may not come about where every fifth message is spoilt; then its way is not tested, and never failed.
#[test]
fn what_is_altered_or_dropped_makes_nothing_false() {
    for manner in [Manner::Alters, Manner::Drops] {
        println!("{manner:?}");
        let url = format!("mqtt://127.0.0.1:{}", broker(manner));
        for run in Meeting::new().members(&NAMES, &url, &["--timeout", "20"]) {
            for way in run.list("ways") {
                let outcome = way["outcome"].as_str();
                assert!(matches!(outcome, Some("direct" | "not-tested")), "{run:#?}");
            }
        }
    }
}

#[test]
fn one_place_of_two_is_dead() {
    let url = format!("mqtt://127.0.0.1:{}", broker(Manner::Honest));
    let args = ["--rendezvous", "ws://127.0.0.1:1"];
    let runs = Meeting::new().members(&NAMES, &url, &args);
    assert_direct(&runs);
    for run in &runs {
        let rows = run.list("rendezvous");
        assert_eq!(rows[0]["status"], "reached", "{rows:?}");
        assert_eq!(rows[1]["status"], "failed", "{rows:?}");
    }
}

/// In the lobby of a code, as somebody who is not of the program.
async fn intrude(server: &Running, code: &Code, number: u8) -> Rendezvous {
    let lobby = lobby_code(code);
    let target = Target {
        room: (&lobby).into(),
        kind: RoomKind::Lobby,
        ..target(&server.address.to_string(), number)
    };
    let joined = Rendezvous::connect(target, Clock::start()).await;
    joined.expect("there is room")
}

/// A server in this process, three members, and somebody who does what `mischief` says with each beat that it hears.
fn among_three(hosts: &str, mischief: impl Fn(&mut Rendezvous, &Code, &[u8], u64)) -> Vec<Run> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let meeting = Meeting::new();
    let code: Code = meeting.code.parse().expect("a code");
    let (server, mut intruder) = runtime.block_on(async {
        let server = Running::start();
        let intruder = intrude(&server, &code, 99).await;
        (server, intruder)
    });
    let url = format!("ws://{}", server.address);
    let args = ["--json", "--hosts", hosts];
    let children = NAMES.map(|name| {
        let mut member = meeting.member(name, &url, &args);
        member.spawn().expect("it runs")
    });
    let waiting = std::thread::spawn(move || children.map(ended));
    runtime.block_on(async {
        let mut number = 0;
        while !waiting.is_finished() {
            let heard = intruder.next();
            let patience = std::time::Duration::from_millis(100);
            if let Ok(Some(Event::Envelope(envelope))) = tokio::time::timeout(patience, heard).await
            {
                number += 1;
                mischief(&mut intruder, &code, &envelope, number);
            }
        }
    });
    waiting.join().expect("they end").into()
}

/// Who has not the code can repeat, change and make up, and nothing comes of it.
#[test]
fn who_has_not_the_code_changes_nothing() {
    let runs = among_three("3", |intruder, _, envelope, number| {
        let mut changed = envelope.to_vec();
        let place = usize::try_from(number).expect("few") % changed.len();
        changed[place] ^= 1;
        for said in [envelope.to_vec(), changed, vec![7; 100], Vec::new()] {
            intruder.send(said).expect("small");
        }
    });
    assert_direct(&runs);
    for run in &runs {
        assert!(run.finding("messages-refused").is_some(), "{run:#?}");
    }
}

/// Who has it is a member, whatever it says: one that offers and never comes costs its own ways alone.
#[test]
fn a_member_that_lies_costs_its_own_ways_alone() {
    let runs = among_three("4", |intruder, code, envelope, number| {
        let heard = header(envelope).expect("an envelope").from;
        let own = Name([0; 16]);
        let stage = match number % 3 {
            0 => Stage::Offered,
            1 => Stage::Running,
            _ => Stage::Done,
        };
        let beat = Beat {
            version: VERSION,
            name: "liar \u{1b}[2J".to_owned(),
            software: "rtcdiag/9".to_owned(),
            free: 4,
            is_done: number % 2 == 0,
            is_leaving: number > 30,
            row: vec![Entry {
                with: heard,
                stage,
                attempt: 1,
                report: None,
            }],
        };
        let sealed = seal_beat(&lobby_code(code), own, number, &beat.encode());
        intruder.send(sealed.expect("small")).expect("small");
    });
    for run in &runs {
        let among_us = |way: &&Value| {
            let ends = [&way["a"], &way["b"]].map(|end| end.as_str().expect("a name"));
            ends.iter().all(|end| NAMES.contains(end))
        };
        let ways: Vec<&Value> = run.list("ways").iter().filter(among_us).collect();
        assert!(!ways.is_empty(), "{run:#?}");
        assert!(run.code == GOOD || run.code == INCONCLUSIVE, "{run:#?}");
        for way in ways {
            assert!(way["outcome"] != json!("failed"), "{run:#?}");
        }
        assert!(!run.stdout.contains('\u{1b}'), "{run:#?}");
    }
}
