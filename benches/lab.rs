//! What the benchmarks of the commands that talk to TURN servers share.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_rustls::rustls::ServerConfig;

use crate::support::certificates::{Authority, Certificate};
use crate::support::program;
use crate::support::turn_server::{Transport, TurnConfig, TurnServer};

pub const RUNS: usize = 9;
/// Round trips, in milliseconds.
pub const ROUND_TRIPS: [u64; 2] = [1, 40];
/// What a round trip is here.
pub const ABOUT_DELAY: &str = "Each message is held back for half of the round trip each way, and so is the TLS handshake;\n\
    the handshake of TCP is the system's and takes no time. The servers add some tenths of a millisecond.";

pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PORT_TRIES: usize = 50;
/// The first byte of a TLS connection (RFC 8446 5.1); a STUN message begins with 0 or 1.
const TLS_HANDSHAKE: u8 = 22;

/// Servers and what makes them look as if they were far away.
pub struct Lab {
    authority: Authority,
    servers: Vec<TurnServer>,
    silent: Vec<UdpSocket>,
    delay: Duration,
}

impl Lab {
    /// No server yet; everything takes half of the round trip each way.
    pub fn new(round_trip: Duration) -> Self {
        Self {
            authority: Authority::new().expect("the directory for temporary files can be written"),
            servers: Vec::new(),
            silent: Vec::new(),
            delay: round_trip / 2,
        }
    }

    /// A server over UDP.
    pub fn udp(&mut self) -> SocketAddr {
        let config = TurnConfig {
            delay: self.delay,
            ..TurnConfig::default()
        };
        let server = TurnServer::start(config, LOOPBACK, None, Transport::Udp);
        self.keep(server.expect("loopback has ports"))
    }

    /// A server over TLS. What comes and goes is delayed, the handshake of TLS too; that of TCP is
    /// the system's and is not.
    pub fn tls(&mut self) -> SocketAddr {
        let server = TurnServer::start(
            TurnConfig::default(),
            LOOPBACK,
            Some(self.tls_config()),
            Transport::Tls,
        );
        let server = server.expect("loopback has ports");
        let to = server.tls_address.unwrap_or(server.address);
        self.servers.push(server);
        let listener = TcpListener::bind((LOOPBACK, 0)).expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        front(listener, self.delay, move |_| to);
        address
    }

    /// A server over UDP, TCP and TLS on one port.
    pub fn all(&mut self) -> SocketAddr {
        let streams =
            TurnServer::start_all(TurnConfig::default(), LOOPBACK, Some(self.tls_config()))
                .expect("loopback has ports");
        let plain = streams.address;
        let tls = streams.tls_address.expect("it has TLS");
        self.servers.push(streams);
        for _ in 0..PORT_TRIES {
            let address = self.udp();
            if let Ok(listener) = TcpListener::bind(address) {
                let choose = move |first| if first == TLS_HANDSHAKE { tls } else { plain };
                front(listener, self.delay, choose);
                return address;
            }
            self.servers.pop();
        }
        panic!("no port is free for UDP and TCP");
    }

    /// An address that takes everything and answers nothing.
    pub fn silent(&mut self) -> SocketAddr {
        let socket = UdpSocket::bind((LOOPBACK, 0)).expect("loopback has ports");
        let address = socket.local_addr().expect("it is bound");
        self.silent.push(socket);
        address
    }

    /// The program, with credentials that the servers take, and `args`.
    pub fn program(&self, args: &[String]) -> Command {
        let mut command = Command::new(program::binary());
        command
            .env_clear()
            .env("SSL_CERT_FILE", self.authority.file())
            .env("RTCDIAG_TURN_PASSWORD", "secret")
            .args(args)
            .args(["--json", "--turn-username", "user"]);
        command
    }

    fn tls_config(&self) -> Arc<ServerConfig> {
        let config = self.authority.server(Certificate::Good);
        config.expect("a certificate can be made")
    }

    fn keep(&mut self, server: TurnServer) -> SocketAddr {
        let address = server.address;
        self.servers.push(server);
        address
    }
}

/// One run: the document and the time from start to end, in milliseconds.
pub fn run(command: &mut Command) -> (Value, f64) {
    let started = Instant::now();
    let Output { stdout, stderr, .. } = command.output().expect("it runs");
    let elapsed = milliseconds(started.elapsed());
    let report = serde_json::from_slice(&stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&stderr)));
    (report, elapsed)
}

/// The high-water mark that Linux keeps for the process, read until it ends, in megabytes.
pub fn peak_memory(command: &mut Command) -> f64 {
    peak_of(&mut command.stdout(Stdio::null()).spawn().expect("it runs"))
}

/// The same of a process that runs already.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn peak_of(child: &mut Child) -> f64 {
    let mut peak = 0;
    while child.try_wait().expect("it is ours").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let line = status.unwrap_or_default();
        let mark = line.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kilobytes = mark.and_then(|m| m.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        thread::sleep(Duration::from_millis(2));
    }
    peak as f64 / 1e6
}

/// Median and maximum.
pub fn summary(times: &[f64]) -> (f64, f64) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The round trips in a list of servers or transports: what the delay really is.
pub fn round_trips(list: &Value) -> String {
    let list = list.as_array().expect("a list");
    let times: Vec<String> = list
        .iter()
        .filter_map(|row| {
            let rtt = row["rtt_ms"].as_f64()?;
            let transport = row["transport"].as_str()?;
            Some(format!("{transport} {rtt:.1}"))
        })
        .collect();
    times.join(", ")
}

/// Takes connections and passes on what comes, late, to where the first byte says.
fn front(
    listener: TcpListener,
    delay: Duration,
    choose: impl Fn(u8) -> SocketAddr + Send + 'static,
) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let mut first = [0];
            // Who says nothing or breaks off gets nothing.
            if !matches!(client.peek(&mut first), Ok(1)) {
                continue;
            }
            if let Ok(server) = TcpStream::connect(choose(first[0])) {
                let _ = both_ways(&client, &server, delay);
            }
        }
    });
}

fn both_ways(client: &TcpStream, server: &TcpStream, delay: Duration) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    pass_on(client.try_clone()?, server.try_clone()?, delay);
    pass_on(server.try_clone()?, client.try_clone()?, delay);
    Ok(())
}

fn pass_on(mut from: TcpStream, to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || read(&mut from, &sender, delay));
    thread::spawn(move || write(&to, &receiver));
}

fn read(from: &mut TcpStream, sender: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = [0; 16384];
    while let Ok(size @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + delay;
        if sender.send((due, buffer[..size].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: &TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown(Shutdown::Write);
}
