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
    let mut asking = Asking {
        binder: Binder::new(task.seed),
        asked: Vec::new(),
        refusals: JoinSet::new(),
        keepalive: None,
        task,
        sender,
    };
    let mut buffer = vec![0; 2048];
    let mut open = true;
    loop {
        asking.send().await;
        asking.report_settled();
        asking.look_for_refusals();
        let due = asking.binder.poll_timeout();
        if due.is_none() && !open && asking.task.kept.is_none() {
            return;
        }
        let clock = asking.task.clock;
        let wake = asking.wake(due);
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            received = asking.task.socket.recv_from(&mut buffer) => {
                if let Ok((length, source)) = received {
                    asking.take(source, &buffer[..length]);
                }
            }
            server = servers.recv(), if open => match server {
                Some(server) => asking.ask(server),
                None => open = false,
            },
            Some(Ok((server, Some(error)))) = asking.refusals.join_next() => {
                asking.take_refusal(server, error);
            }
            () = wait => asking.handle_timeout(),
        }
    }
}

/// The questions of one base.
struct Asking {
    task: Task,
    binder: Binder,
    asked: Vec<Asked>,
    refusals: JoinSet<(SocketAddr, Option<SendError>)>,
    /// Which server is asked again, and when.
    keepalive: Option<(SocketAddr, Duration)>,
    sender: mpsc::UnboundedSender<Happening>,
}

/// A server that was asked.
struct Asked {
    server: SocketAddr,
    at: Duration,
    /// Whether ICMP errors were looked for.
    was_looked_for: bool,
}

impl Asking {
    fn now(&self) -> Duration {
        self.task.clock.now()
    }

    fn report(&self, server: SocketAddr, outcome: Result<Reflexive, ErrorReport>, took: Duration) {
        let settled = Settled {
            server,
            outcome,
            took,
        };
        // Nobody listens any more when the run has been stopped.
        let _ = self.sender.send(Happening::Bound {
            base: self.task.base,
            settled,
        });
    }

    fn is_silent(&self, server: SocketAddr) -> bool {
        self.binder.silent_since(self.now()).any(|s| s == server)
    }

    fn ask(&mut self, server: SocketAddr) {
        let at = self.now();
        if !self.asked.iter().any(|asked| asked.server == server) {
            self.asked.push(Asked {
                server,
                at,
                was_looked_for: false,
            });
        }
        self.binder.ask(at, server);
    }

    async fn send(&mut self) {
        while let Some((server, bytes)) = self.binder.poll_transmit() {
            if let Err(error) = self.task.socket.send_to(&bytes, server).await
                && send_error(&error) != SendError::Refused
                && self.is_silent(server)
            {
                // A refusal here belongs to an earlier packet to anybody; the others are for this.
                self.binder.give_up(server);
                self.report(server, Err(stream::io_error(&error)), Duration::ZERO);
            }
        }
    }

    fn report_settled(&mut self) {
        while let Some(settled) = self.binder.poll_event() {
            let now = self.now();
            if self.task.kept.is_some() && settled.outcome.is_ok() && self.keepalive.is_none() {
                self.keepalive = Some((settled.server, now + KEEPALIVE));
            }
            let took = now.saturating_sub(settled.began);
            let outcome = settled.outcome.map_err(|failure| explain(&failure));
            self.report(settled.server, outcome, took);
        }
    }

    /// Asks the system for ICMP errors of servers that have been silent for a while.
    fn look_for_refusals(&mut self) {
        let late = self.now().saturating_sub(REFUSAL_AFTER);
        let silent: Vec<SocketAddr> = self.binder.silent_since(late).collect();
        for asked in &mut self.asked {
            if asked.was_looked_for || !silent.contains(&asked.server) {
                continue;
            }
            asked.was_looked_for = true;
            let (source, local, server) = (self.task.source.clone(), self.task.local, asked.server);
            let id = [server.port().to_le_bytes()[0]; 12];
            self.refusals
                .spawn(async move { (server, refusal::ask(&source, local, server, id).await) });
        }
    }

    /// When something is to be done, with what the questions themselves want.
    fn wake(&self, due: Option<Duration>) -> Option<Duration> {
        let now = self.now();
        let refusal_due = self
            .asked
            .iter()
            .filter(|asked| !asked.was_looked_for)
            .map(|asked| asked.at + REFUSAL_AFTER)
            .filter(|at| *at > now)
            .min();
        [due, refusal_due, self.keepalive.map(|(_, at)| at)]
            .into_iter()
            .flatten()
            .min()
    }

    fn take(&mut self, source: SocketAddr, bytes: &[u8]) {
        let now = self.now();
        if !self.binder.handle_input(now, source, bytes)
            && let Some(kept) = &self.task.kept
        {
            let _ = kept.send(Kept::Datagram {
                at: self.task.address,
                source,
                bytes: bytes.to_vec(),
            });
        }
    }

    fn take_refusal(&mut self, server: SocketAddr, error: SendError) {
        if !self.is_silent(server) {
            return;
        }
        self.binder.give_up(server);
        let since = self.asked.iter().find(|asked| asked.server == server);
        let took = self
            .now()
            .saturating_sub(since.map_or(Duration::ZERO, |asked| asked.at));
        self.report(server, Err(refused(error)), took);
    }

    fn handle_timeout(&mut self) {
        let now = self.now();
        self.binder.handle_timeout(now);
        if let Some((server, at)) = &mut self.keepalive
            && *at <= now
        {
            *at = now + KEEPALIVE;
            self.binder.ask(now, *server);
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
