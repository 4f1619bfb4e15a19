//! What connections that do not mean well cost `rtcdiag serve`: each has joined a room and leaves a
//! message unfinished. Prints the server's memory and what honest pairs feel of it.
//!
//! `cargo bench -- hostile`

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::rendezvous::{Server, Socket, goal, hard_limit, join, join_all, number, round_trips};

const HOSTILE: usize = 20_000;
/// Rooms of two that mean well.
const HONEST: usize = 100;
/// Files beside those connections, in either process.
const OTHER_FILES: usize = 1024;
/// A message that is allowed, and what of it is sent.
const ANNOUNCED: u64 = 255_000;
const SENT: usize = 64 << 10;
/// How often memory is looked at while they hold on.
const LOOKS: usize = 40;
/// How often the honest talk while the others still come: members who answer no ping are dropped.
const TALK_EVERY: Duration = Duration::from_secs(5);
/// What the child that is all the clients finds in its environment.
const VARIABLE: &str = "RTCDIAG_BENCH_HOSTILE";
const GOAL_MEMORY_MB: f64 = 300.0;

/// Whether this process is that child.
pub fn is_client() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

pub fn measure_all() {
    if let Some(count) = std::env::var(VARIABLE).ok().and_then(|n| n.parse().ok()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(measure(count));
        return;
    }
    let own = std::env::current_exe().expect("it has a path");
    let run = |count: usize| {
        let files = count + 2 * HONEST + OTHER_FILES;
        let command = format!("ulimit -n {files} 2>/dev/null && exec \"$0\"");
        let mut client = Command::new("sh");
        client.args(["-c", &command]).arg(&own);
        client
            .env(VARIABLE, count.to_string())
            .status()
            .expect("sh is there")
    };
    // Root may raise the hard limit.
    if run(HOSTILE).success() {
        return;
    }
    let fits = hard_limit().saturating_sub(2 * HONEST + OTHER_FILES);
    println!("Files are limited: {fits} hostile connections in place of {HOSTILE}.");
    let status = run(fits.min(HOSTILE));
    assert!(status.success(), "{status}");
}

async fn measure(count: usize) {
    let connections = (count + 2 * HONEST + 100).to_string();
    let rooms = (count + HONEST + 100).to_string();
    let server = Server::start(&["--max-connections", &connections, "--max-rooms", &rooms]);
    println!(
        "rtcdiag serve with {HONEST} honest rooms and {count} connections that leave a message unfinished"
    );
    let mut honest = join_all(server.address, HONEST).await;
    let quiet = round_trips(&mut honest).await;
    let mut hostile = Vec::new();
    let mut peak = 0.0_f64;
    let mut times = Vec::new();
    let mut talked = Instant::now();
    for room in HONEST..HONEST + count {
        let mut socket = join(server.address, room, 1).await;
        begin_message(&mut socket).await;
        hostile.push(socket);
        if talked.elapsed() > TALK_EVERY {
            peak = peak.max(server.memory());
            times.extend(round_trips(&mut honest).await);
            talked = Instant::now();
        }
    }
    for _ in 0..LOOKS {
        peak = peak.max(server.memory());
        times.extend(round_trips(&mut honest).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    times.sort_by(f64::total_cmp);
    for (when, times) in [("before", quiet), ("meanwhile", times)] {
        println!(
            "{:<34} {:>10.3} median {:>8.3} p95 {:>8.3} max",
            format!("honest round trip {when} (ms)"),
            times[times.len() / 2],
            times[times.len() * 95 / 100],
            times[times.len() - 1],
        );
    }
    println!("{:<34} {:>10.1}", "peak memory (MB)", peak / 1024.0);
    println!(
        "{:<34} {:>10.1}",
        "of each connection (KB)",
        peak / number(count)
    );
    goal(
        "MB",
        peak / 1024.0,
        peak / 1024.0 < GOAL_MEMORY_MB,
        GOAL_MEMORY_MB,
    );
}

/// The head of a masked binary frame and a part of its payload (RFC 6455 5.2), as much as is taken at
/// once.
async fn begin_message(socket: &mut Socket) {
    let mut bytes = vec![0x82, 0x80 | 127];
    bytes.extend_from_slice(&ANNOUNCED.to_be_bytes());
    bytes.resize(2 + 8 + 4 + SENT, 0);
    let stream: &mut TcpStream = socket.get_mut();
    // It may take no more by now, or have ended the connection.
    let _ = timeout(Duration::from_millis(5), stream.write_all(&bytes)).await;
}
