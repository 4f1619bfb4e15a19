//! UDP sockets for machines.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::net::drive::Sockets;
use crate::proto::machine::Flow;

/// As large as a datagram can be, so none is cut.
const BUFFER: usize = 65_535;

#[derive(Debug)]
pub struct UdpSockets<S> {
    /// By their numbers in the machine.
    pub open: BTreeMap<usize, S>,
    /// Whose turn it is, so that a flood on one does not silence the others.
    next: usize,
    buffer: Vec<u8>,
}

impl<S> FromIterator<S> for UdpSockets<S> {
    fn from_iter<I: IntoIterator<Item = S>>(sockets: I) -> Self {
        Self {
            open: sockets.into_iter().enumerate().collect(),
            next: 0,
            buffer: vec![0; BUFFER],
        }
    }
}

impl<S: Borrow<UdpSocket> + Send + Sync> Sockets for UdpSockets<S> {
    type Flow = Flow;
    type Error = io::Error;

    async fn send(&mut self, flow: Flow, payload: &[u8]) -> io::Result<()> {
        if let Some(socket) = self.open.get(&flow.socket) {
            socket.borrow().send_to(payload, flow.remote).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> (Flow, io::Result<&[u8]>) {
        let (open, first, buffer) = (&self.open, self.next, &mut self.buffer);
        let (flow, length) = poll_fn(|context| {
            for (number, socket) in open.range(first..).chain(open.range(..first)) {
                let received = poll_one(socket.borrow(), context, buffer);
                if let Poll::Ready((remote, length)) = received {
                    let socket = *number;
                    return Poll::Ready((Flow { socket, remote }, length));
                }
            }
            Poll::Pending
        })
        .await;
        self.next = flow.socket + 1;
        (flow, Ok(&self.buffer[..length]))
    }
}

#[derive(Debug)]
pub struct OneSocket<S> {
    socket: S,
    buffer: Vec<u8>,
}

impl<S> OneSocket<S> {
    pub fn new(socket: S) -> Self {
        Self {
            socket,
            buffer: vec![0; BUFFER],
        }
    }
}

impl<S: Borrow<UdpSocket> + Send + Sync> Sockets for OneSocket<S> {
    type Flow = SocketAddr;
    type Error = io::Error;

    async fn send(&mut self, remote: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let socket = self.socket.borrow();
        // The first error may be that of an earlier datagram to anybody (`net::icmp`).
        if socket.send_to(payload, remote).await.is_err() {
            socket.send_to(payload, remote).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> (SocketAddr, io::Result<&[u8]>) {
        let (socket, buffer) = (self.socket.borrow(), &mut self.buffer);
        let (remote, length) = poll_fn(|context| poll_one(socket, context, buffer)).await;
        (remote, Ok(&self.buffer[..length]))
    }
}

/// A datagram; errors are passed over.
fn poll_one(
    socket: &UdpSocket,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<(SocketAddr, usize)> {
    loop {
        let mut read = ReadBuf::new(buffer);
        match socket.poll_recv_from(context, &mut read) {
            Poll::Ready(Ok(source)) => return Poll::Ready((source, read.filled().len())),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// A connected socket: only the other end is heard, and ICMP errors are.
#[derive(Debug)]
pub struct Connected {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Connected {
    pub fn new(socket: UdpSocket) -> Self {
        Self {
            socket,
            buffer: vec![0; BUFFER],
        }
    }
}

impl Sockets for Connected {
    type Flow = ();
    type Error = io::Error;

    async fn send(&mut self, (): (), payload: &[u8]) -> io::Result<()> {
        self.socket.send(payload).await?;
        Ok(())
    }

    async fn receive(&mut self) -> ((), io::Result<&[u8]>) {
        let received = self.socket.recv(&mut self.buffer).await;
        ((), received.map(|length| &self.buffer[..length]))
    }
}
