//! The loop that runs a [`Machine`] on real sockets.

pub mod collision;
pub mod discovery;
pub mod lifetime;
mod sockets;

use std::time::Duration;

use tokio::sync::watch;

use crate::base::fact::Reason;
use crate::base::time::Time;
use crate::net::clock::Clock;
use crate::proto::machine::{Machine, Transmit};
pub use sockets::{Connected, OneSocket, UdpSockets};

/// Where the datagrams of a machine go and come from.
pub trait Sockets {
    /// As in [`Machine::Flow`].
    type Flow: Copy + Send;
    type Error: Send;

    fn send(
        &mut self,
        flow: Self::Flow,
        payload: &[u8],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The next datagram or frame, or how the connection fails. May be dropped and called again
    /// without loss. An error of an unconnected socket is an ICMP message for some earlier packet:
    /// that packet is lost, and the next datagram is waited for.
    fn receive(&mut self) -> impl Future<Output = (Self::Flow, Result<&[u8], Self::Error>)> + Send;
}

/// Sockets, and the time.
pub struct Driver<S> {
    pub sockets: S,
    clock: Clock,
    /// Something came in while a timer was overdue: the timer is next, whatever else comes.
    timer_is_next: bool,
}

impl<S: Sockets> Driver<S> {
    pub const fn new(sockets: S, clock: Clock) -> Self {
        Self {
            sockets,
            clock,
            timer_is_next: false,
        }
    }

    /// Sends what the machine has to send.
    pub async fn flush<M>(&mut self, machine: &mut M)
    where
        M: Machine<Flow = S::Flow, Error: From<S::Error>>,
    {
        while let Some(Transmit { flow, payload }) = machine.poll_transmit() {
            if let Err(error) = self.sockets.send(flow, &payload).await {
                machine.handle_error(self.clock.now(), flow, error.into());
            }
        }
    }

    /// Gives the machine what comes in or the time it waits for, whichever is first. Ends early at
    /// `latest`, or with what `other` gives. May be dropped and called again without loss.
    pub async fn turn<M, T>(
        &mut self,
        machine: &mut M,
        latest: Option<Time>,
        other: impl Future<Output = T>,
    ) -> Option<T>
    where
        M: Machine<Flow = S::Flow, Error: From<S::Error>>,
    {
        // Neither a flood nor a deep buffer may hold up other tasks.
        tokio::task::consume_budget().await;
        let due = machine.poll_timeout();
        let is_overdue = due.is_some_and(|at| at <= self.clock.now());
        if is_overdue && self.timer_is_next {
            self.timer_is_next = false;
            machine.handle_timeout(self.clock.now());
            return None;
        }
        let wait = sleep_until(&self.clock, due.into_iter().chain(latest).min());
        // What came in is looked at first: an answer may be there already.
        tokio::select! {
            biased;
            event = other => return Some(event),
            (flow, received) = self.sockets.receive() => {
                self.timer_is_next = is_overdue;
                match received {
                    Ok(bytes) => machine.handle_input(self.clock.now(), flow, bytes),
                    Err(error) => machine.handle_error(self.clock.now(), flow, error.into()),
                }
            }
            () = wait => machine.handle_timeout(self.clock.now()),
        }
        None
    }
}

async fn sleep_until(clock: &Clock, at: Option<Duration>) {
    match at {
        Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
        None => std::future::pending().await,
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
