//! Runs the STUN questions of one base on its socket.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::gather::run::Happening;
use crate::commands::gather::run::supply::Supplier;
use crate::net::clock::Clock;
use crate::net::drive::{Driver, OneSocket};
use crate::net::host::Source;
use crate::net::{icmp, look, refusal, stream};
use crate::proto::ice::reflexive::{Binder, Failure, Reflexive};
use crate::proto::machine::{Machine, SendError, Transmit};
use crate::proto::stun::refused::{not_stun, refused_binding};

/// When a silent server is asked for ICMP errors, which only a connected socket hears.
const REFUSAL_AFTER: Duration = Duration::from_millis(150);

/// When a silent server is asked whether it speaks TURN.
const TURN_AFTER: Duration = Duration::from_secs(1);

/// How often a server is asked again while a session is waiting, so that the binding stays (RFC 8445
/// 11).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A base's socket and what it is asked with.
pub struct ReflexiveTask {
    pub socket: Arc<UdpSocket>,
    pub address: SocketAddr,
    /// Where everything else goes that comes in; without it, the task ends when all is settled.
    pub supply: Option<Supplier>,
    pub source: Source,
    pub local: IpAddr,
    pub base: usize,
    pub seed: u64,
    pub clock: Clock,
}

pub struct BindingResult {
    pub server: SocketAddr,
    pub outcome: Result<Reflexive, ErrorReport>,
    pub took: Duration,
}

/// Asks each server that comes, until no more come and all are settled.
pub async fn run(
    task: ReflexiveTask,
    mut servers: mpsc::UnboundedReceiver<SocketAddr>,
    sender: mpsc::UnboundedSender<Happening>,
) {
    let mut driver = Driver::new(OneSocket::new(task.socket.clone()), task.clock);
    let mut refusals = JoinSet::new();
    let mut turns = JoinSet::new();
    let mut asking = Questions {
        binder: Binder::new(task.seed),
        asked: Vec::new(),
        keepalive: None,
        task,
        sender,
    };
    let mut open = true;
    loop {
        driver.flush(&mut asking).await;
        asking.report_settled();
        asking.look_for_refusals(&mut refusals);
        asking.look_for_turn(&mut turns);
        if asking.binder.poll_timeout().is_none() && !open && asking.task.supply.is_none() {
            return;
        }
        let event = async {
            tokio::select! {
                biased;
                server = servers.recv(), if open => Event::Server(server),
                Some(Ok((server, Some(error)))) = refusals.join_next() => Event::Refusal(server, error),
                Some(Ok((server, true))) = turns.join_next() => Event::Turn(server),
                else => pending().await,
            }
        };
        match driver.turn(&mut asking, None, event).await {
            None => {}
            Some(Event::Server(Some(server))) => asking.ask(server),
            Some(Event::Server(None)) => open = false,
            Some(Event::Refusal(server, error)) => asking.settle(server, refused(error, server)),
            Some(Event::Turn(server)) => asking.settle(server, turn_alone()),
        }
    }
}

enum Event {
    /// `None` when no more will come.
    Server(Option<SocketAddr>),
    Refusal(SocketAddr, SendError),
    /// It answers TURN, and no STUN to other sockets either.
    Turn(SocketAddr),
}

struct Questions {
    task: ReflexiveTask,
    binder: Binder,
    asked: Vec<Question>,
    /// Which server is asked again, and when.
    keepalive: Option<(SocketAddr, Duration)>,
    sender: mpsc::UnboundedSender<Happening>,
}

type Refusals = JoinSet<(SocketAddr, Option<SendError>)>;

struct Question {
    server: SocketAddr,
    at: Duration,
    /// Whether ICMP errors were looked for.
    was_looked_for: bool,
    /// Whether TURN was.
    was_asked_for_turn: bool,
}

impl Questions {
    fn now(&self) -> Duration {
        self.task.clock.now()
    }

    fn report(&self, server: SocketAddr, outcome: Result<Reflexive, ErrorReport>, took: Duration) {
        let settled = BindingResult {
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
            self.asked.push(Question {
                server,
                at,
                was_looked_for: false,
                was_asked_for_turn: false,
            });
        }
        self.binder.ask(at, server);
    }

    fn report_settled(&mut self) {
        while let Some(settled) = self.binder.poll_event() {
            let now = self.now();
            if self.task.supply.is_some() && settled.outcome.is_ok() && self.keepalive.is_none() {
                self.keepalive = Some((settled.server, now + KEEPALIVE));
            }
            let took = now.saturating_sub(settled.began);
            let outcome = settled.outcome.map_err(|failure| explain(&failure));
            self.report(settled.server, outcome, took);
        }
    }

    /// Asks the system for ICMP errors of servers that have been silent for a while.
    fn look_for_refusals(&mut self, refusals: &mut Refusals) {
        let late = self.now().saturating_sub(REFUSAL_AFTER);
        let silent: Vec<SocketAddr> = self.binder.silent_since(late).collect();
        for asked in &mut self.asked {
            if asked.was_looked_for || !silent.contains(&asked.server) {
                continue;
            }
            asked.was_looked_for = true;
            let (source, local, server) = (self.task.source.clone(), self.task.local, asked.server);
            let id = [server.port().to_le_bytes()[0]; 12];
            refusals.spawn(async move { (server, refusal::ask(&source, local, server, id).await) });
        }
    }

    /// Asks for TURN where STUN is not answered: a server may have the one without the other.
    fn look_for_turn(&mut self, turns: &mut JoinSet<(SocketAddr, bool)>) {
        let late = self.now().saturating_sub(TURN_AFTER);
        let silent: Vec<SocketAddr> = self.binder.silent_since(late).collect();
        for asked in &mut self.asked {
            if asked.was_asked_for_turn || !silent.contains(&asked.server) {
                continue;
            }
            asked.was_asked_for_turn = true;
            let (source, local, server) = (self.task.source.clone(), self.task.local, asked.server);
            turns.spawn(async move {
                // Where another socket is answered, STUN is there, and the first packets were lost.
                let is_alone = look::turn_over_udp(&source, local, server).await
                    && look::stun_over_udp(&source, local, server).await == look::Reply::Silent;
                (server, is_alone)
            });
        }
    }

    /// Ends the waiting for a server, of which something was found out otherwise.
    fn settle(&mut self, server: SocketAddr, error: ErrorReport) {
        if !self.is_silent(server) {
            return;
        }
        self.binder.give_up(server);
        let since = self.asked.iter().find(|asked| asked.server == server);
        let took = self
            .now()
            .saturating_sub(since.map_or(Duration::ZERO, |asked| asked.at));
        self.report(server, Err(error), took);
    }
}

impl Machine for Questions {
    type Flow = SocketAddr;
    type Error = io::Error;

    fn poll_transmit(&mut self) -> Option<Transmit<SocketAddr>> {
        self.binder.poll_transmit()
    }

    fn handle_input(&mut self, now: Duration, source: SocketAddr, bytes: &[u8]) {
        if !self.binder.handle_input(now, source, bytes)
            && let Some(supply) = &self.task.supply
        {
            supply.datagram(self.task.address, source, bytes.to_vec());
        }
    }

    fn handle_error(&mut self, _: Duration, server: SocketAddr, error: io::Error) {
        // A refusal here belongs to an earlier packet to anybody; the others are for this.
        if SendError::from(&error) != SendError::Refused && self.is_silent(server) {
            self.binder.give_up(server);
            self.report(
                server,
                Err(stream::connect_error(&error, server)),
                Duration::ZERO,
            );
        }
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let now = self.now();
        let look_due = self
            .asked
            .iter()
            .flat_map(|asked| [asked.at + REFUSAL_AFTER, asked.at + TURN_AFTER])
            .filter(|at| *at > now)
            .min();
        let keepalive_due = self.keepalive.map(|(_, at)| at);
        [self.binder.poll_timeout(), look_due, keepalive_due]
            .into_iter()
            .flatten()
            .min()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.binder.handle_timeout(now);
        if let Some((server, at)) = &mut self.keepalive
            && *at <= now
        {
            *at = now + KEEPALIVE;
            self.binder.ask(now, *server);
        }
    }
}

fn refused(error: SendError, server: SocketAddr) -> ErrorReport {
    match error {
        SendError::Rejected(rejection) => rejection.report(server),
        SendError::Refused => icmp::closed_port(server),
        SendError::Unreachable => ErrorReport::new(
            Code::Unreachable,
            "a router or firewall on the way rejects it (ICMP)",
        ),
        SendError::Forbidden => ErrorReport::new(
            Code::Forbidden,
            "a firewall on this machine forbids sending to it",
        ),
        SendError::Broadcast => ErrorReport::new(
            Code::BroadcastAddress,
            "it is a broadcast address: no server has it",
        ),
        SendError::Other => ErrorReport::new(Code::Io, "the system could not send to it"),
    }
}

fn turn_alone() -> ErrorReport {
    ErrorReport::new(
        Code::StunSwitchedOff,
        "it answers TURN on this port, and no STUN: STUN is switched off there",
    )
    .with_hint("name it with turn:, or have STUN switched on (coturn: remove no-stun); for reflexive candidates another server will do")
}

pub fn explain(failure: &Failure) -> ErrorReport {
    match failure {
        Failure::Timeout => ErrorReport::new(Code::Timeout, "no answer over UDP").with_hint(
            "the server is down, or UDP to it is blocked: ask another server as well to find out which",
        ),
        Failure::Refused(error) => refused_binding(error),
        Failure::Malformed(what) => ErrorReport::new(Code::Malformed, what.clone()),
        Failure::Foreign => not_stun(),
        Failure::BadAddress(address) => ErrorReport::new(
            Code::BadAddress,
            format!("it reports {address} as our address, which is impossible"),
        )
        .with_hint("do not use this server"),
        Failure::NoAddress => ErrorReport::new(Code::Malformed, "its answer has no address"),
        Failure::WrongSource(source) => ErrorReport::new(
            Code::WrongSource,
            format!("it answered from {source}, which was not asked"),
        )
        .with_hint(
            "the server, or a NAT or load balancer before it, answers from another address or port: have the server bind each of its addresses, and what stands before it keep the port",
        ),
    }
}
