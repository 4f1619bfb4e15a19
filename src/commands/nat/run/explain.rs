//! Whatever explains a silent server, asked beside the UDP tests of a path.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::fact::Reason;
use crate::commands::nat::run::fallback::{self, StreamResult};
use crate::commands::nat::run::surroundings::Surroundings;
use crate::net::drive::discovery::Addition;
use crate::net::drive::stopped;
use crate::net::look::other_ports::{self, Form, Heard, Knock};
use crate::net::{refusal, route};
use crate::proto::machine::SendError;
use crate::proto::nat::behavior::Discovery;
use crate::proto::stun::uri::Host;

/// How long a server must be silent before its other ports are asked: three requests.
const KNOCK_AFTER: Duration = Duration::from_millis(300);

/// How long all servers must be silent over UDP before TCP and TLS are tried: by then more than the
/// first one has been asked.
const FALLBACK_AFTER: Duration = Duration::from_millis(650);

/// The numbers that transaction IDs are drawn by, apart from those of TCP and of refusals.
const FIRST_ID: u64 = 1 << 40;

/// How many servers are asked once more who says no: the routers before them are the same.
const MOST_AGAIN: usize = 2;

/// Servers that have been asked and have not answered.
pub struct SilentServers {
    servers: Vec<SocketAddr>,
    /// Whether nobody has answered.
    all: bool,
    /// How long they have been asked, or without end if nothing more will come.
    since: Duration,
}

impl SilentServers {
    pub fn of(discovery: &Discovery, since: Duration, is_over: bool) -> Self {
        let records = discovery.servers();
        Self {
            all: records.iter().all(|r| r.facts.responses == 0),
            since: if is_over { Duration::MAX } else { since },
            servers: records
                .iter()
                .filter(|r| r.facts.requests > 0 && r.facts.responses == 0)
                .map(|r| r.address)
                .collect(),
        }
    }
}

/// What was found out.
#[derive(Default)]
pub struct Explained {
    /// Errors that a connected socket was told of.
    pub refusals: Vec<(SocketAddr, SendError)>,
    /// TCP and TLS, tried when no server answered over UDP.
    pub fallback: Vec<StreamResult>,
    /// Other ways to silent servers over UDP.
    pub knocks: Vec<Knock>,
    /// Whether the router answers; `None` if there is none, or it was not asked.
    pub is_router_up: Option<bool>,
}

pub struct Explainer<'a> {
    pub local: IpAddr,
    pub interface: Option<&'a str>,
    pub around: &'a Surroundings,
    /// Takes the ports that answer.
    pub machine: mpsc::UnboundedSender<Addition>,
    /// Told when no more of them will come.
    pub settled: watch::Sender<bool>,
}

/// What is under way.
#[derive(Default)]
struct Asking {
    refusals: JoinSet<(SocketAddr, Option<SendError>)>,
    streams: JoinSet<StreamResult>,
    knocks: JoinSet<Knock>,
    router: JoinSet<bool>,
    refusal_asked: BTreeSet<SocketAddr>,
    tried: BTreeSet<(SocketAddr, crate::proto::stun::uri::Transport)>,
    knocked: BTreeSet<IpAddr>,
    heard: Vec<Knock>,
    added: BTreeSet<IpAddr>,
    all_silent: bool,
}

impl Explainer<'_> {
    /// Asks as servers turn out to be silent, until the tests end. ICMP errors are asked for early:
    /// hosts send few of them a second, and the tests use them up.
    pub async fn run(self, mut looks: mpsc::UnboundedReceiver<SilentServers>) -> Explained {
        let mut asking = Asking::default();
        loop {
            tokio::select! {
                look = looks.recv() => match look {
                    Some(silent) => self.look(&silent, &mut asking),
                    None => break,
                },
                Some(Ok(knock)) = asking.knocks.join_next() => self.take(knock, &mut asking),
            }
        }
        self.finish(asking).await
    }

    fn look(&self, silent: &SilentServers, asking: &mut Asking) {
        asking.all_silent = silent.all;
        for (server, number) in silent.servers.iter().copied().zip(0u64..) {
            if asking.refusal_asked.insert(server) {
                self.ask_for_refusal(server, number, asking);
            }
        }
        if silent.since >= KNOCK_AFTER {
            for server in &silent.servers {
                self.knock(*server, asking);
            }
        }
        if !silent.all {
            // UDP works, so nobody waits for the attempts: dropping them ends them.
            asking.streams = JoinSet::new();
            asking.router = JoinSet::new();
        } else if silent.since >= FALLBACK_AFTER {
            self.fall_back(silent, asking);
        }
        let knocked = !asking.knocked.is_empty() || silent.since == Duration::MAX;
        if !silent.all || (knocked && asking.knocks.is_empty()) {
            self.settled.send_replace(true);
        }
    }

    fn ask_for_refusal(&self, server: SocketAddr, number: u64, asking: &mut Asking) {
        let (source, local) = (self.around.source.clone(), self.local);
        let id = fallback::transaction_id(self.around.seed, number);
        asking
            .refusals
            .spawn(async move { (server, refusal::ask(&source, local, server, id).await) });
    }

    fn ask_again(
        &self,
        server: SocketAddr,
    ) -> impl Future<Output = (SocketAddr, Option<SendError>)> + Send + 'static {
        let (source, local) = (self.around.source.clone(), self.local);
        let id = fallback::transaction_id(self.around.seed, FIRST_ID - 1);
        async move { (server, refusal::ask_later(&source, local, server, id).await) }
    }

    fn knock(&self, server: SocketAddr, asking: &mut Asking) {
        if asking.knocked.len() >= other_ports::MOST_HOSTS || !asking.knocked.insert(server.ip()) {
            return;
        }
        for (knock, number) in other_ports::of(server).into_iter().zip(0u64..) {
            let number = FIRST_ID + (asking.knocked.len() as u64) * 16 + number;
            let id = fallback::transaction_id(self.around.seed, number);
            let (source, local) = (self.around.source.clone(), self.local);
            asking
                .knocks
                .spawn(other_ports::ask(knock, source, local, id));
        }
    }

    fn follow_up(&self, server: SocketAddr, asking: &mut Asking) {
        let of_host = asking.heard.iter().filter(|k| k.server == server);
        let of_host: Vec<Knock> = of_host.copied().collect();
        if of_host.len() < other_ports::of(server).len() || !asking.all_silent {
            return;
        }
        if let Some(more) = other_ports::follow_up(&of_host) {
            let number = FIRST_ID + (asking.knocked.len() as u64) * 16 + 15;
            let id = fallback::transaction_id(self.around.seed, number);
            let (source, local) = (self.around.source.clone(), self.local);
            asking
                .knocks
                .spawn(other_ports::ask_later(more, source, local, id));
        }
    }

    /// A port that answers where none of the named does is a server like any other.
    fn take(&self, knock: Knock, asking: &mut Asking) {
        asking.heard.push(knock);
        self.follow_up(knock.server, asking);
        let answers = knock.heard == Heard::Answer && knock.form == Form::Today;
        if answers {
            let _ = self.machine.send(Addition::Alive(knock.server.ip()));
        }
        if asking.all_silent && answers && asking.added.insert(knock.server.ip()) {
            let mut names = self.around.names();
            let host = names.get(&knock.server).cloned();
            let host = host.unwrap_or(Host::Ip(knock.server.ip()));
            names.insert(knock.address(), host);
            // A path that has ended does not need it any more.
            let _ = self.machine.send(Addition::Server(knock.address()));
        }
    }

    fn fall_back(&self, silent: &SilentServers, asking: &mut Asking) {
        let attempts = fallback::attempts(&silent.servers, &self.around.names());
        for attempt in attempts {
            if asking.tried.insert((attempt.address, attempt.transport)) {
                asking
                    .streams
                    .spawn(fallback::attempt(attempt, self.around.clone()));
            }
        }
        let router = route::router_of(self.interface, self.local);
        if let (Some(router), true) = (router, asking.router.is_empty()) {
            let id = fallback::transaction_id(self.around.seed, FIRST_ID);
            let (source, local) = (self.around.source.clone(), self.local);
            asking
                .router
                .spawn(other_ports::is_router_up(source, local, router, id));
        }
    }

    async fn finish(&self, mut asking: Asking) -> Explained {
        while let Some(knock) = asking.knocks.try_join_next() {
            asking.heard.extend(knock);
        }
        let refused = until_stopped(asking.refusals, self.around.stop.clone());
        let router = asking.router.join_all();
        let (mut found, fallback, router) =
            tokio::join!(refused, asking.streams.join_all(), router);
        let is_told = found.iter().any(|(_, error)| error.is_some());
        let is_up = fallback.iter().any(StreamResult::host_is_up);
        if asking.all_silent && !is_told && is_up {
            // The tests have used up what hosts say of it.
            let again = asking.refusal_asked.iter().take(MOST_AGAIN).copied();
            let again: JoinSet<_> = again.map(|server| self.ask_again(server)).collect();
            found.extend(until_stopped(again, self.around.stop.clone()).await);
        }
        let refusals = found
            .into_iter()
            .filter_map(|(server, error)| Some((server, error?)));
        Explained {
            refusals: refusals.collect(),
            fallback,
            knocks: asking.heard,
            is_router_up: router.first().copied(),
        }
    }
}

/// What all these say, or those of them that have said something when the run ends.
async fn until_stopped<T: 'static>(
    mut asked: JoinSet<T>,
    mut stop: watch::Receiver<Option<Reason>>,
) -> Vec<T> {
    let mut found = Vec::new();
    loop {
        tokio::select! {
            biased;
            next = asked.join_next() => match next {
                Some(said) => found.extend(said),
                None => return found,
            },
            _ = stopped(&mut stop) => return found,
        }
    }
}

/// Passes on what the tests of a path are told, but for the end of the list of servers: that is told
/// when no port will be added any more.
pub async fn pass_on(
    mut additions: mpsc::UnboundedReceiver<Addition>,
    machine: mpsc::UnboundedSender<Addition>,
    mut settled: watch::Receiver<bool>,
) -> Infallible {
    let (mut is_open, mut is_complete, mut is_told) = (true, false, false);
    while is_open || !is_told {
        tokio::select! {
            addition = additions.recv(), if is_open => match addition {
                Some(Addition::Complete) => is_complete = true,
                Some(addition) => {
                    let _ = machine.send(addition);
                }
                None => (is_open, is_complete) = (false, true),
            },
            _ = settled.wait_for(|is_settled| *is_settled), if is_complete && !is_told => {
                is_told = true;
                let _ = machine.send(Addition::Complete);
            }
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_before_the_end_is_kept() {
        let (end, stop) = watch::channel(None);
        let mut asked = JoinSet::new();
        asked.spawn(async { 1 });
        asked.spawn(std::future::pending());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = end.send(Some(Reason::Timeout));
            std::future::pending::<()>().await;
        });
        assert_eq!(until_stopped(asked, stop).await, [1]);
    }
}
