//! Whether a silent server answers from another address: a connected socket does not hear that.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::net::host::Source;
use crate::proto::stun::message::{self, Change, TransactionId};
use crate::proto::turn::message::Request;

/// A server that answers does so earlier than this.
const SILENCE: Duration = Duration::from_millis(600);
const TRIES: usize = 3;
const AGAIN: Duration = Duration::from_millis(200);

/// Waits for a while, and then asks from a socket that hears everybody. The address that answers
/// instead of the server.
pub async fn answering(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    seed: u64,
) -> Option<SocketAddr> {
    tokio::time::sleep(SILENCE).await;
    let socket = source.udp(local).ok()?;
    let mut rng = StdRng::seed_from_u64(seed ^ 0x7374_7261);
    let ids: [TransactionId; 2] = [rng.random(), rng.random()];
    // Neither of them makes anything, whatever the server is.
    let requests = [
        Some(message::binding_request(ids[0], Change::None)),
        Request::Refresh(0).encode(ids[1], None),
    ];
    let mut buffer = [0; 2048];
    for _ in 0..TRIES {
        for request in requests.iter().flatten() {
            socket.send_to(request, server).await.ok()?;
        }
        let answer = async {
            loop {
                // An error is an ICMP message for an earlier packet.
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                    continue;
                };
                if message::transaction_id(&buffer[..length]).is_some_and(|id| ids.contains(&id)) {
                    return from;
                }
            }
        };
        if let Ok(from) = tokio::time::timeout(AGAIN, answer).await {
            return (from != server).then_some(from);
        }
    }
    None
}
