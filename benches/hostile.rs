//! What connections that do not mean well cost `rtcdiag serve`: they leave a message, a request or a TLS
//! handshake unfinished, or send much and stay. Prints the server's memory and what honest pairs feel of it.
//!
//! `cargo bench -- hostile`

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all as join_all_of;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::rendezvous::{
    Server, Stream, Way, goal, hard_limit, join_all, join_over, number, round_trips,
};

const HOSTILE: usize = 20_000;
/// Rooms of two that mean well.
const HONEST: usize = 100;
/// Files beside those connections, in either process.
const OTHER_FILES: usize = 1024;
/// A message that is allowed.
const WHOLE: usize = 255_000;
/// As much of it as each may have that does not count.
const PART: usize = 2000;
/// How many of those from many addresses come at once; fewer where more is sent.
const AT_ONCE: usize = 2000;
const SENT_AT_ONCE: usize = 8_000_000;

/// What they do.
#[derive(Clone, Copy)]
enum Deed {
    /// Joins a room, and sends so much of a message.
    Message(usize),
    /// The head of a request, a byte now and then.
    Head,
    /// Of the first message of TLS so many bytes.
    Hello(usize),
}

#[derive(Clone, Copy)]
struct Manner {
    deed: Deed,
    /// Each from an address of its own, as those of many homes: then there is no one whose share it is.
    is_spread: bool,
    has_tls: bool,
}

impl Manner {
    const fn new(deed: Deed) -> Self {
        Self {
            deed,
            is_spread: true,
            has_tls: false,
        }
    }

    const fn over_tls(deed: Deed) -> Self {
        Self {
            has_tls: true,
            ..Self::new(deed)
        }
    }

    const fn sent(self) -> usize {
        match self.deed {
            Deed::Message(sent) | Deed::Hello(sent) => sent,
            Deed::Head => 0,
        }
    }

    fn words(self) -> String {
        let from = if self.is_spread {
            "as many addresses"
        } else {
            "one address"
        };
        let deed = match self.deed {
            Deed::Message(WHOLE) => format!("send a message of {WHOLE} bytes and stay"),
            Deed::Message(sent) => format!("send {sent} bytes of a message of {WHOLE}"),
            Deed::Head => "send the head of a request, a byte now and then".to_owned(),
            Deed::Hello(sent) => format!("send {sent} bytes of a longer TLS hello"),
        };
        let over = if self.has_tls { " over TLS" } else { "" };
        format!("{deed}{over}, from {from}")
    }
}

const MANNERS: [Manner; 7] = [
    Manner {
        is_spread: false,
        ..Manner::new(Deed::Message(64 << 10))
    },
    Manner::new(Deed::Message(PART)),
    // All of it, and then nothing: what was needed for it is not kept.
    Manner::new(Deed::Message(WHOLE)),
    Manner::new(Deed::Head),
    Manner::over_tls(Deed::Hello(4000)),
    Manner::over_tls(Deed::Message(0)),
    Manner::over_tls(Deed::Message(PART)),
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
    let limits = ["--max-connections", &connections, "--max-rooms", &rooms];
    let server = if manner.has_tls {
        Server::start_with_tls(&limits)
    } else {
        Server::start(&limits)
    };
    println!("rtcdiag serve with {HONEST} honest rooms and {count} connections that");
    println!("{}", manner.words());
    let mut honest = join_all(&server.way, HONEST).await;
    let quiet = round_trips(&mut honest).await;
    let mut hostile = Vec::new();
    let mut peak = 0.0_f64;
    let mut most_held = 0;
    let mut times = Vec::new();
    let mut talked = Instant::now();
    let rooms: Vec<usize> = (HONEST..HONEST + count).collect();
    let at_once = if manner.is_spread {
        AT_ONCE.min(SENT_AT_ONCE / manner.sent().max(1))
    } else {
        1
    };
    for rooms in rooms.chunks(at_once) {
        let coming = rooms.iter().map(|room| come(&server.way, *room, manner));
        hostile.extend(join_all_of(coming).await);
        peak = peak.max(server.memory());
        most_held = most_held.max(server.files());
        if talked.elapsed() > TALK_EVERY {
            times.extend(round_trips(&mut honest).await);
            talked = Instant::now();
        }
    }
    for _ in 0..LOOKS {
        peak = peak.max(server.memory());
        most_held = most_held.max(server.files());
        times.extend(round_trips(&mut honest).await);
        if matches!(manner.deed, Deed::Head) {
            drip(&mut hostile).await;
        }
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
    println!("{:<34} {most_held:>10}", "files it held at most");
    println!(
        "{:<34} {:>10.1}",
        "of each of those (KB)",
        peak / number(most_held)
    );
    goal(
        "MB",
        peak / 1024.0,
        peak / 1024.0 < GOAL_MEMORY_MB,
        GOAL_MEMORY_MB,
    );
}

/// Comes from 127.0.0.1 or from an address of the room's own, and begins.
async fn come(way: &Way, room: usize, manner: Manner) -> Box<dyn Stream> {
    let number = u32::try_from(room).expect("they are few");
    let own = if manner.is_spread {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number)
    } else {
        Ipv4Addr::LOCALHOST
    };
    let stream = way.connect(own.into()).await;
    match manner.deed {
        Deed::Message(sent) => {
            let socket = join_over(way.open(stream).await, room, 1).await;
            let mut stream = socket.into_inner();
            if sent > 0 {
                begin_message(&mut stream, sent).await;
            }
            stream
        }
        Deed::Head => {
            let mut stream = Box::new(stream);
            send(&mut stream, b"GET /pair HTTP/1.1\r\nHost: localhost\r\nA: ").await;
            stream
        }
        Deed::Hello(sent) => {
            // A record of a handshake, in it a hello of that length (RFC 8446 4, 5.1).
            let mut bytes = vec![22, 3, 1, 0x3f, 0, 1, 0, 0x3e, 0xfc, 3, 3];
            bytes.resize(sent, 0);
            let mut stream = Box::new(stream);
            send(&mut stream, &bytes).await;
            stream
        }
    }
}

/// Another byte of each head.
async fn drip(streams: &mut [Box<dyn Stream>]) {
    for stream in streams {
        send(stream, b"a").await;
    }
}

/// The head of a masked binary frame and a part of its payload (RFC 6455 5.2), as much as is taken at
/// once.
async fn begin_message(stream: &mut Box<dyn Stream>, sent: usize) {
    let mut bytes = vec![0x82, 0x80 | 127];
    bytes.extend_from_slice(&number_of_bytes(WHOLE).to_be_bytes());
    bytes.resize(2 + 8 + 4 + sent, 0);
    send(stream, &bytes).await;
}

/// As much as is taken at once: the server may take no more by now, or have ended the connection.
async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let patience = if bytes.len() > WHOLE { 1000 } else { 5 };
    let all = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    let _ = timeout(Duration::from_millis(patience), all).await;
}

fn number_of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("it is small")
}
