//! What connections that do not mean well cost `rtcdiag serve`: each has joined a room and leaves a
//! message unfinished, or sends a long one and stays. Prints the server's memory and what honest pairs feel of it.
//!
//! `cargo bench -- hostile`

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all as join_all_of;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::rendezvous::{
    Server, Socket, goal, hard_limit, join, join_all, join_over, number, round_trips,
};

const HOSTILE: usize = 20_000;
/// Rooms of two that mean well.
const HONEST: usize = 100;
/// Files beside those connections, in either process.
const OTHER_FILES: usize = 1024;
/// A message that is allowed.
const WHOLE: usize = 255_000;
/// How many of those from many addresses come at once; fewer where more is sent.
const AT_ONCE: usize = 2000;
const SENT_AT_ONCE: usize = 8_000_000;

/// What they send of that message, and where they come from.
#[derive(Clone, Copy)]
struct Manner {
    sent: usize,
    /// Each from an address of its own, as those of many homes: then there is no one whose share it is.
    is_spread: bool,
}

const MANNERS: [Manner; 3] = [
    Manner {
        sent: 64 << 10,
        is_spread: false,
    },
    // As much as each may have that does not count.
    Manner {
        sent: 4000,
        is_spread: true,
    },
    // All of it, and then nothing: what was needed for it is not kept.
    Manner {
        sent: WHOLE,
        is_spread: true,
    },
];
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
        for manner in MANNERS {
            runtime.block_on(measure(count, manner));
        }
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

async fn measure(count: usize, manner: Manner) {
    let connections = (count + 2 * HONEST + 100).to_string();
    let rooms = (count + HONEST + 100).to_string();
    let server = Server::start(&["--max-connections", &connections, "--max-rooms", &rooms]);
    println!(
        "rtcdiag serve with {HONEST} honest rooms and {count} connections that {},\n{} bytes each, from {}",
        if manner.sent == WHOLE {
            "send a message and stay"
        } else {
            "leave a message unfinished"
        },
        manner.sent,
        if manner.is_spread {
            "as many addresses"
        } else {
            "one address"
        },
    );
    let mut honest = join_all(server.address, HONEST).await;
    let quiet = round_trips(&mut honest).await;
    let mut hostile = Vec::new();
    let mut peak = 0.0_f64;
    let mut times = Vec::new();
    let mut talked = Instant::now();
    let rooms: Vec<usize> = (HONEST..HONEST + count).collect();
    let at_once = if manner.is_spread {
        AT_ONCE.min(SENT_AT_ONCE / manner.sent)
    } else {
        1
    };
    for rooms in rooms.chunks(at_once) {
        let coming = rooms.iter().map(|room| async {
            let mut socket = come(server.address, *room, manner).await;
            begin_message(&mut socket, manner.sent).await;
            socket
        });
        hostile.extend(join_all_of(coming).await);
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

/// Joins a room, from 127.0.0.1 or from an address of the room's own.
async fn come(server: SocketAddr, room: usize, manner: Manner) -> Socket {
    if !manner.is_spread {
        return join(server, room, 1).await;
    }
    let socket = TcpSocket::new_v4().expect("a socket");
    let number = u32::try_from(room).expect("they are few");
    let own = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number);
    socket.bind((own, 0).into()).expect("it is loopback");
    let stream = socket.connect(server).await.expect("it listens");
    join_over(stream, server, room, 1).await
}

/// The head of a masked binary frame and a part of its payload (RFC 6455 5.2), as much as is taken at
/// once.
async fn begin_message(socket: &mut Socket, sent: usize) {
    let mut bytes = vec![0x82, 0x80 | 127];
    bytes.extend_from_slice(&number_of_bytes(WHOLE).to_be_bytes());
    bytes.resize(2 + 8 + 4 + sent, 0);
    let stream: &mut TcpStream = socket.get_mut();
    // It may take no more by now, or have ended the connection.
    let patience = if sent == WHOLE { 1000 } else { 5 };
    let _ = timeout(Duration::from_millis(patience), stream.write_all(&bytes)).await;
}

fn number_of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("it is small")
}
