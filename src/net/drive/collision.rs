//! Runs a [`Collision`] on real sockets.

use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::base::fact::Reason;
use crate::net::clock::Clock;
use crate::net::drive::{Driver, UdpSockets, stopped};
use crate::proto::machine::Machine as _;
use crate::proto::nat::collision::Collision;

/// Drives the machine until it is finished, or `stop` names a reason to end early. `sockets` are the
/// holder's and the second host's, round by round.
pub async fn drive(
    machine: &mut Collision,
    sockets: &[UdpSocket],
    clock: &Clock,
    mut stop: watch::Receiver<Option<Reason>>,
) {
    let mut driver = Driver::new(sockets.iter().collect::<UdpSockets<_>>(), *clock);
    loop {
        driver.flush(machine).await;
        if machine.is_finished() {
            return;
        }
        if let Some(reason) = driver.turn(machine, None, stopped(&mut stop)).await {
            machine.stop(reason);
        }
    }
}
