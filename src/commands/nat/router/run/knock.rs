//! Knocking from outside: the STUN server answers to the external ports that it is told
//! (RESPONSE-PORT, RFC 5780 7.5).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::base::fact::Reason;
use crate::commands::nat::router::run::transaction_id;
use crate::commands::nat::run::depth::TestedPath;
use crate::commands::nat::run::path::fresh_sockets;
use crate::net::drive::stopped;
use crate::proto::stun::message::{self, Change, TransactionId};

/// How often each port is knocked at: with 20 % loss each way all are lost once in two thousand
/// runs, and the third socket tells how much is lost.
const ROUNDS: u64 = 8;

/// The fewest rounds in which the port without a mapping has stayed silent.
const SILENT_ROUNDS: u64 = 4;

/// Gap between rounds, so that a short burst of loss does not swallow all.
const GAP: Duration = Duration::from_millis(70);

/// How long answers of the last round may take beyond two round trips.
const PATIENCE: Duration = Duration::from_millis(150);

/// The sockets of a trial. None but `asking` and `control` ever sends to the server.
pub struct Sockets {
    asking: UdpSocket,
    /// Has sent to the server: answers must come.
    control: UdpSocket,
    /// The external port of that.
    control_port: u16,
    /// Has sent nothing, and has no mapping: nothing may come.
    closed: UdpSocket,
    /// Has sent nothing, and gets the mapping.
    pub mapped: UdpSocket,
    server: SocketAddr,
    /// The external address that the server sees.
    pub seen: IpAddr,
    rtt: Duration,
}

/// What came in, in rounds or packets.
#[derive(Debug, Default)]
pub struct KnockCounts {
    pub control: usize,
    pub closed: usize,
    pub mapped: usize,
    pub cut: Option<Reason>,
}

/// Opens the sockets, if the server honours RESPONSE-PORT.
pub async fn open(
    tested: TestedPath<'_>,
    server: SocketAddr,
    seen: IpAddr,
    rtt: Duration,
    number: u64,
) -> Option<Sockets> {
    // A port that the tests before have used is still open: it would look open without a mapping.
    let (sockets, _) = fresh_sockets(tested.around, tested.local, 4).ok()?;
    let [asking, control, closed, mapped] = <[UdpSocket; 4]>::try_from(sockets).ok()?;
    let id = |part: u64| transaction_id(tested.around.seed, (number << 8) | part);
    let patience = rtt * 2 + PATIENCE;
    let mut control_port = None;
    for part in 0..3 {
        let request = message::binding_request(id(part), Change::None);
        let _ = control.send_to(&request, server).await;
        if let Some(answer) = heard(&control, server, &[id(part)], patience).await {
            control_port = message::decode_binding_response(&answer)
                .ok()?
                .outcome
                .ok()?
                .reflexive()
                .map(|address| address.port());
            break;
        }
    }
    let control_port = control_port?;
    let ids: Vec<TransactionId> = (8..12).map(id).collect();
    for id in &ids {
        let request = message::binding_request_to_port(*id, Change::None, Some(control_port));
        let _ = asking.send_to(&request, server).await;
        if heard(&control, server, &ids, patience.min(GAP * 3))
            .await
            .is_some()
        {
            return Some(Sockets {
                asking,
                control,
                control_port,
                closed,
                mapped,
                server,
                seen,
                rtt,
            });
        }
    }
    None
}

/// The next datagram of a transaction, from the server.
async fn heard(
    socket: &UdpSocket,
    server: SocketAddr,
    ids: &[TransactionId],
    patience: Duration,
) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 2048];
    let waiting = async {
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                // An ICMP message for an earlier packet; should it be something that stays, others
                // must have their turn.
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            let id = message::transaction_id(&buffer[..length]);
            if from == server && id.is_some_and(|id| ids.contains(&id)) {
                return length;
            }
        }
    };
    let length = tokio::time::timeout(patience, waiting).await.ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// Has the server answer to all three external ports, round by round.
pub async fn knock(sockets: &Sockets, port: u16, tested: TestedPath<'_>) -> KnockCounts {
    let mut heard = KnockCounts::default();
    let mut stop = tested.around.stop.clone();
    let closed_port = match sockets.closed.local_addr() {
        Ok(address) => address.port(),
        Err(_) => return heard,
    };
    let ids: Vec<[TransactionId; 3]> = (0..ROUNDS)
        .map(|round| {
            [0, 1, 2].map(|kind| transaction_id(tested.around.seed, 0x1_0000 | (round << 4) | kind))
        })
        .collect();
    let own = |kind: usize| ids.iter().map(|round| round[kind]).collect::<Vec<_>>();
    let (to_control, to_closed, to_mapped) = (own(0), own(1), own(2));
    let mut rounds = 0;
    let last = sockets.rtt * 2 + PATIENCE;
    loop {
        if rounds < ROUNDS {
            let round = ids[usize::try_from(rounds).unwrap_or_default()];
            for (id, port) in round
                .into_iter()
                .zip([sockets.control_port, closed_port, port])
            {
                let request = message::binding_request_to_port(id, Change::None, Some(port));
                // What is not sent is not answered, which the control shows.
                let _ = sockets.asking.send_to(&request, sockets.server).await;
            }
            rounds += 1;
        }
        let enough = heard.mapped > 0 && rounds >= SILENT_ROUNDS;
        let over = enough || rounds == ROUNDS;
        let until = tokio::time::sleep(if over { last } else { GAP });
        let listening = async {
            tokio::join!(
                count(
                    &sockets.control,
                    sockets.server,
                    &to_control,
                    &mut heard.control
                ),
                count(
                    &sockets.closed,
                    sockets.server,
                    &to_closed,
                    &mut heard.closed
                ),
                count(
                    &sockets.mapped,
                    sockets.server,
                    &to_mapped,
                    &mut heard.mapped
                ),
            );
        };
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => {
                heard.cut = Some(reason);
                return heard;
            }
            () = until => {}
            () = listening => {}
        }
        if over {
            return heard;
        }
    }
}

/// Counts what comes, for ever.
async fn count(socket: &UdpSocket, server: SocketAddr, ids: &[TransactionId], heard: &mut usize) {
    loop {
        if crate::commands::nat::router::run::knock::heard(
            socket,
            server,
            ids,
            Duration::from_secs(60),
        )
        .await
        .is_some()
        {
            *heard += 1;
        }
    }
}
