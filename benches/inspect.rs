//! How long `rtcdiag inspect` takes for long files and what it needs: a recorded call, repeated until
//! it is 50 MB, and a capture of 1 GB. They come by standard input. Prints a table; nothing is asserted.
//!
//! `cargo bench -- inspect`

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rtcdiag::proto::evidence::gzip;

use crate::lab::peak_of;
use crate::support::program;

/// The goals for 50 MB; a longer capture needs no more memory.
const GOAL_S: f64 = 1.0;
const GOAL_MB: f64 = 100.0;

/// What is sent once, and what is repeated behind it.
struct Endless {
    head: Vec<u8>,
    body: Vec<u8>,
}

pub fn measure_all() {
    println!(
        "inspect, a call repeated by standard input; goals for 50 MB: {GOAL_S} s, {GOAL_MB} MB"
    );
    println!(
        "{:<26} {:>10} {:>10} {:>10}",
        "", "size (MB)", "time (s)", "memory (MB)"
    );
    for (name, file, megabytes) in [
        ("rtcstats dump", rtcstats(), 50),
        ("packet capture", capture(), 50),
        ("packet capture", capture(), 1000),
    ] {
        let (seconds, peak) = measure(&file, megabytes << 20);
        println!("{name:<26} {megabytes:>10} {seconds:>10.2} {peak:>10.0}");
    }
}

fn evidence(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence/17-network-loss/a")
        .join(file);
    gzip::unpack(&std::fs::read(path).expect("it is there")).0
}

/// All lines once, then those with statistics again and again.
fn rtcstats() -> Endless {
    let head = evidence("rtcstats_dump.gz");
    let text = String::from_utf8_lossy(&head);
    let samples: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("[\"getStats\""))
        .collect();
    let body = format!("\n{}", samples.join("\n")).into_bytes();
    Endless { head, body }
}

/// The blocks before the first packet once, then all packets again and again.
fn capture() -> Endless {
    let file = evidence("capture.pcapng.gz");
    let mut at = 0;
    while at + 8 < file.len() && file[at..at + 4] != [6, 0, 0, 0] {
        let length: [u8; 4] = file[at + 4..at + 8].try_into().expect("four bytes");
        at += u32::from_le_bytes(length) as usize;
    }
    let (head, body) = file.split_at(at);
    Endless {
        head: head.to_vec(),
        body: body.to_vec(),
    }
}

/// Seconds, and the high-water mark in megabytes.
fn measure(file: &Endless, size: usize) -> (f64, f64) {
    let started = Instant::now();
    let mut child = Command::new(program::binary())
        .args(["inspect", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let peak = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut sent = file.head.len();
            let mut outcome = input.write_all(&file.head);
            while outcome.is_ok() && sent < size {
                outcome = input.write_all(&file.body);
                sent += file.body.len();
            }
            let is_closed = |error: &std::io::Error| error.kind() == ErrorKind::BrokenPipe;
            assert!(outcome.as_ref().err().is_none_or(is_closed), "{outcome:?}");
        });
        peak_of(&mut child)
    });
    (started.elapsed().as_secs_f64(), peak)
}
