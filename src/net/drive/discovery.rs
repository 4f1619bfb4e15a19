//! Runs a [`Discovery`] on real sockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;
use crate::net::clock::Clock;
use crate::net::drive::{Driver, UdpSockets, stopped};
use crate::proto::machine::Machine as _;
use crate::proto::nat::behavior::{Discovery, Observation};

/// How often the driver lets others look at the machine. A server that has been silent for so long
/// is asked in other ways too.
pub const LOOK_EVERY: Duration = Duration::from_millis(80);

#[derive(Debug)]
pub enum Addition {
    Server(SocketAddr),
    /// An address that is sent to otherwise, say over TCP.
    Visit(IpAddr),
    /// Another port of this host answers.
    Alive(IpAddr),
    /// The other addresses of a server may be visited in so many trials.
    Release(usize),
    /// No more servers will come.
    Complete,
}

enum Interruption {
    Stop(Reason),
    /// `None` when there will be no more.
    Addition(Option<Addition>),
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
    let mut driver = Driver::new(sockets.iter().collect::<UdpSockets<_>>(), *clock);
    let mut look_at = clock.now() + LOOK_EVERY;
    let mut open = true;
    let mut waited = false;
    loop {
        driver.flush(discovery).await;
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
        let event = async {
            tokio::select! {
                biased;
                reason = stopped(&mut stop) => Interruption::Stop(reason),
                addition = additions.recv(), if open => Interruption::Addition(addition),
            }
        };
        let event = driver.turn(discovery, Some(look_at), event).await;
        let now = clock.now();
        match event {
            None => {}
            Some(Interruption::Stop(reason)) => discovery.stop(now, reason),
            Some(Interruption::Addition(Some(addition))) => match addition {
                Addition::Server(address) => discovery.add_server(now, address),
                Addition::Visit(address) => discovery.note_visit(address),
                Addition::Alive(address) => discovery.wait_for(address),
                Addition::Release(trials) => discovery.release_alternates(now, trials),
                Addition::Complete => discovery.servers_complete(now),
            },
            Some(Interruption::Addition(None)) => {
                open = false;
                discovery.servers_complete(now);
            }
        }
    }
}
