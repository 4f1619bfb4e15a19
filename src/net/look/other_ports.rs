//! What of UDP gets through to a silent server otherwise: to its other ports, and in the form of
//! RFC 3489, which a filter that looks for the magic cookie of STUN does not know.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::words::listed;
use crate::net::host::Source;
use crate::net::{icmp, refusal};
use crate::proto::machine::SendError;
use crate::proto::stun::message::{self, Change, TransactionId};

/// Ports that networks leave open where they close others, and that TURN servers listen on for it; and
/// the usual one, for servers on another.
const PORTS: [u16; 4] = [443, 53, 80, 3478];

/// What to do where one port is silent, and UDP gets through.
pub const PORT_HINT: &str = "use a STUN or TURN server on a port that gets through, or have this one opened in the firewall: on the way, and on the server if it is yours";

/// What to do where nothing but ICMP comes back: UDP answers may be kept out as a whole.
pub const SILENT_PORT_HINT: &str = "use TURN over TCP or TLS, or a STUN or TURN server on a port that gets through; or have this port opened, and the answers let in: in this machine's firewall, on the way, and on the server if it is yours";

/// How many hosts are asked so: more show nothing new.
pub const MOST_HOSTS: usize = 4;

/// A port that hardly any host has something on, and no firewall a rule for: what UDP to high ports alone is let
/// through shows there.
const UNUSED_PORT: u16 = 50_100;

/// How long hosts may be silent after a refusal: Linux sends one a second to each address, after the first
/// few.
const REFUSAL_PAUSE: Duration = Duration::from_millis(1100);

/// How often, and how long an answer is waited for.
const TRIES: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(250),
    Duration::from_millis(500),
];

/// How long a host has to answer over TCP, one lost packet included.
const HOST_PATIENCE: Duration = Duration::from_millis(1300);

/// How long the router has to answer.
const ROUTER_PATIENCE: Duration = Duration::from_millis(700);

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Binding request as servers expect it today.
    Today,
    /// The same without the magic cookie.
    Classic,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Answer,
    /// ICMP says that nothing listens there.
    Refusal,
    /// This machine did not send it.
    Unsent,
    Nothing,
}

/// A question to a silent server by another way, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knock {
    /// The server as it is listed.
    pub server: SocketAddr,
    pub port: u16,
    pub form: Form,
    pub heard: Heard,
}

impl Knock {
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.server.ip(), self.port)
    }
}

/// Everything to ask of a silent server.
pub fn of(server: SocketAddr) -> Vec<Knock> {
    let knock = |port, form| Knock {
        server,
        port,
        form,
        heard: Heard::Nothing,
    };
    let all = PORTS.into_iter().chain([UNUSED_PORT]);
    let others = all.filter(|port| *port != server.port());
    others
        .map(|port| knock(port, Form::Today))
        .chain([knock(server.port(), Form::Classic)])
        .collect()
}

/// Asks, from a socket of its own.
pub async fn ask(knock: Knock, source: Source, local: IpAddr, id: TransactionId) -> Knock {
    let heard = match socket_to(&source, local, knock.address()).await {
        Ok(socket) => exchange(&socket, knock.form, id).await,
        Err(_) => Heard::Unsent,
    };
    Knock { heard, ..knock }
}

/// What a server that is silent over UDP answers otherwise, in words; nothing if it is silent altogether. Where
/// TURN was asked for, the same port may answer STUN.
pub async fn of_silent(
    server: SocketAddr,
    source: &Source,
    local: IpAddr,
    was_asked_for_turn: bool,
) -> Option<ErrorReport> {
    let mut knocks = of(server);
    knocks.push(Knock {
        server,
        port: server.port(),
        form: Form::Today,
        heard: Heard::Nothing,
    });
    let mut tasks = JoinSet::new();
    for knock in knocks {
        tasks.spawn(ask(knock, source.clone(), local, rand::random()));
    }
    let mut knocks: Vec<Knock> = tasks.join_all().await;
    if let Some(more) = follow_up(&knocks) {
        knocks.push(ask_later(more, source.clone(), local, rand::random()).await);
    }
    let words = in_words(server, &knocks, was_asked_for_turn)?;
    if !matches!(words.code, Code::UdpPortBlocked | Code::PortSilent) {
        return Some(words);
    }
    // What looks blocked may be refused: the questions before have used up what hosts say of that.
    let later = refusal::ask_later(source, local, server, rand::random()).await;
    Some(match later {
        Some(SendError::Refused) => icmp::closed_port(server),
        Some(SendError::Rejected(rejection)) => rejection.report(server),
        _ => words,
    })
}

/// Whether all that was asked of a host leaves one more question: a single refusal may be a firewall's, and
/// hosts send few of them a second, so that others may be missing.
pub fn follow_up(knocks: &[Knock]) -> Option<Knock> {
    let refused = |k: &&Knock| k.heard == Heard::Refusal && k.port != k.server.port();
    let mut found = knocks.iter().filter(refused);
    let (one, None) = (found.next()?, found.next()) else {
        return None;
    };
    let is_else_silent = |k: &Knock| k == one || k.heard == Heard::Nothing;
    if one.port == UNUSED_PORT {
        return None;
    }
    knocks.iter().all(is_else_silent).then_some(Knock {
        port: UNUSED_PORT,
        heard: Heard::Nothing,
        ..*one
    })
}

/// Asks when the host may send a refusal again.
pub async fn ask_later(knock: Knock, source: Source, local: IpAddr, id: TransactionId) -> Knock {
    tokio::time::sleep(REFUSAL_PAUSE).await;
    ask(knock, source, local, id).await
}

/// The other ports of a host of which ICMP says that nothing listens there, if they show that UDP gets to
/// it, though not that anything comes back. One port alone may be refused by a firewall, as many do with QUIC, but not
/// one that no rule is about.
pub fn refused_elsewhere(host: IpAddr, knocks: &[Knock]) -> Option<BTreeSet<u16>> {
    let of_host = knocks.iter().filter(|knock| knock.server.ip() == host);
    let refused = of_host.filter(|k| k.heard == Heard::Refusal && k.port != k.server.port());
    let ports: BTreeSet<u16> = refused.map(|knock| knock.port).collect();
    (ports.len() >= 2 || ports.contains(&UNUSED_PORT)).then_some(ports)
}

/// What it means that a port is silent beside these, in the second half of a sentence about its host.
pub fn silent_beside(own: &str, refused: &BTreeSet<u16>) -> String {
    let ports = if refused.len() > 1 { "ports" } else { "port" };
    let refused: Vec<String> = refused.iter().map(u16::to_string).collect();
    format!(
        "which says of {ports} {} that nothing listens there, and gets no answer on port {own}: that port is blocked on the way or by the server's own firewall, or the server hangs, or no UDP answers come in here",
        listed(&refused)
    )
}

/// Whether other UDP ports of a server's host answer, be it by saying that nothing listens there.
pub async fn answer(server: SocketAddr, source: &Source, local: IpAddr) -> bool {
    let mut tasks = JoinSet::new();
    let others = of(server)
        .into_iter()
        .filter(|knock| knock.port != server.port());
    for knock in others {
        tasks.spawn(ask(knock, source.clone(), local, rand::random()));
    }
    while let Some(done) = tasks.join_next().await {
        let heard = done.map(|knock| knock.heard);
        if matches!(heard, Ok(Heard::Answer | Heard::Refusal)) {
            return true;
        }
    }
    false
}

fn in_words(server: SocketAddr, knocks: &[Knock], was_asked_for_turn: bool) -> Option<ErrorReport> {
    let port = server.port();
    let answered = || knocks.iter().filter(|knock| knock.heard == Heard::Answer);
    let has = |form| answered().any(|knock| knock.port == port && knock.form == form);
    if has(Form::Today) {
        return Some(if was_asked_for_turn {
            turn_silent()
        } else {
            flow_lost()
        });
    }
    let mut ports: Vec<u16> = answered().map(|knock| knock.port).collect();
    ports.retain(|other| *other != port);
    ports.sort_unstable();
    if !ports.is_empty() {
        let names: Vec<String> = ports.iter().map(u16::to_string).collect();
        let names = listed(&names);
        let message = format!(
            "no answer over UDP, and on UDP port {names} the same host answers: port {port} is blocked on the way or at the server, or nothing listens on it"
        );
        return Some(ErrorReport::new(Code::UdpPortBlocked, message).with_hint(
            "name the server with the port that answers, or have this port opened; rtcdiag nat tells what else gets through",
        ));
    }
    if has(Form::Classic) {
        return Some(ErrorReport::new(
            Code::Timeout,
            "no answer over UDP, but to a request without the magic cookie of STUN: something on the way filters STUN",
        )
        .with_hint("calls from here need TURN over TLS; rtcdiag nat tells more")
        .found_out());
    }
    let refused = refused_elsewhere(server.ip(), knocks)?;
    let refused: Vec<String> = refused.iter().map(u16::to_string).collect();
    let message = format!(
        "no answer over UDP, though the host refuses UDP {}: UDP gets there, and port {port} is blocked on the way or at the server, or the server hangs, or no UDP answers come in here",
        listed(&refused)
    );
    Some(ErrorReport::new(Code::PortSilent, message).with_hint(SILENT_PORT_HINT))
}

/// Another socket is answered at the same port.
fn flow_lost() -> ErrorReport {
    ErrorReport::new(
        Code::Timeout,
        "no answer over UDP to the first requests, and one to another socket of this host: packets are lost, or something on the way drops some flows",
    )
    .with_hint("try again; where it happens again, see whether a firewall or router between limits new connections")
    .found_out()
}

/// STUN is answered, and TURN is not.
pub fn turn_silent() -> ErrorReport {
    ErrorReport::new(
        Code::TurnSilent,
        "it answers STUN there, and no TURN request: TURN is not switched on, or something on the way drops it",
    )
    .with_hint("have TURN switched on (coturn: remove stun-only); where it is, try another network, or TURN over TLS on port 443")
}

async fn socket_to(source: &Source, local: IpAddr, remote: SocketAddr) -> io::Result<UdpSocket> {
    let socket = source.udp(local)?;
    icmp::watch(&socket, true);
    socket.connect(remote).await?;
    Ok(socket)
}

async fn exchange(socket: &UdpSocket, form: Form, id: TransactionId) -> Heard {
    let request = match form {
        Form::Today => message::binding_request(id, Change::None),
        Form::Classic => message::classic_binding_request(id),
    };
    let is_answer = |bytes: &[u8]| match form {
        Form::Today => message::transaction_id(bytes) == Some(id),
        Form::Classic => message::answers_classic(bytes, id),
    };
    let mut buffer = [0; 1024];
    for patience in TRIES {
        if let Err(error) = socket.send(&request).await {
            // The error of an earlier packet is told to the next one.
            return heard(socket, &error);
        }
        let answer = async {
            loop {
                match socket.recv(&mut buffer).await {
                    Ok(length) if is_answer(&buffer[..length]) => return Heard::Answer,
                    Ok(_) => {}
                    Err(error) => return heard(socket, &error),
                }
            }
        };
        match tokio::time::timeout(patience, answer).await {
            Ok(Heard::Nothing) | Err(_) => {}
            Ok(heard) => return heard,
        }
    }
    Heard::Nothing
}

fn heard(socket: &UdpSocket, error: &io::Error) -> Heard {
    let error = SendError::from(error);
    let remote = socket.peer_addr().ok();
    let rejection = remote.and_then(|remote| icmp::take(socket, remote));
    if rejection.is_some_and(|rejection| rejection.is_of_own_firewall()) {
        return Heard::Unsent;
    }
    if rejection.is_some_and(|rejection| !rejection.is_closed_port()) {
        // A router says so, or a firewall, and not the host of that it has no such port.
        return Heard::Nothing;
    }
    match error {
        SendError::Refused => Heard::Refusal,
        SendError::Forbidden | SendError::Broadcast => Heard::Unsent,
        // A router says no, or the packet was lost here.
        _ => Heard::Nothing,
    }
}

/// Whether a host takes or refuses a connection to any of these ports.
pub async fn is_up_over_tcp(source: &Source, local: IpAddr, host: IpAddr, ports: &[u16]) -> bool {
    let mut tasks = JoinSet::new();
    for port in ports {
        let at = SocketAddr::new(host, *port);
        let source = source.clone();
        tasks.spawn(async move { connects(&source, local, at, HOST_PATIENCE).await });
    }
    while let Some(done) = tasks.join_next().await {
        if done.is_ok_and(|is_up| is_up) {
            return true;
        }
    }
    false
}

/// Whether a connection is taken or refused there.
async fn connects(source: &Source, local: IpAddr, at: SocketAddr, patience: Duration) -> bool {
    let Ok(socket) = source.tcp(local) else {
        return false;
    };
    match tokio::time::timeout(patience, socket.connect(at)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    }
}

/// Whether the router answers anything: a connection, a refusal, or ICMP.
pub async fn is_router_up(
    source: Source,
    local: IpAddr,
    router: IpAddr,
    id: TransactionId,
) -> bool {
    let connects = |port| {
        connects(
            &source,
            local,
            SocketAddr::new(router, port),
            ROUTER_PATIENCE,
        )
    };
    // A port where nothing listens (traceroute's): hosts say so.
    let refuses = async {
        let closed = SocketAddr::new(router, 33434);
        refusal::ask(&source, local, closed, id).await == Some(SendError::Refused)
    };
    let (dns, web, tls, icmp) = tokio::join!(connects(53), connects(80), connects(443), refuses);
    dns || web || tls || icmp
}
