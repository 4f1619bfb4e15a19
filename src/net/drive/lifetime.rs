//! Runs a [`Lifetime`] on real sockets.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::base::fact::Reason;
use crate::net::clock::Clock;
use crate::net::drive::{Driver, UdpSockets, stopped};
use crate::net::host::Source;
use crate::proto::machine::Machine as _;
use crate::proto::nat::lifetime::{Lifetime, Progress, SocketChange, Step};

/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How often a fresh port is asked for before a used one is taken for all there is.
const PORT_TRIES: usize = 64;

#[derive(Debug, Clone, Copy)]
pub enum LifetimeEvent {
    Step(Step),
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
    mut tell: impl FnMut(LifetimeEvent),
) {
    let mut driver = Driver::new(UdpSockets::from_iter([]), *clock);
    let mut tell_at = clock.now();
    loop {
        driver.flush(machine).await;
        if let Some(change) = machine.poll_socket() {
            let open = &mut driver.sockets.open;
            match change {
                SocketChange::Open(number) => match ports.open() {
                    Ok(socket) => drop(open.insert(number, socket)),
                    Err(error) => machine.handle_failure(clock.now(), &error.to_string()),
                },
                SocketChange::Close(number) => drop(open.remove(&number)),
            }
            continue;
        }
        while let Some(step) = machine.poll_step() {
            tell(LifetimeEvent::Step(step));
        }
        if machine.is_finished() {
            return;
        }
        let now = clock.now();
        if tell_at <= now {
            tell_at = now + TELL_EVERY;
            tell(LifetimeEvent::Progress(machine.progress()));
        }
        let turn = driver.turn(machine, Some(tell_at), stopped(&mut stop));
        if let Some(reason) = turn.await {
            machine.stop(clock.now(), reason);
        }
    }
}
