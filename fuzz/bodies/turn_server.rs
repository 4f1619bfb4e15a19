//! What is sent to the TURN server by somebody who does not know a password.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::base::family::Family;
use rtcdiag::proto::turn::credentials::{Credentials, Secret};
use rtcdiag::proto::turn::server::peers::PeerPolicy;
use rtcdiag::proto::turn::server::users::Users;
use rtcdiag::proto::turn::server::{Decision, Gate, Held, Received, Rules};

pub fn body(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let user = Credentials::new("ann", &Secret::new("a long password")).expect("valid");
    let rules = Rules {
        realm: "here".to_owned(),
        users: Users::one(user),
        peers: PeerPolicy::default(),
        families: vec![Family::Ipv4],
        most_lifetime: Duration::from_secs(3600),
    };
    let mut gate = Gate::new(rules, &[7; 32]);
    let received = Received {
        now: Duration::from_secs(5),
        unix_now: 0,
        source: address("203.0.113.9:40000"),
        bytes,
    };
    let held = Held {
        username: "ann",
        relayed: address("192.0.2.1:50000"),
        id: [9; 12],
        answer: b"held",
    };
    match gate.decide(received, (choice & 1 != 0).then_some(held)) {
        Decision::Do(action, _) => panic!("without the password: {action:?}"),
        Decision::Answer(answer, _) => assert!(answer.len() <= bytes.len() + 200, "it amplifies"),
        Decision::Send(..) | Decision::Channel(..) | Decision::Malformed | Decision::Limited => {}
    }
}
