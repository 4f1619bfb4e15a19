//! Runs of `rtcdiag pair` and `rtcdiag mesh` with one code, on loopback.

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
        self.host("pair", &[&["--json"], args].concat())
    }

    /// A side that tells what happens as it happens, with more arguments.
    pub fn telling(&self, args: &[&str]) -> Command {
        self.host("pair", &[&["--jsonl"], args].concat())
    }

    /// A member of a mesh at this place, with more arguments.
    pub fn member(&self, name: &str, place: &str, args: &[&str]) -> Command {
        let own = ["--name", name, "--rendezvous", place];
        let mut command = self.host("mesh", &[&own, args].concat());
        command.env("RTCDIAG_TIMEOUT", "60");
        command
    }

    /// Members of a mesh that know how many they are, to their ends.
    pub fn members(&self, names: &[&str], place: &str, args: &[&str]) -> Vec<Run> {
        let count = names.len().to_string();
        let args = [&["--json", "--hosts", &count], args].concat();
        let spawn = |name: &&str| self.member(name, place, &args).spawn().expect("it runs");
        let children: Vec<Child> = names.iter().map(spawn).collect();
        children.into_iter().map(ended).collect()
    }

    fn host(&self, name: &str, args: &[&str]) -> Command {
        let mut command = anonymous(&[name, &self.code, "--local", "127.0.0.1"]);
        let stun = self.refusing.local_addr().expect("it is bound");
        command.args(["--no-nat", "-s", &format!("stun:{stun}")]);
        if !args.contains(&"--duration") {
            command.args(["--duration", "0.2"]);
        }
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
