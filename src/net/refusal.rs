//! Why a server is silent: a connected socket is told of ICMP errors, an unconnected one is not.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::net::host::{self, Source};
use crate::proto::nat::SendError;
use crate::proto::stun::message::{self, Change, TransactionId};

/// How often and how long an ICMP error is waited for.
const TRIES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(300)];

/// Asks a silent server from a connected socket. `None` if there is no error: it is just silent.
pub async fn ask(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    id: TransactionId,
) -> Option<SendError> {
    let socket = source.udp(local).ok()?;
    if let Err(error) = socket.connect(server).await {
        return Some(host::send_error(&error, server));
    }
    let request = message::binding_request(id, Change::None);
    for patience in TRIES {
        if let Err(error) = socket.send(&request).await {
            return Some(host::send_error(&error, server));
        }
        let mut buffer = [0; 16];
        let received = tokio::time::timeout(patience, socket.recv(&mut buffer)).await;
        if let Ok(Err(error)) = received {
            return known(&error);
        }
    }
    None
}

fn known(error: &io::Error) -> Option<SendError> {
    match SendError::from(error) {
        SendError::Other => None,
        error => Some(error),
    }
}
