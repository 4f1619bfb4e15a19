//! Runs a [`Collision`] on real sockets.

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::clock::Clock;
use super::driver::{BUFFER, receive, send_error, stopped};
use crate::fact::Reason;
use crate::nat::collision::Collision;

/// Drives the machine until it is finished, or `stop` names a reason to end early. `sockets` are the
/// holder's and the second host's, round by round.
pub async fn drive(
    machine: &mut Collision,
    sockets: &[UdpSocket],
    clock: &Clock,
    mut stop: watch::Receiver<Option<Reason>>,
) {
    let mut buffer = vec![0; BUFFER];
    let mut next_socket = 0;
    loop {
        while let Some(transmit) = machine.poll_transmit() {
            let socket = &sockets[transmit.socket];
            let sent = socket.send_to(&transmit.payload, transmit.destination);
            if let Err(error) = sent.await {
                let (number, destination) = (transmit.socket, transmit.destination);
                machine.handle_send_error(clock.now(), number, destination, send_error(&error));
            }
        }
        let Some(due) = machine.poll_timeout() else {
            return;
        };
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => machine.stop(reason),
            () = tokio::time::sleep_until(clock.instant(due)) => {
                machine.handle_timeout(clock.now());
            }
            received = receive(sockets, &mut next_socket, &mut buffer) => {
                // An error here is an ICMP message for some earlier packet: that packet is lost.
                if let Ok((socket, length, source)) = received {
                    machine.handle_input(clock.now(), socket, source, &buffer[..length]);
                }
            }
        }
    }
}
