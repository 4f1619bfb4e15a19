//! The questions, each over a connection of its own.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Inside, Look, Proxy, RARE_AFTER, Sign, Web, trusting};
use crate::base::family::Family;
use crate::base::words::printable;
use crate::net::resolve;
use crate::proto::stun::message::{self, Change, TransactionId};
use crate::proto::stun::uri::Host;
use crate::proto::tls::{self, Flight};

/// The longest first answer: a chain of certificates.
const MOST: usize = 64 << 10;
/// The type of an Allocate request (RFC 8656 17).
const ALLOCATE: u16 = 0x0003;

pub(super) async fn connect(look: &Look) -> io::Result<TcpStream> {
    let stream = look
        .source
        .tcp(look.local)?
        .connect(look.target.address)
        .await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends and reads until there is enough, or the connection ends. It may be dropped when the time is
/// over: silence is no sign.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    question: &[u8],
    is_enough: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    if stream.write_all(question).await.is_err() || stream.flush().await.is_err() {
        // It has closed the connection already.
        return Ok(answer);
    }
    let mut buffer = [0; 4096];
    while !is_enough(&answer) && answer.len() < MOST {
        let length = stream.read(&mut buffer).await.unwrap_or(0);
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..length]);
    }
    Ok(answer)
}

pub(super) async fn listen(stream: TcpStream) -> Option<Sign> {
    let answer = ask(stream, &[], |bytes| bytes.len() >= 4).await.ok()?;
    if answer.is_empty() {
        Some(Sign::ClosesUnasked)
    } else {
        Some(Sign::Banner(answer))
    }
}

pub(super) async fn stun(look: Look) -> Option<Sign> {
    let id: TransactionId = rand::random();
    let answer = ask(
        connect(&look).await.ok()?,
        &stun_question(&look, id),
        is_whole,
    )
    .await;
    match answer.ok()? {
        answer if is_stun(&answer, id) => Some(Sign::Stun),
        answer if answer.is_empty() => None,
        _ => Some(Sign::Noise),
    }
}

pub(super) async fn tls(look: Look) -> Option<Sign> {
    let question = hello(&look);
    let enough = |bytes: &[u8]| is_told(&tls::read(bytes));
    let answer = ask(connect(&look).await.ok()?, &question, enough).await;
    let flight = tls::read(&answer.ok()?);
    match &flight {
        Flight::Incomplete if is_named(&look) => {
            let mut nameless = look.clone();
            nameless.target.host = Host::Ip(look.target.address.ip());
            let answer = ask(connect(&look).await.ok()?, &hello(&nameless), enough).await;
            match tls::read(&answer.ok()?) {
                Flight::Hello(_) => Some(Sign::TlsWithoutName),
                _ => Some(Sign::NotTls),
            }
        }
        Flight::Foreign | Flight::Incomplete => Some(Sign::NotTls),
        Flight::Alert(_) => Some(Sign::Tls(flight, None)),
        Flight::Hello(_) => {
            let inside = inside(&look).await;
            Some(Sign::Tls(flight, inside))
        }
    }
}

const fn is_named(look: &Look) -> bool {
    matches!(look.target.host, Host::Name(_))
}

/// The smallest segments that every host takes (RFC 9293 3.7.1).
#[cfg(unix)]
const SMALL_SEGMENT: u32 = 536;

/// The same over a connection in which the server sends small segments alone.
pub(super) async fn tls_in_small_segments(look: Look) -> Option<Sign> {
    if !cfg!(unix) {
        // The size cannot be asked for.
        return None;
    }
    sleep(RARE_AFTER).await;
    let socket = look.source.tcp(look.local).ok()?;
    #[cfg(unix)]
    socket2::SockRef::from(&socket)
        .set_tcp_mss(SMALL_SEGMENT)
        .ok()?;
    let stream = socket.connect(look.target.address).await.ok()?;
    let enough = |bytes: &[u8]| is_told(&tls::read(bytes));
    let answer = ask(stream, &hello(&look), enough).await.ok()?;
    let is_whole = matches!(tls::read(&answer), Flight::Hello(hello) if hello.chain.is_some());
    is_whole.then_some(Sign::TlsInSmallSegments)
}

/// The time that a web server there tells, in seconds since 1970.
pub(super) async fn date(look: &Look, over_tls: bool) -> Option<i64> {
    let stream = connect(look).await.ok()?;
    let answer = if over_tls {
        let wants = Arc::new(AtomicBool::new(false));
        let stream = trusting::handshake(&look.target.host, stream, &wants).await;
        ask(stream.ok()?, &head(look), is_head).await
    } else {
        ask(stream, &head(look), is_head).await
    };
    let answer = answer.ok()?;
    web_in(&answer)?;
    super::clock::date_in(&String::from_utf8_lossy(&answer))
}

pub(super) async fn web(look: Look) -> Option<Sign> {
    let answer = ask(connect(&look).await.ok()?, &head(&look), is_head)
        .await
        .ok()?;
    web_in(&answer).map(Sign::Web)
}

/// STUN, then HTTP; a patient reader of both may be a web server that waits for more.
async fn inside(look: &Look) -> Option<Inside> {
    let id: TransactionId = rand::random();
    let wants_certificate = Arc::new(AtomicBool::new(false));
    let wants = &wants_certificate;
    let of_stun = async {
        let stream = trusting::handshake(&look.target.host, connect(look).await?, wants).await?;
        ask(stream, &stun_question(look, id), is_whole).await
    };
    let of_web = async {
        let stream = trusting::handshake(&look.target.host, connect(look).await?, wants).await?;
        ask(stream, &head(look), is_head).await
    };
    let patience = super::PATIENCE / 2 + look.way * super::ROUND_TRIPS_INSIDE;
    let (of_stun, of_web) = tokio::join!(
        tokio::time::timeout(patience, of_stun),
        tokio::time::timeout(patience, of_web)
    );
    match (of_stun, of_web) {
        (Ok(Ok(answer)), _) if is_stun(&answer, id) => Some(Inside::Stun),
        (_, Ok(Ok(answer))) if web_in(&answer).is_some() => web_in(&answer).map(Inside::Web),
        _ if wants_certificate.load(Ordering::Relaxed) => Some(Inside::WantsCertificate),
        (Ok(Ok(one)), Ok(Ok(other))) if one.is_empty() && other.is_empty() => Some(Inside::Closes),
        (Err(_), Err(_)) => Some(Inside::Silent),
        _ => None,
    }
}

/// The same questions behind a header of the PROXY protocol.
pub(super) async fn behind(look: Look, header: Vec<u8>) -> Option<Sign> {
    sleep(RARE_AFTER).await;
    let id: TransactionId = rand::random();
    let of_stun = async {
        let question = [&header[..], &stun_question(&look, id)].concat();
        let answer = ask(connect(&look).await?, &question, is_whole).await?;
        io::Result::Ok(is_stun(&answer, id))
    };
    let of_tls = async {
        let question = [&header[..], &hello(&look)].concat();
        let answer = ask(connect(&look).await?, &question, |bytes| {
            is_told(&tls::read(bytes))
        })
        .await?;
        io::Result::Ok(matches!(tls::read(&answer), Flight::Hello(_)))
    };
    let answered = tokio::select! {
        Ok(true) = of_stun => true,
        Ok(true) = of_tls => true,
        else => false,
    };
    answered.then_some(Sign::BehindProxyHeader)
}

/// Asks a proxy for a connection to the server, and returns its status.
pub(super) async fn connect_by(look: &Look, proxy: &Proxy) -> Option<u16> {
    let family = [Family::of(look.local)];
    let addresses = resolve::host(&proxy.host, proxy.port, &family).await.ok()?;
    let (host, port) = (&look.target.host, look.target.address.port());
    let question = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    let stream = look
        .source
        .tcp(look.local)
        .ok()?
        .connect(*addresses.first()?)
        .await
        .ok()?;
    let answer = ask(stream, question.as_bytes(), is_head).await.ok()?;
    let text = String::from_utf8_lossy(&answer);
    text.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()
}

/// Version 1 and version 2, as a load balancer would write them about this very connection.
pub(super) fn proxy_headers(look: &Look) -> [Vec<u8>; 2] {
    const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
    /// Nobody looks at it.
    const PORT: u16 = 49_152;
    let (to, port) = (look.target.address.ip(), look.target.address.port());
    let (family, kind) = match to {
        IpAddr::V4(_) => ("TCP4", 0x11),
        IpAddr::V6(_) => ("TCP6", 0x21),
    };
    let text = format!("PROXY {family} {} {to} {PORT} {port}\r\n", look.local);
    let mut addresses = [octets(look.local), octets(to)].concat();
    addresses.extend(PORT.to_be_bytes());
    addresses.extend(port.to_be_bytes());
    let mut binary = SIGNATURE.to_vec();
    binary.extend([0x21, kind]);
    binary.extend(u16::try_from(addresses.len()).unwrap_or(0).to_be_bytes());
    binary.extend(addresses);
    [text.into_bytes(), binary]
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// A Binding request; for TURN an Allocate request too, since some servers answer nothing else.
fn stun_question(look: &Look, id: TransactionId) -> Vec<u8> {
    let binding = message::binding_request(id, Change::None);
    if !look.is_turn {
        return binding;
    }
    [binding, allocate(id)].concat()
}

/// An Allocate request without REQUESTED-TRANSPORT and credentials: nobody grants it.
pub(super) fn allocate(id: TransactionId) -> Vec<u8> {
    let mut request = message::binding_request(id, Change::None);
    request[..2].copy_from_slice(&ALLOCATE.to_be_bytes());
    request
}

/// A whole header, or what cannot become one.
fn is_whole(bytes: &[u8]) -> bool {
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    let is_other = bytes.first().is_some_and(|first| first >> 6 != 0)
        || bytes.iter().skip(4).zip(COOKIE).any(|(one, of)| *one != of);
    bytes.len() >= message::HEADER_LEN || is_other
}

fn is_stun(bytes: &[u8], id: TransactionId) -> bool {
    message::looks_like_stun(bytes) && message::transaction_id(bytes) == Some(id)
}

fn hello(look: &Look) -> Vec<u8> {
    let name = match &look.target.host {
        Host::Name(name) => Some(name.as_str()),
        Host::Ip(_) => None,
    };
    tls::client_hello(name, rand::random())
}

fn is_told(flight: &Flight) -> bool {
    match flight {
        Flight::Incomplete => false,
        Flight::Hello(hello) => hello.chain.is_some(),
        Flight::Foreign | Flight::Alert(_) => true,
    }
}

fn head(look: &Look) -> Vec<u8> {
    let host = &look.target.host;
    format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
}

fn is_head(bytes: &[u8]) -> bool {
    is_http2(bytes) || bytes.windows(4).any(|end| end == b"\r\n\r\n")
}

/// A SETTINGS or GOAWAY frame of the whole connection (RFC 9113 4.1): what an HTTP/2 server begins or ends with.
fn is_http2(bytes: &[u8]) -> bool {
    let [_, high, low, kind, _, 0, 0, 0, 0, ..] = bytes else {
        return false;
    };
    let length = u16::from_be_bytes([*high, *low]);
    bytes[0] == 0 && (*kind == 4 && length % 6 == 0 || *kind == 7 && length >= 8)
}

fn web_in(bytes: &[u8]) -> Option<Web> {
    if is_http2(bytes) {
        let server = Some("HTTP/2 alone".to_owned());
        return Some(Web { server });
    }
    let text = bytes
        .starts_with(b"HTTP/")
        .then(|| String::from_utf8_lossy(bytes))?;
    let server = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("server")
            .then(|| printable(value))
    });
    Some(Web {
        server: server.filter(|name| !name.is_empty()),
    })
}
