//! Whether a port answers over UDP: TURN where STUN is silent, and STUN where it answers others.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::other_ports;
use super::probe::allocate;
use crate::net::host::Source;
use crate::proto::stun::message::{self, Change, TransactionId};

/// How long each of the requests waits.
const TRIES: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(350),
    Duration::from_millis(700),
];

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    Answered(T),
    /// Each datagram left, and nothing came back.
    Silent,
    /// This host could not ask, or the answer makes no sense.
    Unclear,
}

/// What of UDP gets through to a server that is known to answer others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It answers, and sees this host there.
    Seen(SocketAddr),
    /// It is silent, and its host is not on other ports.
    OtherPorts,
    /// Nothing comes back over UDP, and something does over TCP.
    Silent,
    /// Nothing comes back at all: not of UDP alone.
    Unreached,
    /// This host could not ask, or the answer makes no sense.
    Unclear,
}

/// Asks a server, and other ports of its host at the same time.
pub async fn passage_over_udp(source: &Source, local: IpAddr, server: SocketAddr) -> Passage {
    let mut others = pin!(other_ports::answer(server, source, local));
    let ports = [server.port(), 443, 80];
    let mut over_tcp = pin!(other_ports::is_up_over_tcp(
        source,
        local,
        server.ip(),
        &ports
    ));
    let mut is_up = None;
    let mut asked = pin!(stun_over_udp(source, local, server));
    let mut answers = None;
    loop {
        tokio::select! {
            biased;
            reply = &mut asked => return match reply {
                Reply::Answered(seen) => Passage::Seen(seen),
                Reply::Unclear => Passage::Unclear,
                Reply::Silent => {
                    let answer = match answers {
                        Some(answers) => answers,
                        None => others.await,
                    };
                    let is_up = match is_up {
                        Some(is_up) => is_up,
                        None => over_tcp.await,
                    };
                    match (answer, is_up) {
                        (true, _) => Passage::OtherPorts,
                        (false, true) => Passage::Silent,
                        (false, false) => Passage::Unreached,
                    }
                }
            },
            answer = &mut others, if answers.is_none() => answers = Some(answer),
            up = &mut over_tcp, if is_up.is_none() => is_up = Some(up),
        }
    }
}

/// Asks for an allocation in a way that no server can grant; any answer to it will do.
pub async fn turn_over_udp(source: &Source, local: IpAddr, server: SocketAddr) -> bool {
    matches!(
        ask(source, local, server, allocate).await,
        Reply::Answered(_)
    )
}

/// Where a server that is known to answer others over UDP sees this host.
pub async fn stun_over_udp(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
) -> Reply<SocketAddr> {
    let request = |id| message::binding_request(id, Change::None);
    let answer = match ask(source, local, server, request).await {
        Reply::Answered(answer) => answer,
        Reply::Silent => return Reply::Silent,
        Reply::Unclear => return Reply::Unclear,
    };
    let outcome = message::decode_binding_response(&answer).map(|response| response.outcome);
    match outcome {
        Ok(Ok(success)) => success.reflexive().map_or(Reply::Unclear, Reply::Answered),
        _ => Reply::Unclear,
    }
}

async fn ask(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    request: impl Fn(TransactionId) -> Vec<u8>,
) -> Reply<Vec<u8>> {
    let Ok(socket) = source.udp(local) else {
        return Reply::Unclear;
    };
    if socket.connect(server).await.is_err() {
        return Reply::Unclear;
    }
    let id: TransactionId = rand::random();
    let mut buffer = [0; 1500];
    for patience in TRIES {
        if socket.send(&request(id)).await.is_err() {
            return Reply::Unclear;
        }
        match timeout(patience, socket.recv(&mut buffer)).await {
            Ok(Ok(length)) => {
                let answer = &buffer[..length];
                if message::looks_like_stun(answer) && message::transaction_id(answer) == Some(id) {
                    return Reply::Answered(answer.to_vec());
                }
            }
            Ok(Err(_)) => return Reply::Unclear,
            Err(_) => {}
        }
    }
    Reply::Silent
}
