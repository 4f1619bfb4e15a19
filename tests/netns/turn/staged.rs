//! Cases of `cases/staged/turn.toml`, for which something has to be done first.

use rtcdiag::proto::turn::policy::{self, PeerClass};

use super::server::{PASSWORD, Turn};
use super::{Case, check, check_in};
use crate::ends::End;
use crate::lab::{Lab, ServerKind};
use crate::{data, program};

/// Somebody else has the one relay port there is: an agent that was killed before it could give it back. (Where another
/// program has the port coturn tries to bind it for seconds, and may not answer at all.)
pub fn no_port() {
    let case: Case = data::table("staged/turn", "no_port");
    let lab = Lab::build(&case.plan());
    let mut agent = program::rtcdiag(&lab);
    agent
        .args("pair --jsonl -4 -s turn:203.0.113.10 --turn-username ann".split(' '))
        .env("RTCDIAG_TURN_PASSWORD", PASSWORD);
    let mut agent = End::start(&mut agent);
    agent.wait_for(|event| event["event"] == "candidate" && event["type"] == "relay");
    agent.kill();
    check_in(&lab, "no_port", &case);
}

/// With all the options that the hints name, and no other: what should be refused is, and all the rest works.
pub fn remedied() {
    let mut case: Case = data::table("staged/turn", "remedied");
    let server = std::net::Ipv4Addr::new(203, 0, 113, 10).into();
    let mut args: Vec<String> = policy::peers(server)
        .into_iter()
        .filter(|(class, _)| *class != PeerClass::OwnAddress)
        .flat_map(|(class, _)| class.remedy().split([' ', ',', ';']))
        .filter(|word| word.starts_with("denied-peer-ip=") || *word == "no-multicast-peers")
        .map(|option| format!("--{option}"))
        .collect();
    args.sort_unstable();
    args.dedup();
    let addresses = ["203.0.113.10", "2001:db8:113::10"].map(str::to_owned);
    let turn = Turn {
        addresses: addresses.to_vec(),
        args,
        ..Turn::default()
    };
    case.lab.server = Some(ServerKind::Turn(vec![turn]));
    check("remedied", &case);
}
