//! Runs the STUN questions of one base on its socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Happening;
use super::kept::Kept;
use crate::ice::reflexive::{Binder, Failure, Reflexive};
use crate::nat::SendError;
use crate::net::clock::Clock;
use crate::net::driver::send_error;
use crate::net::host::Source;
use crate::net::{refusal, stream};
use crate::report::ErrorReport;

/// When a silent server is asked for ICMP errors, which only a connected socket hears.
const REFUSAL_AFTER: Duration = Duration::from_millis(150);

/// How often a server is asked again while a session is waiting, so that the binding stays (RFC 8445
/// 11).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A base's socket and what it is asked with.
pub struct Task {
    pub socket: Arc<UdpSocket>,
    pub address: SocketAddr,
    /// Where everything else goes that comes in; without it, the task ends when all is settled.
    pub kept: Option<mpsc::UnboundedSender<Kept>>,
    pub source: Source,
    pub local: IpAddr,
    pub base: usize,
    pub seed: u64,
    pub clock: Clock,
}

/// A server is settled.
pub struct Settled {
    pub server: SocketAddr,
    pub outcome: Result<Reflexive, ErrorReport>,
    pub took: Duration,
}

/// Asks each server that comes, until no more come and all are settled.
pub async fn run(
    task: Task,
    mut servers: mpsc::UnboundedReceiver<SocketAddr>,
    sender: mpsc::UnboundedSender<Happening>,
) {
    let clock = task.clock;
    let mut binder = Binder::new(task.seed);
    let mut began = Vec::new();
    let mut refusals = JoinSet::new();
    let mut buffer = vec![0; 2048];
    let mut open = true;
    let mut keepalive: Option<(SocketAddr, Duration)> = None;
    let report = |server, outcome, took| {
        let settled = Settled {
            server,
            outcome,
            took,
        };
        // Nobody listens any more when the run has been stopped.
        let _ = sender.send(Happening::Bound {
            base: task.base,
            settled,
        });
    };
    loop {
        while let Some((server, bytes)) = binder.poll_transmit() {
            if let Err(error) = task.socket.send_to(&bytes, server).await
                && send_error(&error) != SendError::Refused
                && binder.silent_since(clock.now()).any(|s| s == server)
            {
                // A refusal here belongs to an earlier packet to anybody; the others are for this.
                binder.give_up(server);
                report(server, Err(stream::io_error(&error)), Duration::ZERO);
            }
        }
        while let Some(settled) = binder.poll_event() {
            let took = clock.now().saturating_sub(settled.began);
            if task.kept.is_some() && settled.outcome.is_ok() && keepalive.is_none() {
                keepalive = Some((settled.server, clock.now() + KEEPALIVE));
            }
            let outcome = settled.outcome.map_err(|failure| explain(&failure));
            report(settled.server, outcome, took);
        }
        let late = clock.now().saturating_sub(REFUSAL_AFTER);
        let silent: Vec<SocketAddr> = binder.silent_since(late).collect();
        for server in silent {
            if let Some(known) = began
                .iter_mut()
                .find(|(s, asked, _)| *s == server && !asked)
            {
                known.1 = true;
                let (source, local) = (task.source.clone(), task.local);
                let id = [server.port().to_le_bytes()[0]; 12];
                refusals
                    .spawn(async move { (server, refusal::ask(&source, local, server, id).await) });
            }
        }
        let due = binder.poll_timeout();
        if due.is_none() && !open && task.kept.is_none() {
            return;
        }
        let refusal_due = began
            .iter()
            .filter(|(_, asked, _)| !asked)
            .map(|(_, _, at)| *at + REFUSAL_AFTER)
            .filter(|at| *at > clock.now())
            .min();
        let wake = [due, refusal_due, keepalive.map(|(_, at)| at)];
        let wake = wake.into_iter().flatten().min();
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            received = task.socket.recv_from(&mut buffer) => {
                if let Ok((length, source)) = received
                    && !binder.handle_input(clock.now(), source, &buffer[..length])
                    && let Some(kept) = &task.kept
                {
                    let _ = kept.send(Kept::Datagram {
                        at: task.address,
                        source,
                        bytes: buffer[..length].to_vec(),
                    });
                }
            }
            server = servers.recv(), if open => match server {
                Some(server) => {
                    if !began.iter().any(|(s, _, _)| *s == server) {
                        began.push((server, false, clock.now()));
                    }
                    binder.ask(clock.now(), server);
                }
                None => open = false,
            },
            Some(Ok((server, Some(error)))) = refusals.join_next() => {
                let since = began.iter().find(|(s, _, _)| *s == server).map(|(_, _, at)| *at);
                if binder.silent_since(clock.now()).any(|s| s == server) {
                    binder.give_up(server);
                    let took = clock.now().saturating_sub(since.unwrap_or_default());
                    report(server, Err(refused(error)), took);
                }
            }
            () = wait => {
                let now = clock.now();
                binder.handle_timeout(now);
                if let Some((server, at)) = &mut keepalive
                    && *at <= now
                {
                    *at = now + KEEPALIVE;
                    binder.ask(now, *server);
                }
            }
        }
    }
}

fn refused(error: SendError) -> ErrorReport {
    match error {
        SendError::Refused => ErrorReport::new("refused", "port unreachable (ICMP)")
            .with_hint("nothing listens there over UDP: check the port, or that the server runs"),
        SendError::Unreachable => ErrorReport::new(
            "unreachable",
            "a router or firewall on the way refuses (ICMP)",
        ),
        SendError::Forbidden => ErrorReport::new(
            "forbidden",
            "a firewall on this machine forbids to send to it",
        ),
        SendError::Other => ErrorReport::new("io", "the system could not send to it"),
    }
}

/// Why there is no reflexive address.
pub fn explain(failure: &Failure) -> ErrorReport {
    match failure {
        Failure::Timeout => ErrorReport::new("timeout", "no answer over UDP").with_hint(
            "the server is down, or UDP to it is blocked: ask another one too, to tell the two apart",
        ),
        Failure::Refused(error) => ErrorReport::new(
            "stun-error",
            format!("it answered with error {} {}", error.code, error.reason),
        )
        .with_hint(
            "the server does not answer Binding requests of everybody: use another for STUN",
        ),
        Failure::Malformed(what) => ErrorReport::new("malformed", what.clone()),
        Failure::BadAddress(address) => ErrorReport::new(
            "bad-address",
            format!("it reports {address} as our address, which cannot be"),
        )
        .with_hint("do not use this server"),
        Failure::NoAddress => ErrorReport::new("malformed", "its answer has no address"),
        Failure::WrongSource(source) => ErrorReport::new(
            "wrong-source",
            format!("it answered from {source}, which was not asked"),
        )
        .with_hint(
            "the server has several addresses and answers from the wrong one: have it bind each",
        ),
    }
}
