//! Several servers that share their rooms at a real broker.

mod hostile;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::lab::{Client, PATIENCE, Server};
use crate::support::certificates::{Authority, Certificate};
use crate::support::meeting::{Meeting, ended};
use crate::support::mosquitto::{Mosquitto, hashed, mosquitto};
use crate::support::program::{ERROR, GOOD, anonymous, json};
use crate::support::rendezvous::side::Side;
use crate::support::rendezvous::{run, target};

const ALONE: &str = r#"{"type":"joined","peer":false}"#;
const JOINED: &str = r#"{"type":"joined","peer":true}"#;
const PEER_JOINED: &str = r#"{"type":"peer-joined"}"#;
const PEER_LEFT: &str = r#"{"type":"peer-left"}"#;
const THIRD: &str = r#"{"type":"third-refused"}"#;

fn broker() -> Option<Mosquitto> {
    mosquitto(&["allow_anonymous true"], &[])
}

fn url(broker: &Mosquitto) -> String {
    format!("mqtt://127.0.0.1:{}", broker.port)
}

fn wait_for(server: &Server, metric: &str, wanted: f64) {
    wait_until(server, metric, |value| (value - wanted).abs() < 0.1);
}

fn wait_until(server: &Server, metric: &str, is_so: impl Fn(f64) -> bool) {
    let begin = Instant::now();
    loop {
        let value = server.metric(metric);
        if is_so(value) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{metric} is {value}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// So many servers that know each other.
fn servers<const N: usize>(broker: &Mosquitto) -> [Server; N] {
    servers_at(&url(broker))
}

fn servers_at<const N: usize>(url: &str) -> [Server; N] {
    know_each_other([(); N].map(|()| Server::start(&["--broker", url])))
}

fn know_each_other<const N: usize>(all: [Server; N]) -> [Server; N] {
    let others = f64::from(u8::try_from(N - 1).expect("few"));
    for server in &all {
        wait_for(server, "rtcdiag_broker_processes", others);
    }
    all
}

fn says(client: &mut Client, wanted: &str) {
    client.expect(wanted);
}

#[test]
fn members_of_one_room_may_be_at_different_servers() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    assert_eq!(one.listening["broker"]["url"], url(&broker));
    let mut a = one.join(1, 1);
    says(&mut a, ALONE);
    let mut b = two.join(1, 2);
    says(&mut b, JOINED);
    says(&mut a, PEER_JOINED);
    for message in [&b"one"[..], b"", &vec![7; 200_000]] {
        a.send_bytes(message);
        b.expect_bytes(message);
        b.send_bytes(message);
        a.expect_bytes(message);
    }
    // A third one, wherever it comes.
    for server in [&one, &two] {
        server.join(1, 3).expect_end("room-full");
        says(&mut a, THIRD);
        says(&mut b, THIRD);
    }
    assert!((one.metric("rtcdiag_broker_rooms") - 1.0).abs() < 0.1);
    assert!((one.metric("rtcdiag_broker_sent_total") - 3.0).abs() < 0.1);
    // One that joins again elsewhere takes its own place.
    let mut again = two.join(1, 1);
    says(&mut again, JOINED);
    a.expect_end("replaced");
    says(&mut b, PEER_JOINED);
    again.send_bytes(b"here");
    b.expect_bytes(b"here");
    drop(again);
    says(&mut b, PEER_LEFT);
    let stopped = one.stop();
    assert_eq!(stopped.result()["broker_totals"]["received"], 3);
    assert_eq!(stopped.result()["broker_totals"]["lost"], 0);
    assert!(
        stopped.stderr.contains("the broker is reached"),
        "{stopped:#?}"
    );
}

#[test]
fn three_servers_have_two_seats_in_a_room() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two, three] = servers(&broker);
    let mut a = one.join(1, 1);
    says(&mut a, ALONE);
    let mut b = two.join(1, 2);
    says(&mut b, JOINED);
    says(&mut a, PEER_JOINED);
    let mut c = three.join(1, 3);
    let first = c.next().expect("an answer");
    assert!(
        first.to_text().expect("text").contains("room-full"),
        "{first}"
    );
    says(&mut a, THIRD);
    says(&mut b, THIRD);
}

/// The broker is told nothing by which somebody could join: neither codes nor names of rooms.
#[test]
fn the_broker_does_not_learn_the_names_of_rooms() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    let mut a = one.join(1, 1);
    says(&mut a, ALONE);
    says(&mut two.join(1, 2), JOINED);
    let log = broker.log();
    let room = rtcdiag::proto::signal::code::Code::new([1; 10]).room();
    assert!(log.contains("rtcdiag/1/room/"), "{log}");
    assert!(!log.to_uppercase().contains(&room[..8]), "{log}");
}

/// A load balancer: whoever comes is brought to the first server that is there.
fn balancer(servers: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Some(server) = servers.iter().find_map(|at| TcpStream::connect(at).ok()) else {
                continue;
            };
            let copies = (client.try_clone(), server.try_clone());
            let (Ok(client_too), Ok(server_too)) = copies else {
                continue;
            };
            for (mut from, mut to) in [(client, server), (server_too, client_too)] {
                std::thread::spawn(move || {
                    // Either end may go at any time.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    address
}

#[test]
fn a_server_is_killed_and_its_member_goes_on_at_another() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    run(async {
        let before_both = balancer(vec![one.address, two.address]);
        let mut a = Side::new(target(&before_both.to_string(), 1)).await;
        let mut b = Side::new(target(&two.address.to_string(), 2)).await;
        say(&mut a, &mut b, 0..20);
        Side::work_together(&mut a, &mut b, 20).await;
        // One half is on its way when the server goes, the other is said while there is none.
        say(&mut a, &mut b, 20..30);
        a.flush();
        b.flush();
        one.signal("KILL");
        say(&mut a, &mut b, 30..40);
        Side::work_together(&mut a, &mut b, 40).await;
        let all: Vec<Vec<u8>> = (0..40).map(|number| vec![number]).collect();
        assert_eq!((&a.heard, &b.heard), (&all, &all));
    });
    wait_for(&two, "rtcdiag_broker_processes", 0.0);
}

fn say(a: &mut Side, b: &mut Side, numbers: std::ops::Range<u8>) {
    for number in numbers {
        a.session.send(vec![number]).expect("room");
        b.session.send(vec![number]).expect("room");
    }
}

#[test]
fn the_broker_is_restarted() {
    let Some(mut broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    let (mut c, mut d) = one.pair();
    run(async {
        let with_room = |server: &Server, number| {
            let mut target = target(&server.address.to_string(), number);
            target.room = (&rtcdiag::proto::signal::code::Code::new([9; 10])).into();
            target
        };
        let mut a = Side::new(with_room(&one, 1)).await;
        let mut b = Side::new(with_room(&two, 2)).await;
        say(&mut a, &mut b, 0..20);
        Side::work_together(&mut a, &mut b, 20).await;
        broker.kill();
        // What is within one server goes on, and it is said what does not.
        c.send_bytes(b"still here");
        d.expect_bytes(b"still here");
        wait_for(&one, "rtcdiag_broker_connected", 0.0);
        let (status, body) = one.get("/health");
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert!(
            body.starts_with("ok\n") && body.contains("not shared"),
            "{body}"
        );
        say(&mut a, &mut b, 20..40);
        a.flush();
        b.flush();
        broker.restart();
        Side::work_together(&mut a, &mut b, 40).await;
    });
    let (_, body) = one.get("/health");
    assert_eq!(body, "ok\n");
    let stopped = one.stop();
    assert!(
        stopped.stderr.contains("rooms are not shared"),
        "{stopped:#?}"
    );
    stopped.assert_finding("rooms-not-shared", "warning");
}

#[test]
fn over_tls_with_a_password() {
    let Some(users) = hashed("ann:right-word") else {
        return;
    };
    let authority = Authority::new().expect("it can be written");
    let pem = authority.pem(Certificate::Good);
    let (certificate, key) = pem.expect("it can be made");
    let lines = [
        "certfile HOME/cert",
        "keyfile HOME/key",
        "allow_anonymous false",
        "password_file HOME/users",
        "acl_file HOME/acl",
    ];
    // No more than the manual says.
    let files = [
        ("cert", &*certificate),
        ("key", &*key),
        ("users", &*users),
        ("acl", "user ann\ntopic readwrite rtcdiag/#\n"),
    ];
    let Some(broker) = mosquitto(&lines, &files) else {
        return;
    };
    let url = format!("mqtts://127.0.0.1:{}", broker.port);
    let server = || {
        let mut command = anonymous("serve --jsonl --listen 127.0.0.1:0 --broker-username ann");
        command.args(["--broker", &url]);
        command.env("RTCDIAG_BROKER_PASSWORD", "right-word");
        Server::run(command.env("SSL_CERT_FILE", authority.file()))
    };
    let [one, two] = know_each_other([server(), server()]);
    let mut a = one.join(1, 1);
    says(&mut a, ALONE);
    let mut b = two.join(1, 2);
    says(&mut b, JOINED);
    says(&mut a, PEER_JOINED);
    a.send_bytes(&vec![7; 100_000]);
    b.expect_bytes(&vec![7; 100_000]);
}

#[test]
fn a_broker_that_comes_later_is_found() {
    let Some(mut broker) = broker() else {
        return;
    };
    broker.kill();
    let server = Server::start(&["--broker", &url(&broker)]);
    assert_eq!(server.listening["broker"]["error"]["code"], "refused");
    assert!(server.get("/health").1.contains("not shared"));
    broker.restart();
    wait_for(&server, "rtcdiag_broker_connected", 1.0);
}

/// Which it does for some seconds.
#[test]
fn a_server_that_still_tries_its_broker_can_be_ended() {
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut command = anonymous("serve --listen 127.0.0.1:0 --timeout 0.3 --broker");
    command.arg(format!("mqtt://{}", mute.local_addr().expect("bound")));
    let run = json(command);
    run.assert_code(GOOD);
    assert_eq!(
        run.result()["broker"]["error"]["code"],
        "cut-short",
        "{run:#?}"
    );
}

#[test]
fn a_broker_that_cannot_be_used_is_an_error_at_the_start() {
    let Some(closed) = mosquitto(&["allow_anonymous false"], &[]) else {
        return;
    };
    let acl = ("acl", "topic read #\n");
    let reading = mosquitto(&["allow_anonymous true", "acl_file HOME/acl"], &[acl]);
    let reading = reading.expect("it was there before");
    let url_closed = url(&closed);
    let url_reading = url(&reading);
    for (url, password, says) in [
        (&url_closed, None, "--broker-username"),
        (&url_closed, Some("wrong-word"), "RTCDIAG_BROKER_PASSWORD"),
        (&url_reading, None, "rtcdiag/#"),
    ] {
        let mut command = anonymous("serve --listen 127.0.0.1:0 --timeout 20");
        command.args(["--broker", url]);
        if let Some(password) = password {
            command.args(["--broker-username", "ann"]);
            command.env("RTCDIAG_BROKER_PASSWORD", password);
        }
        let run = json(command);
        run.assert_code(ERROR);
        assert!(run.summary().contains(says), "{says}: {run:#?}");
        assert!(!format!("{run:?}").contains("wrong-word"), "{run:#?}");
    }
    for (args, says) in [
        (
            &["--broker", "ws://127.0.0.1:1"][..],
            "ws:// is a rendezvous",
        ),
        (&["--broker-username", "ann"], "RTCDIAG_BROKER_PASSWORD"),
        (
            &["--broker", "mqtt://ann:word@127.0.0.1"],
            "do not belong in the URL",
        ),
    ] {
        let run = json(anonymous(
            &[&["serve", "--listen", "127.0.0.1:0"], args].concat(),
        ));
        run.assert_code(ERROR);
        assert!(run.stderr.contains(says), "{args:?}: {run:#?}");
    }
}

/// Each side at a server of its own; then both know both, and one is killed once somebody has come there.
#[test]
fn a_pair_meets_over_two_servers() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    let urls = [&one, &two].map(|server| format!("ws://{}", server.address));
    let meeting = Meeting::new();
    let side = |args: &[&str]| meeting.side(args).spawn().expect("it runs");
    let runs = urls
        .each_ref()
        .map(|url| side(&["--rendezvous", url, "--timeout", "40"]));
    for run in runs.map(ended) {
        run.assert_code(GOOD);
        assert_eq!(run.result()["session"]["peer_agrees"], true, "{run:#?}");
    }
    let before = one.metric("rtcdiag_joins_total");
    let meeting = Meeting::new();
    let args = ["--rendezvous", &urls[0], "--rendezvous", &urls[1]];
    let args = [&args[..], &["--timeout", "40"]].concat();
    let runs = [(); 2].map(|()| meeting.side(&args).spawn().expect("it runs"));
    let begin = Instant::now();
    while one.metric("rtcdiag_joins_total") < before + 0.9 {
        assert!(begin.elapsed() < PATIENCE, "they do not come");
        std::thread::sleep(Duration::from_millis(20));
    }
    one.signal("KILL");
    for run in runs.map(ended) {
        run.assert_code(GOOD);
        assert_eq!(run.result()["session"]["peer_agrees"], true, "{run:#?}");
    }
}
