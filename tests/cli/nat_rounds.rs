//! `rtcdiag nat --repeat` and `--watch`, the program itself, against real servers on loopback.

mod ends;
mod output;

use std::process::Command;

use crate::support::loopback::{Loopback, Role, Script};
use crate::support::nat_model::NatConfig;
use crate::support::program::{self, ERROR, GOOD, Run, anonymous};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::Value;

fn program(args: &[&str]) -> Command {
    anonymous(&[&["nat"], args].concat())
}

fn text(servers: &Loopback, args: &[&str]) -> Run {
    program::run(of(servers, args))
}

fn json(servers: &Loopback, args: &[&str]) -> Run {
    program::json(of(servers, args))
}

fn lines(servers: &Loopback, args: &[&str]) -> Run {
    program::lines(of(servers, args))
}

fn of(servers: &Loopback, args: &[&str]) -> Command {
    program(&[&["-s", &servers.uri(0)], args].concat())
}

fn behind_nat() -> Loopback {
    let nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    Loopback::start(&Script::new(nat, vec![Role::Discovery])).expect("loopback")
}

fn silent() -> Loopback {
    Loopback::start(&Script::new(NatConfig::open(), vec![Role::Silent])).expect("loopback")
}
