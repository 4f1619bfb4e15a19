//! Runs `rtcdiag pair`.

use std::net::UdpSocket;
use std::process::Command;

use crate::support::program::{ERROR, anonymous, json, run};

/// A code that is right.
pub const CODE: &str = "0000-0000-0000-0000-0";

/// A port where nothing but errors comes from, so that gathering is soon done.
pub struct Refusing(UdpSocket);

impl Refusing {
    pub fn new() -> Self {
        // Only its own peer may send to a connected socket: all others get an ICMP error.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let own = socket.local_addr().expect("it is bound");
        socket.connect(own).expect("it may talk to itself");
        Self(socket)
    }

    pub fn uri(&self) -> String {
        format!("stun:{}", self.0.local_addr().expect("it is bound"))
    }
}

/// The program with these arguments and nothing in its environment.
pub fn bare(args: &[&str]) -> Command {
    anonymous(&[&["pair"], args].concat())
}

/// On loopback, with a server of no use and without the tests of the NAT.
pub fn pair(refusing: &Refusing, args: &[&str]) -> Command {
    let uri = refusing.uri();
    let mut command = bare(&["--local", "127.0.0.1", "--no-nat", "-s", &uri]);
    command.args(["--duration", "0.2"]).args(args);
    command
}

/// Exit code 2, these words on stderr, nothing on stdout; and with `--json` a document that says the
/// same.
#[track_caller]
pub fn assert_refused(command: impl Fn() -> Command, says: &str) {
    let plain = run(command());
    plain.assert_code(ERROR);
    assert!(plain.stderr.contains(says), "'{says}': {plain:#?}");
    assert_eq!(plain.stdout, "", "stdout is for the result");
    plain.assert_within(10.0);
    let json = json(command());
    json.assert_code(ERROR);
    assert_eq!(json.document["outcome"], "error", "{json:#?}");
    assert!(json.summary().contains(says), "'{says}': {json:#?}");
    assert!(!json.findings().is_empty(), "{json:#?}");
}
