//! What `rtcdiag serve` can carry: joins in a second, memory of an idle connection, round trip of a
//! message, with thousands of rooms open on loopback. Prints them; nothing is asserted, since time
//! depends on the machine.
//!
//! `cargo bench -- rendezvous`

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::certificates::{Authority, Certificate};
use crate::support::mosquitto::mosquitto;
use crate::support::program;
use futures_util::{SinkExt, StreamExt};
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::{RoomKind, RoomName};
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::wire::{Join, SUBPROTOCOL};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const ROOMS: usize = 5000;
/// Beside the sockets: standard streams, the runtime's own, and what the server keeps for others.
const OTHER_FILES: usize = 1024;
/// Clients that join at one time.
const AT_ONCE: usize = 128;
const ROUND_TRIPS: usize = 500;
/// A description with its candidates.
const MESSAGE: usize = 2000;
/// What the child that is all the clients finds in its environment.
const ROOMS_VARIABLE: &str = "RTCDIAG_BENCH_ROOMS";

/// On two processors, which the server does not have for itself here: it is reckoned from what it uses of them.
const GOAL_JOINS: f64 = 10_000.0;
const PROCESSORS: f64 = 2.0;
const GOAL_MEMORY_KB: f64 = 20.0;
/// What a message may take longer if it goes through a broker.
const GOAL_ADDED_MS: f64 = 5.0;
/// Rooms of members at two servers, and as many of members at one.
const BROKER_ROOMS: usize = 50;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// Where a server is, and whether it is spoken to over TLS.
#[derive(Clone)]
pub struct Way {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Way {
    /// From an address of this machine.
    pub async fn connect(&self, from: IpAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("it is loopback");
        let stream = socket.connect(self.address).await.expect("it listens");
        stream.set_nodelay(true).expect("it is TCP");
        stream
    }

    /// With the TLS handshake done, where there is one.
    pub async fn open(&self, stream: TcpStream) -> Box<dyn Stream> {
        let Some(tls) = &self.tls else {
            return Box::new(stream);
        };
        let name = ServerName::IpAddress(self.address.ip().into());
        let opened = tls.connect(name, stream).await;
        Box::new(opened.expect("it speaks TLS"))
    }
}

/// Whether this process is the child whose rooms are measured.
pub fn is_client() -> bool {
    std::env::var_os(ROOMS_VARIABLE).is_some()
}

pub fn measure_all() {
    if let Some(rooms) = std::env::var(ROOMS_VARIABLE)
        .ok()
        .and_then(|r| r.parse().ok())
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(measure(rooms));
        return;
    }
    let most = hard_limit();
    let rooms = ROOMS.min(most.saturating_sub(OTHER_FILES) / 2);
    if rooms < ROOMS {
        println!("The hard limit of open files is {most}: {rooms} rooms in place of {ROOMS}.");
    }
    let own = std::env::current_exe().expect("it has a path");
    let files = 2 * rooms + OTHER_FILES;
    let status = Command::new("sh")
        .args(["-c", &format!("ulimit -n {files}; exec \"$0\"")])
        .arg(own)
        .env(ROOMS_VARIABLE, rooms.to_string())
        .status()
        .expect("sh is there");
    assert!(status.success(), "{status}");
}

/// How many files a process may be let open.
pub fn hard_limit() -> usize {
    let output = Command::new("sh")
        .args(["-c", "ulimit -H -n"])
        .output()
        .expect("sh is there");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or(usize::MAX)
}

async fn measure(rooms: usize) {
    let server = Server::start(&[]);
    let connections = 2 * rooms;
    println!("rtcdiag serve with {rooms} rooms of two on loopback, clients on the same machine");
    let (memory_before, cpu_before) = (server.memory(), server.cpu());
    let began = Instant::now();
    let mut clients = join_all(&server.way, rooms).await;
    let took = began.elapsed().as_secs_f64();
    let cpu = server.cpu() - cpu_before;
    // What the handshakes needed is given back by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory = (server.memory() - memory_before) / number(connections);
    joins(connections, took, cpu);
    println!("{:<34} {memory:>10.1}", "memory of a connection (KB)");
    goal(
        "KB a connection",
        memory,
        memory < GOAL_MEMORY_KB,
        GOAL_MEMORY_KB,
    );
    let times = round_trips(&mut clients).await;
    println!(
        "{:<34} {:>10.3} median {:>8.3} p95 {:>8.3} max",
        format!("round trip of {MESSAGE} bytes (ms)"),
        times[times.len() / 2],
        times[times.len() * 95 / 100],
        times[times.len() - 1],
    );
    drop(clients);
    drop(server);
    through_a_broker(rooms).await;
}

/// The same with two servers that share their rooms, the members of each room at different ones.
async fn through_a_broker(rooms: usize) {
    let lines = ["allow_anonymous true", "set_tcp_nodelay true"];
    let Some(broker) = mosquitto(&lines, &[]) else {
        return;
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let alone = Server::start(&["--broker", &url]);
    println!("the same with a broker, and no other server there");
    let (began, cpu_before) = (Instant::now(), alone.cpu());
    let clients = join_all(&alone.way, rooms).await;
    let took = began.elapsed().as_secs_f64();
    joins(2 * rooms, took, alone.cpu() - cpu_before);
    drop(clients);
    let other = Server::start(&["--broker", &url]);
    // Both have heard of each other by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut clients = Vec::new();
    let mut within = Vec::new();
    for room in 0..BROKER_ROOMS {
        clients.push(join(&alone.way, room, 1).await);
        clients.push(join(&other.way, room, 2).await);
        within.push(join(&alone.way, BROKER_ROOMS + room, 1).await);
        within.push(join(&alone.way, BROKER_ROOMS + room, 2).await);
    }
    let apart = round_trips(&mut clients).await;
    let near = round_trips(&mut within).await;
    let middle = |times: &[f64]| times[times.len() / 2];
    println!("two servers with {BROKER_ROOMS} rooms of members at both");
    println!(
        "{:<34} {:>10.3} median {:>8.3} p95 {:>8.3} max",
        "round trip through the broker (ms)",
        middle(&apart),
        apart[apart.len() * 95 / 100],
        apart[apart.len() - 1],
    );
    let added = (middle(&apart) - middle(&near)) / 2.0;
    let reached = added <= GOAL_ADDED_MS;
    goal("ms more a message", added, reached, GOAL_ADDED_MS);
}

/// So many took so many seconds, and so many of the server's processor.
fn joins(count: usize, took: f64, cpu: f64) {
    let on_all = PROCESSORS * number(count) / cpu;
    println!("{:<34} {:>10.0}", "joins in a second", number(count) / took);
    let reached = on_all >= GOAL_JOINS;
    goal(
        "joins a second on 2 processors",
        on_all,
        reached,
        GOAL_JOINS,
    );
}

pub fn goal(what: &str, value: f64, reached: bool, goal: f64) {
    let word = if reached { "reached" } else { "MISSED" };
    println!(
        "{:<34} goal {word}: {value:.1} {what}, {goal:.0} wanted",
        ""
    );
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
}

/// Both members of each room, the two of one room side by side.
pub async fn join_all(way: &Way, rooms: usize) -> Vec<Socket> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut joining = Vec::new();
    for room in 0..rooms {
        for member in [1, 2] {
            let (turns, way) = (Arc::clone(&turns), way.clone());
            joining.push(tokio::spawn(async move {
                let _turn = turns.acquire().await.expect("it stays open");
                join(&way, room, member).await
            }));
        }
    }
    let mut clients = Vec::new();
    for client in joining {
        clients.push(client.await.expect("no panic"));
    }
    clients
}

pub async fn join(way: &Way, room: usize, member: u8) -> Socket {
    let stream = way.connect(Ipv4Addr::LOCALHOST.into()).await;
    join_over(way.open(stream).await, room, member).await
}

pub async fn join_over(stream: Box<dyn Stream>, room: usize, member: u8) -> Socket {
    // Where it goes is known to the stream, which may be TLS already.
    let mut request = "ws://localhost/pair".into_client_request().expect("a URL");
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", subprotocol);
    let config = WebSocketConfig::default().read_buffer_size(512);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (mut socket, _) = opened.await.expect("it speaks WebSocket");
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&room.to_be_bytes());
    let join = Join {
        room: RoomName::from(&Code::new(bits)),
        kind: RoomKind::Pair,
        member: Name([member; 16]),
    };
    let text = Message::text(join.to_text());
    socket.send(text).await.expect("it is sent");
    loop {
        let said = socket.next().await.expect("an answer").expect("a frame");
        match said {
            Message::Text(text) if text.contains(r#""type":"joined""#) => return socket,
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Milliseconds from one member to the other and back, sorted; each time in another room.
pub async fn round_trips(clients: &mut [Socket]) -> Vec<f64> {
    let rooms = clients.len() / 2;
    let mut times = Vec::new();
    for number in 0..ROUND_TRIPS {
        let room = number * 7 % rooms;
        let [a, b] = &mut clients[2 * room..2 * room + 2] else {
            panic!("two members");
        };
        let began = Instant::now();
        pass(a, b).await;
        pass(b, a).await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times
}

async fn pass(from: &mut Socket, to: &mut Socket) {
    let message = Message::binary(vec![0; MESSAGE]);
    from.send(message).await.expect("it is sent");
    loop {
        let came = to.next().await.expect("open").expect("a frame");
        if came.is_binary() {
            return;
        }
    }
}

pub struct Server {
    child: Child,
    pub way: Way,
    /// Its certificate, as long as it runs.
    files: Vec<PathBuf>,
}

impl Server {
    /// Without the limits that are for one address: all clients here have the same.
    pub fn start(more: &[&str]) -> Self {
        let mut child = Command::new(program::binary())
            .args(["serve", "--jsonl", "--listen", "127.0.0.1:0"])
            .args(more)
            .args(["--max-connections-per-address", "100000"])
            .args(["--max-joins-per-address", "100000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let stdout = child.stdout.take().expect("piped");
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        stdout.read_line(&mut line).expect("UTF-8");
        let event: Value = serde_json::from_str(&line).expect("an event");
        let address = event["addresses"][0].as_str().expect("an address");
        let address = address.parse().expect("an address");
        Self {
            child,
            way: Way { address, tls: None },
            files: Vec::new(),
        }
    }

    /// The same over TLS.
    pub fn start_with_tls(more: &[&str]) -> Self {
        let authority = Authority::new().expect("temporary files");
        let (certificate, key) = authority.pem(Certificate::Good).expect("it can be made");
        let files = [("crt", certificate), ("key", key)].map(|(kind, text)| {
            let name = format!("rtcdiag-bench-{}.{kind}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).expect("temporary files");
            path
        });
        let path = |at: usize| files[at].to_str().expect("UTF-8");
        let tls = ["--tls-cert", path(0), "--tls-key", path(1)];
        let mut server = Self::start(&[more, &tls].concat());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.file()).expect("it was written");
        roots.add(root).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        server.way.tls = Some(TlsConnector::from(Arc::new(config)));
        server.files = files.into();
        server
    }

    /// How many connections it holds, and a few files beside.
    pub fn files(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("Linux says").count()
    }

    /// Resident memory in kilobytes.
    pub fn memory(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("Linux says");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let text = line.expect("it runs").trim().trim_end_matches(" kB");
        text.parse().expect("a number")
    }

    /// Seconds of processor time: the 14th and 15th field of proc(5), in hundredths.
    fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(path).expect("Linux says");
        let (_, rest) = text.rsplit_once(')').expect("the name is in brackets");
        let fields = rest.split_whitespace().skip(11).take(2);
        fields
            .map(|f| f.parse::<f64>().expect("a number"))
            .sum::<f64>()
            / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}
