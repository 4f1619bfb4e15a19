//! Runs a [`Discovery`] on real sockets.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};

use super::clock::Clock;
use crate::fact::Reason;
use crate::nat::SendError;
use crate::nat::discovery::{Discovery, Observation};

/// Larger than any STUN answer that fits into a packet on common links.
pub(super) const BUFFER: usize = 2048;

/// How often the driver lets others look at the machine. A server that has been silent for so long
/// is asked in other ways too.
pub const LOOK_EVERY: Duration = Duration::from_millis(80);

/// Servers as they are found.
#[derive(Debug)]
pub enum Addition {
    /// One more.
    Server(SocketAddr),
    /// An address that is sent to otherwise, say over TCP.
    Visit(IpAddr),
    /// The other addresses of a server may be visited in so many trials.
    Release(usize),
    /// No more servers will come.
    Complete,
}

/// Drives the machine until it is finished, or `stop` names a reason to end early. `look` is called
/// every [`LOOK_EVERY`], when the machine begins to wait for [`Addition::Release`], and at the end;
/// `observed` for each settled test.
pub async fn drive(
    discovery: &mut Discovery,
    sockets: &[UdpSocket],
    clock: &Clock,
    mut additions: mpsc::UnboundedReceiver<Addition>,
    mut stop: watch::Receiver<Option<Reason>>,
    mut look: impl FnMut(&Discovery),
    mut observed: impl FnMut(Observation),
) {
    let mut look_at = clock.now() + LOOK_EVERY;
    let mut buffer = vec![0; BUFFER];
    let mut open = true;
    let mut next_socket = 0;
    let mut waited = false;
    loop {
        flush(discovery, sockets, clock).await;
        while let Some(observation) = discovery.poll_event() {
            observed(observation);
        }
        if discovery.is_finished() {
            look(discovery);
            return;
        }
        let now = clock.now();
        let waits = discovery.waits_for_release();
        if look_at <= now || (waits && !waited) {
            look_at = now + LOOK_EVERY;
            look(discovery);
        }
        waited = waits;
        let due = discovery.poll_timeout();
        if due.is_some_and(|at| at <= now) {
            discovery.handle_timeout(now);
            continue;
        }
        let deadline = due.map_or(look_at, |at| at.min(look_at));
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => discovery.stop(clock.now(), reason),
            () = tokio::time::sleep_until(clock.instant(deadline)) => {
                discovery.handle_timeout(clock.now());
            }
            addition = additions.recv(), if open => match addition {
                Some(Addition::Server(address)) => discovery.add_server(clock.now(), address),
                Some(Addition::Visit(address)) => discovery.note_visit(address),
                Some(Addition::Release(trials)) => {
                    discovery.release_alternates(clock.now(), trials);
                }
                Some(Addition::Complete) => discovery.servers_complete(clock.now()),
                None => {
                    open = false;
                    discovery.servers_complete(clock.now());
                }
            },
            received = receive(sockets, &mut next_socket, &mut buffer) => {
                // An error here is an ICMP message for some earlier packet: that packet is lost.
                if let Ok((socket, length, source)) = received {
                    discovery.handle_input(clock.now(), socket, source, &buffer[..length]);
                }
            }
        }
    }
}

/// Waits until there is a reason to stop.
pub async fn stopped(stop: &mut watch::Receiver<Option<Reason>>) -> Reason {
    let reason = stop.wait_for(Option::is_some).await.map(|reason| *reason);
    match reason {
        Ok(reason) => reason.unwrap_or(Reason::Interrupted),
        Err(_) => std::future::pending().await,
    }
}

async fn flush(discovery: &mut Discovery, sockets: &[UdpSocket], clock: &Clock) {
    while let Some(transmit) = discovery.poll_transmit() {
        let sent = sockets[transmit.socket]
            .send_to(&transmit.payload, transmit.destination)
            .await;
        if let Err(error) = sent {
            discovery.handle_send_error(
                clock.now(),
                transmit.socket,
                transmit.destination,
                send_error(&error),
            );
        }
    }
}

/// The next datagram of any socket; each gets its turn, so that a flood on one does not silence
/// the others.
pub(super) async fn receive(
    sockets: &[UdpSocket],
    next: &mut usize,
    buffer: &mut [u8],
) -> io::Result<(usize, usize, SocketAddr)> {
    poll_fn(|context| {
        for turn in 0..sockets.len() {
            let index = (*next + turn) % sockets.len();
            if let Poll::Ready(received) = poll_one(&sockets[index], context, buffer) {
                *next = index + 1;
                return Poll::Ready(received.map(|(length, source)| (index, length, source)));
            }
        }
        Poll::Pending
    })
    .await
}

/// A datagram of one socket.
pub(super) fn poll_one(
    socket: &UdpSocket,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<(usize, SocketAddr)>> {
    let mut read = ReadBuf::new(buffer);
    socket
        .poll_recv_from(context, &mut read)
        .map_ok(|source| (read.filled().len(), source))
}

/// What an error from the system means.
pub fn send_error(error: &io::Error) -> SendError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SendError::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            SendError::Unreachable
        }
        io::ErrorKind::PermissionDenied => SendError::Forbidden,
        _ => SendError::Other,
    }
}
