//! Runs a [`Lifetime`] on real sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::clock::Clock;
use super::driver::{poll_one, send_error, stopped};
use super::host::Source;
use crate::fact::Reason;
use crate::nat::lifetime::{Action, Lifetime, Progress, Step};
use crate::nat::{SendError, Transmit};

/// Larger than any STUN answer that fits into a packet on common links.
const BUFFER: usize = 2048;

/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How often a fresh port is asked for before a used one is taken for all there is.
const PORT_TRIES: usize = 64;

/// What happens meanwhile.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// A binding was tested.
    Step(Step),
    /// How far it is.
    Progress(Progress),
}

/// Where sockets come from: none gets a port that one before had, since the NAT may remember it.
#[derive(Debug)]
pub struct Ports {
    source: Source,
    local: IpAddr,
    used: BTreeSet<u16>,
}

impl Ports {
    /// For sockets on this local address.
    pub const fn new(source: Source, local: IpAddr) -> Self {
        Self {
            source,
            local,
            used: BTreeSet::new(),
        }
    }

    fn open(&mut self) -> io::Result<UdpSocket> {
        // Sockets with used ports stay open meanwhile, or the system might offer one again.
        let mut refused = Vec::new();
        for _ in 0..PORT_TRIES {
            let socket = self.source.udp(self.local)?;
            if self.used.insert(socket.local_addr()?.port()) {
                return Ok(socket);
            }
            refused.push(socket);
        }
        Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "no port is left that was not used before",
        ))
    }
}

/// Drives the machine until it is finished, or `stop` names a reason to end early.
pub async fn drive(
    machine: &mut Lifetime,
    ports: &mut Ports,
    clock: &Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    mut tell: impl FnMut(Told),
) {
    let mut sockets: BTreeMap<usize, UdpSocket> = BTreeMap::new();
    let mut buffer = vec![0; BUFFER];
    let mut tell_at = clock.now();
    let mut turn = 0;
    loop {
        act(machine, ports, &mut sockets, clock).await;
        while let Some(step) = machine.poll_step() {
            tell(Told::Step(step));
        }
        if machine.is_finished() {
            return;
        }
        let now = clock.now();
        if tell_at <= now {
            tell_at = now + TELL_EVERY;
            tell(Told::Progress(machine.progress()));
        }
        let due = machine.poll_timeout();
        if due.is_some_and(|at| at <= now) {
            machine.handle_timeout(now);
            continue;
        }
        let deadline = due.map_or(tell_at, |at| at.min(tell_at));
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => machine.stop(clock.now(), reason),
            // What came in is looked at first: an answer may be there already.
            received = receive(&sockets, &mut turn, &mut buffer) => {
                // An error here is an ICMP message for some earlier packet: that packet is lost.
                if let Ok((socket, length, source)) = received {
                    machine.handle_input(clock.now(), socket, source, &buffer[..length]);
                }
            }
            () = tokio::time::sleep_until(clock.instant(deadline)) => {
                machine.handle_timeout(clock.now());
            }
        }
    }
}

/// Does what the machine wants done.
async fn act(
    machine: &mut Lifetime,
    ports: &mut Ports,
    sockets: &mut BTreeMap<usize, UdpSocket>,
    clock: &Clock,
) {
    while let Some(action) = machine.poll_action() {
        match action {
            Action::Open(number) => match ports.open() {
                Ok(socket) => {
                    sockets.insert(number, socket);
                }
                Err(error) => machine.handle_failure(clock.now(), &error.to_string()),
            },
            Action::Close(number) => {
                sockets.remove(&number);
            }
            Action::Transmit(transmit) => {
                if let Err(error) = send(sockets, &transmit).await {
                    machine.handle_failure(clock.now(), &error.to_string());
                }
            }
        }
    }
}

/// A full buffer or a passing ICMP error is one lost packet; what the host itself forbids is not.
async fn send(sockets: &BTreeMap<usize, UdpSocket>, transmit: &Transmit) -> io::Result<()> {
    let Some(socket) = sockets.get(&transmit.socket) else {
        return Ok(());
    };
    match socket
        .send_to(&transmit.payload, transmit.destination)
        .await
    {
        Err(error) if send_error(&error) == SendError::Forbidden => Err(error),
        _ => Ok(()),
    }
}

/// The next datagram of any socket; each gets its turn.
async fn receive(
    sockets: &BTreeMap<usize, UdpSocket>,
    turn: &mut usize,
    buffer: &mut [u8],
) -> io::Result<(usize, usize, SocketAddr)> {
    poll_fn(|context| {
        let first = *turn;
        for (number, socket) in sockets.range(first..).chain(sockets.range(..first)) {
            if let Poll::Ready(received) = poll_one(socket, context, buffer) {
                *turn = number + 1;
                return Poll::Ready(received.map(|(length, source)| (*number, length, source)));
            }
        }
        Poll::Pending
    })
    .await
}
