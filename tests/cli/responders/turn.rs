//! The TURN server: what a client may have.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use rtcdiag::net::servers::turn::{BindError, Config, TurnLimits, TurnServer};
use rtcdiag::proto::turn::credentials::{Credentials, Secret};
use rtcdiag::proto::turn::server::answer::Refusal;
use rtcdiag::proto::turn::server::users::Users;
use serde_json::Value;

use super::running::{Running, at, closed, eventually, open, turn, user};
use crate::support::program::{BAD, GOOD, anonymous, json, private_file, program, with_env};
use crate::support::stun_wire::Message;
use crate::support::turn_client::{self, Client, Relayed, Wire, code, send, tcp, udp};
use crate::support::turn_server::Method;
use crate::support::turn_server::wire::{self, Incoming};

fn address(server: &Running<TurnServer>) -> SocketAddr {
    server.server.addresses()[0]
}

fn uri(server: &Running<TurnServer>, transport: &str) -> String {
    format!("turn:{}?transport={transport}", address(server))
}

/// The program's own judgement, over both transports: data passes both ways, wrong passwords are
/// refused, nobody gets in without one, and the policy is what was asked for.
#[test]
fn our_own_diagnosis_finds_it_healthy() {
    let mut server = turn(open());
    for transport in ["udp", "tcp"] {
        let run = json(program(&["turn", &uri(&server, transport)]));
        let [row] = run.transports() else {
            panic!("one transport: {:#}", run.document);
        };
        assert_eq!(row["status"], "ok", "{:#}", run.document);
        assert_eq!(row["stage"], "refresh", "{row:#}");
        for fact in ["permission", "channel", "refresh"] {
            assert_eq!(row[fact]["value"], true, "{fact}: {row:#}");
        }
        assert_eq!(row["relay_to_relay"]["works"]["value"], true, "{row:#}");
        assert_eq!(row["relay_to_relay"]["received"], 10, "{row:#}");
        assert_eq!(row["realm"], "rtcdiag");
        let refused = &run.result()["authentication"];
        assert_eq!(
            refused["unauthenticated_refused"]["value"], true,
            "{refused:#}"
        );
        assert_eq!(
            refused["wrong_password_refused"]["value"], true,
            "{refused:#}"
        );
        // Loopback was opened, and that is what is found fault with.
        let errors: Vec<&Value> = run
            .findings()
            .iter()
            .filter(|f| f["severity"] == "error")
            .collect();
        assert!(errors.len() <= 1, "{errors:#?}");
    }
    eventually("all allocations end", || {
        server.server.counters().allocations_now == 0
    });
    let counters = server.server.counters();
    assert!(
        counters.allocations > 0 && counters.bytes_to_peers > 0 && counters.bytes_from_peers > 0
    );
    server.stop();
}

/// In a network of its own, where addresses look public: nothing is found fault with.
#[test]
fn and_safe() {
    const INSIDE: &str = "RTCDIAG_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_none() {
        let me = std::env::current_exe().expect("it runs");
        let script = "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.2/32 dev lo || exit 77; exec \"$0\" --exact responders::turn::and_safe --nocapture";
        let status = Command::new("unshare")
            .args(["-rn", "sh", "-c", script])
            .arg(me)
            .env(INSIDE, "1")
            .status();
        match status.map(|s| s.code()) {
            Ok(Some(77)) | Err(_) => eprintln!("SKIPPED: no network namespaces"),
            Ok(code) => assert_eq!(code, Some(0)),
        }
        return;
    }
    let mut config = Config::new(vec![at("192.0.2.1")], user());
    // The client runs on the server's machine here, whose addresses are closed.
    config.allow_peers = vec!["192.0.2.2".parse().expect("a network")];
    let server = turn(config);
    let uri = uri(&server, "udp");
    let run = json(program(&["turn", &uri, "--local", "192.0.2.2"]));
    run.assert_code(GOOD);
    assert_eq!(run.document["outcome"], "good", "{:#}", run.document);
    let errors = run.findings().iter().filter(|f| f["severity"] != "info");
    assert_eq!(errors.count(), 0, "{:#?}", run.findings());
    assert!(run.list("policy").len() > 5);
    for row in run.list("policy") {
        let is_own = row["class"] == "own-address";
        // The other family is left out.
        let is_known = row["allowed"]["status"] == "determined";
        assert!(!is_known || row["allowed"]["value"] == is_own, "{row:#}");
    }
    assert!(server.server.counters().refused[&Refusal::Forbidden] > 3);
}

#[test]
fn gather_gets_a_relay_candidate_over_each_transport() {
    let server = turn(open());
    let (udp, tcp) = (uri(&server, "udp"), uri(&server, "tcp"));
    let run = json(program(format!(
        "gather -4 -s {udp} -s {tcp} --policy relay"
    )));
    run.assert_code(GOOD);
    assert_eq!(run.candidates("relay").len(), 2, "{:#}", run.document);
}

#[test]
fn credentials_are_needed_and_have_to_be_right_and_current() {
    let secret = Secret::new("north");
    let server = turn(Config {
        users: user().with_secret(secret.clone()),
        ..open()
    });
    let uri = uri(&server, "udp");
    let wrong = with_env(
        program(&["turn", &uri]),
        "RTCDIAG_TURN_PASSWORD",
        "nonsense",
    );
    let run = json(wrong);
    run.assert_code(BAD);
    assert_eq!(
        run.transports()[0]["error"]["code"],
        "unauthorized",
        "{:#}",
        run.document
    );
    // Time-limited ones, as the program mints them.
    let file = private_file("secret", "north\n");
    let minted = anonymous(&["turn", &uri, "--turn-secret-file", &file]);
    assert_eq!(json(minted).transports()[0]["status"], "ok");
    let file = private_file("other-secret", "south\n");
    let foreign = anonymous(&["turn", &uri, "--turn-secret-file", &file]);
    assert_eq!(json(foreign).transports()[0]["status"], "failed");
    // Ended ones: the name says when, the password is right.
    let ended = Credentials::time_limited(Some("ann"), &secret, 1_700_000_000).expect("valid");
    let mut client = Client::new(ended.username(), "jeamH6dA5l2I9g3jmieza7CzEDo=");
    let mut wire = udp(address(&server));
    wire.put(&client.allocate()).expect("sent");
    client.challenged(&wire.take().expect("a challenge"));
    wire.put(&client.allocate()).expect("sent");
    let answer = wire.take().expect("an answer");
    assert_eq!(code(&answer), 401);
    assert!(
        Incoming::parse(&answer)
            .expect("STUN")
            .get(wire::NONCE)
            .is_some()
    );
}

/// What is wrong with a configuration.
type Change = fn(&mut Config);

#[test]
fn it_is_never_an_open_relay() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let bind = |config: Config| TurnServer::bind(&config).expect_err("it cannot be run");
    let nobody = bind(Config {
        users: Users::default(),
        ..open()
    });
    assert!(matches!(nobody, BindError::Nobody));
    for (says, change) in [
        ("0.0.0.0", (|c| c.listen = vec![at("0.0.0.0")]) as Change),
        ("no address", |c| c.listen = vec![]),
        ("same family", |c| c.listen.push(at("127.0.0.2"))),
        ("::1", |c| c.external = vec![Ipv6Addr::LOCALHOST.into()]),
        ("realm", |c| c.realm = String::new()),
        ("realm", |c| c.realm = "a\"b".to_owned()),
        ("80-90", |c| c.ports = 80..=90),
    ] {
        let mut config = open();
        change(&mut config);
        let error = bind(config).to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// What goes wrong with an allocation, or without one.
#[test]
fn each_mistake_has_its_answer() {
    let server = turn(closed());
    let mut wire = udp(address(&server));
    let mut client = Client::good();
    let ask = |wire: &mut Box<dyn Wire>, bytes: &[u8]| {
        wire.put(bytes).expect("sent");
        wire.take().expect("an answer")
    };
    let challenge = ask(&mut wire, &client.allocate());
    client.challenged(&challenge);
    // Without an allocation.
    let peer = "192.0.2.7:99".parse().expect("an address");
    for bytes in [
        client.permit(&[peer]),
        client.bind(0x4000, peer),
        client.refresh(600),
        client.refresh(0),
    ] {
        assert_eq!(code(&ask(&mut wire, &bytes)), 437);
    }
    let udp = (wire::REQUESTED_TRANSPORT, [17, 0, 0, 0]);
    for (attributes, expected) in [
        (&[][..], 400),
        (&[(wire::REQUESTED_TRANSPORT, [6, 0, 0, 0])], 442),
        (&[udp, (0x0017, [2, 0, 0, 0])], 440),
        (&[udp, (0x0017, [9, 0, 0, 0])], 440),
        (&[udp, (0x7abc, [0; 4])], 420),
        (&[udp, (0x0018, [0x80, 0, 0, 0])], 508),
    ] {
        let add = |m: Message| {
            attributes
                .iter()
                .fold(m, |m, (kind, value)| m.attribute(*kind, value))
        };
        let bytes = client.request(Method::Allocate, add);
        assert_eq!(code(&ask(&mut wire, &bytes)), expected, "{attributes:?}");
    }
    let allocate = client.allocate();
    let first = ask(&mut wire, &allocate);
    assert_eq!(code(&first), 0);
    assert_eq!(client.is_signed(&first), Some(true));
    // The answer was lost: the same request again has the same answer.
    assert_eq!(ask(&mut wire, &allocate), first);
    assert_eq!(code(&ask(&mut wire, &client.allocate())), 437);
    let v6 = "[2001:db8::7]:99".parse().expect("an address");
    for (bytes, expected) in [
        (client.permit(&[]), 400),
        (client.permit(&[v6]), 443),
        (client.bind(0x4000, v6), 443),
        (client.bind(0x3fff, peer), 400),
        (client.bind(0x8000, peer), 400),
        (client.permit(&[peer]), 0),
        (client.bind(0x4000, peer), 0),
        (client.bind(0x4000, peer), 0),
        (client.bind(0x4001, peer), 400),
        (client.refresh(600), 0),
    ] {
        let answer = ask(&mut wire, &bytes);
        assert_eq!(code(&answer), expected);
        assert_eq!(client.is_signed(&answer), Some(true));
    }
    // A stale nonce comes with a new one.
    client.nonce = b"0000000000000000".to_vec();
    let stale = ask(&mut wire, &client.refresh(600));
    assert_eq!(code(&stale), 438);
    client.challenged(&stale);
    let freed = ask(&mut wire, &client.refresh(0));
    assert_eq!(code(&freed), 0);
    assert_eq!(server.server.counters().allocations_now, 0);
    assert_eq!(code(&ask(&mut wire, &client.allocate())), 0);
}

/// Loopback, private networks, link-local and more: refused when asked for, and nothing is sent.
#[test]
fn forbidden_peers() {
    let server = turn(closed());
    let victim = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let patience = Some(Duration::from_millis(200));
    victim.set_read_timeout(patience).expect("a timeout");
    let target = victim.local_addr().expect("bound");
    let mut client = Relayed::new(udp(address(&server))).expect("an allocation");
    for ip in [
        "127.0.0.2",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
    ] {
        let peer = SocketAddr::new(ip.parse().expect("an address"), 99);
        let permit = client.client.permit(&[peer]);
        assert_eq!(client.ask(&permit), 403, "{ip}");
        let bind = client.client.bind(0x4000, peer);
        assert_eq!(client.ask(&bind), 403, "{ip}");
    }
    // Behind one that is allowed; the first of several must not speak for all.
    let good = "192.0.2.7:99".parse().expect("an address");
    let permit = client
        .client
        .permit(&[good, "127.0.0.2:99".parse().expect("an address")]);
    assert_eq!(client.ask(&permit), 403);
    // The relays' own address may be reached, but only the relays there.
    let permit = client.client.permit(&[target]);
    assert_eq!(client.ask(&permit), 0);
    client.wire.put(&send(target, b"attack")).expect("sent");
    client
        .wire
        .put(&send(
            "127.0.0.2:99".parse().expect("an address"),
            b"attack",
        ))
        .expect("sent");
    client
        .wire
        .put(&send(address(&server), b"attack"))
        .expect("sent");
    assert!(victim.recv(&mut [0; 64]).is_err(), "it was relayed");
    assert_eq!(server.server.counters().not_permitted, 3);
    assert_eq!(server.server.counters().bytes_to_peers, 0);
}

/// Data over both kinds of transport, with indications and channels.
#[test]
fn data_passes_both_ways() {
    let server = turn(open());
    for (connect, on_stream) in [(udp as fn(SocketAddr) -> Box<dyn Wire>, false), (tcp, true)] {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
        peer.set_read_timeout(Some(turn_client::PATIENCE))
            .expect("a timeout");
        let address_of_peer = peer.local_addr().expect("bound");
        let mut client = Relayed::new(connect(address(&server))).expect("an allocation");
        let mut buffer = [0; 2048];
        // Nothing without a permission.
        client
            .wire
            .put(&send(address_of_peer, b"early"))
            .expect("sent");
        let permit = client.client.permit(&[address_of_peer]);
        assert_eq!(client.ask(&permit), 0);
        for size in [0, 1, 1200, 1400] {
            let payload = vec![b'x'; size];
            client
                .wire
                .put(&send(address_of_peer, &payload))
                .expect("sent");
            let (length, from) = peer.recv_from(&mut buffer).expect("relayed");
            assert_eq!((&buffer[..length], from), (&payload[..], client.relay));
            peer.send_to(&payload, client.relay).expect("sent");
            let data = client.wire.take().expect("relayed");
            let data = Incoming::parse(&data).expect("a Data indication");
            assert_eq!(data.get(wire::DATA), Some(&payload[..]));
            assert_eq!(
                data.xor_address(wire::XOR_PEER_ADDRESS),
                Some(address_of_peer)
            );
        }
        let bind = client.client.bind(0x4abc, address_of_peer);
        assert_eq!(client.ask(&bind), 0);
        for payload in [&b"hello"[..], b"", b"four"] {
            let data = wire::channel_data(0x4abc, payload, on_stream);
            client.wire.put(&data).expect("sent");
            let length = peer.recv(&mut buffer).expect("relayed");
            assert_eq!(&buffer[..length], payload);
            peer.send_to(payload, client.relay).expect("sent");
            let data = client.wire.take().expect("relayed");
            assert_eq!(wire::parse_channel_data(&data), Some((0x4abc, payload)));
        }
    }
    // Connections that end take their allocations with them.
    eventually("the one over TCP ends", || {
        server.server.counters().allocations_now == 1
    });
}

/// Whatever fits into a datagram is relayed both ways, by indications and by channels, also by numbers
/// that RFC 8656 took from clients of RFC 5766; and counted for what it is.
#[test]
fn large_datagrams_and_old_channel_numbers() {
    let server = turn(Config {
        limits: TurnLimits {
            bytes_per_second: None,
            ..TurnLimits::default()
        },
        ..open()
    });
    let mut relayed = 0;
    for (connect, on_stream) in [(udp as fn(SocketAddr) -> Box<dyn Wire>, false), (tcp, true)] {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
        peer.set_read_timeout(Some(turn_client::PATIENCE))
            .expect("a timeout");
        let address_of_peer = peer.local_addr().expect("bound");
        let mut client = Relayed::new(connect(address(&server))).expect("an allocation");
        let permit = client.client.permit(&[address_of_peer]);
        assert_eq!(client.ask(&permit), 0);
        let mut buffer = vec![0; 65_536];
        let sizes = [1472, 1473, 1499, 1500, 1501, 9000, 65_400];
        for size in sizes {
            let payload = vec![b'x'; size];
            let sent = client.wire.put(&send(address_of_peer, &payload));
            sent.expect("sent");
            let length = peer.recv(&mut buffer).expect("relayed");
            assert!(buffer[..length] == payload, "{length} of {size}");
            peer.send_to(&payload, client.relay).expect("sent");
            let data = client.wire.take().expect("relayed");
            let data = Incoming::parse(&data).expect("a Data indication");
            assert!(data.get(wire::DATA) == Some(&payload[..]), "{size}");
            relayed += size as u64;
        }
        for number in [0x5000, 0x7fff] {
            let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
            peer.set_read_timeout(Some(turn_client::PATIENCE))
                .expect("a timeout");
            let bind = client
                .client
                .bind(number, peer.local_addr().expect("bound"));
            assert_eq!(client.ask(&bind), 0, "{number:#x}");
            for size in sizes {
                let payload = vec![b'y'; size];
                let data = wire::channel_data(number, &payload, on_stream);
                client.wire.put(&data).expect("sent");
                let length = peer.recv(&mut buffer).expect("relayed");
                assert!(buffer[..length] == payload, "{length} of {size}");
                peer.send_to(&payload, client.relay).expect("sent");
                let data = client.wire.take().expect("relayed");
                let (by, data) = wire::parse_channel_data(&data).expect("ChannelData");
                assert!((by, data) == (number, &payload[..]), "{by:#x} {size}");
                relayed += size as u64;
            }
        }
        let bind = client.client.bind(0x8000, address_of_peer);
        assert_eq!(client.ask(&bind), 400, "no channel number");
    }
    let counters = server.server.counters();
    assert_eq!(counters.not_permitted, 0);
    let passed = (counters.bytes_to_peers, counters.bytes_from_peers);
    assert_eq!(passed, (relayed, relayed));
}

/// Over IPv6 with relays of both families, if this machine has IPv6.
#[test]
fn both_families() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let server = turn(Config {
        listen: vec![at("127.0.0.1"), at("::1")],
        ..open()
    });
    let run = json(program(&["turn", &uri(&server, "udp")]));
    for fact in ["relays_ipv4", "relays_ipv6"] {
        if let Some(found) = run.result().get(fact) {
            assert_eq!(found["value"], true, "{fact}: {:#}", run.document);
        }
    }
    let v6 = format!("turn:{}", server.server.addresses()[1]);
    let run = json(program(&["gather", "-6", "-s", &v6, "--policy", "relay"]));
    run.assert_code(GOOD);
    assert!(!run.candidates("relay").is_empty(), "{:#}", run.document);
}

#[test]
fn binding_requests_are_answered_too() {
    let server = turn(closed());
    let stun = format!("stun:{}", address(&server));
    let run = json(anonymous(&["gather", "-4", "-s", &stun]));
    assert_eq!(run.servers()[0]["status"], "ok", "{:#}", run.document);
    assert!(server.server.counters().stun.answers > 0);
}

/// coturn's own client, where it is installed. With Send indications: its channel numbers are those of
/// RFC 5766, up to 0x7fff, and RFC 8656 12 ends at 0x4fff.
#[test]
fn coturns_client_is_content() {
    let server = turn(open());
    let address = address(&server);
    for extra in [&[][..], &["-t"]] {
        let mut command = Command::new("turnutils_uclient");
        command.args([
            "-u", "user", "-w", "secret", "-y", "-n", "20", "-m", "2", "-c", "-s",
        ]);
        command
            .args(extra)
            .args(["-p", &address.port().to_string()]);
        let Ok(output) = command.arg(address.ip().to_string()).output() else {
            eprintln!("SKIPPED: no turnutils_uclient");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Total lost packets 0 (0.000000%)"), "{said}");
    }
}
