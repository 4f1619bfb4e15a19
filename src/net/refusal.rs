//! Why a server is silent: a connected socket is told of ICMP errors, an unconnected one is not.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::net::host::{self, Source};
use crate::net::icmp;
use crate::proto::nat::SendError;
use crate::proto::stun::message::{self, Change, TransactionId};

/// How often and how long an ICMP error is waited for. Hosts send one a second, after the first few, and others
/// ask too.
const TRIES: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_millis(700),
];
const LAST_TRY: [Duration; 1] = [Duration::from_millis(300)];
const AGAIN: Duration = Duration::from_millis(1100);

/// Asks once more when a host may say no again, after others have asked in vain: hosts send one a second.
pub async fn ask_later(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    id: TransactionId,
) -> Option<SendError> {
    tokio::time::sleep(AGAIN).await;
    ask_within(source, local, server, id, &LAST_TRY).await
}

/// Asks a silent server from a connected socket. `None` if there is no error: it is just silent.
pub async fn ask(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    id: TransactionId,
) -> Option<SendError> {
    ask_within(source, local, server, id, &TRIES).await
}

async fn ask_within(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    id: TransactionId,
    tries: &[Duration],
) -> Option<SendError> {
    let socket = source.udp(local).ok()?;
    icmp::watch(&socket, true);
    if let Err(error) = socket.connect(server).await {
        return Some(host::send_error(&error, server));
    }
    let request = message::binding_request(id, Change::None);
    for patience in tries.iter().copied() {
        if let Err(error) = socket.send(&request).await {
            return rejected(&socket, server).or_else(|| Some(host::send_error(&error, server)));
        }
        let mut buffer = [0; 16];
        let received = tokio::time::timeout(patience, socket.recv(&mut buffer)).await;
        if let Ok(Err(error)) = received {
            return rejected(&socket, server).or_else(|| known(&error));
        }
    }
    None
}

/// What the system has kept of it: who says what.
fn rejected(socket: &UdpSocket, server: SocketAddr) -> Option<SendError> {
    let rejection = icmp::take(socket, server)?;
    Some(if rejection.is_of_own_firewall() {
        SendError::Forbidden
    } else if rejection.is_closed_port() {
        SendError::Refused
    } else {
        SendError::Rejected(rejection)
    })
}

fn known(error: &io::Error) -> Option<SendError> {
    match SendError::from(error) {
        SendError::Other => None,
        error => Some(error),
    }
}
