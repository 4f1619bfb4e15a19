//! Sessions of `rtcdiag pair` at a real MQTT broker, mosquitto.

use std::time::Duration;

use crate::support::certificates::{Authority, Certificate};
use crate::support::ends::End;
use crate::support::meeting::{Meeting, ended};
use crate::support::mosquitto::{Mosquitto, hashed, mosquitto};
use crate::support::program::{ERROR, GOOD, Run, run};

const OPEN: &[&str] = &["allow_anonymous true"];

#[track_caller]
fn assert_connected(runs: &[Run; 2]) {
    for run in runs {
        run.assert_code(GOOD);
        assert_eq!(run.result()["state"], "connected", "{run:#?}");
    }
}

/// Messages and bytes that it was given.
fn given(broker: &Mosquitto) -> (usize, usize) {
    let log = broker.log();
    let received: Vec<&str> = log
        .lines()
        .filter(|l| l.contains("Received PUBLISH"))
        .collect();
    let bytes = received.iter().filter_map(|line| {
        let (_, bytes) = line.rsplit_once('(')?;
        bytes.split(' ').next()?.parse::<usize>().ok()
    });
    (received.len(), bytes.sum())
}

#[test]
fn two_sides_meet_at_a_broker_and_are_good_guests() {
    let Some(broker) = mosquitto(OPEN, &[]) else {
        return;
    };
    let runs = Meeting::new().at(&[&format!("mqtt://127.0.0.1:{}", broker.port)]);
    assert_connected(&runs);
    let (messages, bytes) = given(&broker);
    assert!((8..=60).contains(&messages), "{messages}");
    assert!(bytes <= 100_000, "{bytes}");
    let log = broker.log();
    assert!(!log.contains("r1"), "something was retained: {log}");
    assert_eq!(log.matches("Received DISCONNECT").count(), 2, "{log}");
}

#[test]
fn over_websocket() {
    let lines = ["allow_anonymous true", "protocol websockets"];
    let Some(broker) = mosquitto(&lines, &[]) else {
        return;
    };
    let url = format!("mqtt+ws://127.0.0.1:{}", broker.port);
    assert_connected(&Meeting::new().at(&[&url]));
    // A plain client is not understood there, and told so.
    let plain = format!("mqtt://127.0.0.1:{}", broker.port);
    let refused = run(Meeting::new().side(&["--rendezvous", &plain]));
    refused.assert_code(ERROR);
}

/// The certificate is verified, and a port with TLS is told from one without.
#[test]
fn over_tls() {
    let authority = Authority::new().expect("it can be written");
    for (kind, code) in [
        (Certificate::Good, None),
        (Certificate::Expired, Some("has expired")),
        (Certificate::UnknownIssuer, Some("signed by a stranger")),
    ] {
        let (certificate, key) = authority.pem(kind).expect("it can be made");
        let files = [("cert", &*certificate), ("key", &*key)];
        let lines = [
            "certfile HOME/cert",
            "keyfile HOME/key",
            "allow_anonymous true",
        ];
        let Some(broker) = mosquitto(&lines, &files) else {
            return;
        };
        let meeting = Meeting::new();
        let side = |scheme: &str| {
            let url = format!("{scheme}://127.0.0.1:{}", broker.port);
            let mut command = meeting.side(&["--rendezvous", &url, "--timeout", "40"]);
            command.env("SSL_CERT_FILE", authority.file());
            command
        };
        if let Some(says) = code {
            let refused = run(side("mqtts"));
            refused.assert_code(ERROR);
            assert!(refused.summary().contains(says), "{refused:#?}");
            continue;
        }
        let children = [(); 2].map(|()| side("mqtts").spawn().expect("it runs"));
        assert_connected(&children.map(ended));
        let refused = run(side("mqtt"));
        refused.assert_code(ERROR);
        assert!(refused.summary().contains("use mqtts://"), "{refused:#?}");
    }
}

#[test]
fn with_a_password() {
    let Some(hashed) = hashed("ann:right") else {
        return;
    };
    let lines = ["allow_anonymous false", "password_file HOME/users"];
    let Some(broker) = mosquitto(&lines, &[("users", &hashed)]) else {
        return;
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let meeting = Meeting::new();
    let side = || {
        let args = [
            "--rendezvous",
            &url,
            "--rendezvous-username",
            "ann",
            "--timeout",
            "40",
        ];
        let mut command = meeting.side(&args);
        command.env("RTCDIAG_RENDEZVOUS_PASSWORD", "right");
        command
    };
    let children = [(); 2].map(|()| side().spawn().expect("it runs"));
    assert_connected(&children.map(ended));
}

#[test]
fn with_rights_that_are_missing() {
    let acl = ("acl", "topic read #\n");
    let lines = ["allow_anonymous true", "acl_file HOME/acl"];
    let Some(broker) = mosquitto(&lines, &[acl]) else {
        return;
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let refused = run(Meeting::new().side(&["--rendezvous", &url]));
    refused.assert_code(ERROR);
    let says = "takes messages and does not hand them on";
    assert!(refused.summary().contains(says), "{refused:#?}");
    let closed = mosquitto(&["allow_anonymous false"], &[]).expect("it was there before");
    let url = format!("mqtt://127.0.0.1:{}", closed.port);
    let meeting = Meeting::new();
    for password in [None, Some("wrong")] {
        let mut command = meeting.side(&["--rendezvous", &url]);
        if let Some(password) = password {
            command.args(["--rendezvous-username", "ann"]);
            command.env("RTCDIAG_RENDEZVOUS_PASSWORD", password);
        }
        let refused = run(command);
        refused.assert_code(ERROR);
        assert!(
            refused.summary().contains("--rendezvous-username"),
            "{refused:#?}"
        );
        assert!(!refused.stderr.contains("wrong"), "{refused:#?}");
    }
}

#[test]
fn a_broker_that_refuses_large_messages() {
    for (limit, fits) in [
        ("max_packet_size 700", true),
        ("message_size_limit 600", true),
        ("max_packet_size 200", false),
    ] {
        let Some(broker) = mosquitto(&["allow_anonymous true"], &[]) else {
            return;
        };
        drop(broker);
        let limited = [limit, "allow_anonymous true"];
        let broker = mosquitto(&limited, &[]).expect("it was there before");
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        println!("{limit}");
        if fits {
            assert_connected(&Meeting::new().at(&[&url]));
            continue;
        }
        let runs = Meeting::new().at(&[&url]);
        for run in &runs {
            let finding = run.assert_finding("rendezvous-failed", "error");
            let message = finding["message"].as_str().expect("text");
            assert!(message.contains("bytes"), "{message}");
        }
    }
}

#[test]
fn one_of_two_is_dead_or_dies() {
    let (Some(one), Some(mut other)) = (mosquitto(OPEN, &[]), mosquitto(OPEN, &[])) else {
        return;
    };
    let urls = [&one, &other].map(|broker| format!("mqtt://127.0.0.1:{}", broker.port));
    let meeting = Meeting::new();
    let args = ["--rendezvous", &urls[0], "--rendezvous", &urls[1]];
    let first = meeting.side(&args).spawn().expect("it runs");
    // It is at both before one of them goes.
    while one.log().matches("Received SUBSCRIBE").count() == 0
        || other.log().matches("Received SUBSCRIBE").count() == 0
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    other.kill();
    let second = meeting.side(&args).spawn().expect("it runs");
    let runs = [first, second].map(ended);
    assert_connected(&runs);
    let row = &runs[1].result()["rendezvous"][1];
    assert_eq!(row["status"], "failed", "{row:#}");
    assert_eq!(row["error"]["code"], "refused", "{row:#}");
    runs[1].assert_finding("rendezvous-unusable", "warning");
}

/// What they have between them needs it no more, and what is lost is said.
#[test]
fn the_only_one_dies_after_both_are_connected() {
    let Some(mut broker) = mosquitto(OPEN, &[]) else {
        return;
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let meeting = Meeting::new();
    let args = ["--rendezvous", &url, "--duration", "2", "--timeout", "40"];
    let mut ends = [(); 2].map(|()| End::start(&mut meeting.telling(&args)));
    for end in &mut ends {
        end.wait_for_step("connected");
    }
    broker.kill();
    for end in ends {
        let ended = end.finish();
        let result = ended.result();
        assert_eq!(ended.code, Some(0), "{}", ended.describe());
        assert_eq!(ended.path(), Some("direct"), "{}", ended.describe());
        let quality = &result["quality"];
        assert_eq!(quality["sent"], quality["received"], "{quality:#}");
        assert_eq!(result["rendezvous"][0]["status"], "lost", "{result:#}");
    }
}
