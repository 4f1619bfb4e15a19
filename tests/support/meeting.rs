//! Two runs of `rtcdiag pair` with one code, on loopback.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use super::program::{Run, anonymous, read, run};

/// Both hosts, and a STUN server that refuses, so that gathering is soon done.
pub struct Meeting {
    pub code: String,
    refusing: UdpSocket,
}

impl Meeting {
    pub fn new() -> Self {
        // Only its own peer may send to a connected socket: all others get an ICMP error.
        let refusing = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let own = refusing.local_addr().expect("it is bound");
        refusing.connect(own).expect("it may talk to itself");
        let code = run(anonymous("pair --new-code")).stdout.trim().to_owned();
        Self { code, refusing }
    }

    /// A side, with more arguments.
    pub fn side(&self, args: &[&str]) -> Command {
        let mut command = anonymous(&["pair", &self.code, "--json", "--local", "127.0.0.1"]);
        let stun = self.refusing.local_addr().expect("it is bound");
        command.args([
            "--no-nat",
            "--duration",
            "0.2",
            "-s",
            &format!("stun:{stun}"),
        ]);
        command.args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Both sides with the same arguments, to their ends.
    pub fn both(&self, args: &[&str]) -> [Run; 2] {
        let args = [&["--timeout", "40"], args].concat();
        let children = [(); 2].map(|()| self.side(&args).spawn().expect("it runs"));
        children.map(ended)
    }

    /// Both sides with places alone.
    pub fn at(&self, places: &[&str]) -> [Run; 2] {
        let args: Vec<&str> = places.iter().flat_map(|at| ["--rendezvous", at]).collect();
        self.both(&args)
    }
}

pub fn ended(child: Child) -> Run {
    read(&child.wait_with_output().expect("it ends"))
}
