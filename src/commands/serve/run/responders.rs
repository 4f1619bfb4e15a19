//! The STUN and TURN servers beside the rendezvous.

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::commands::serve::report::responders::{
    StunListening, StunTotals, TurnListening, TurnRefused, TurnTotals,
};
use crate::commands::serve::run::addresses::reached;
use crate::net::servers::metrics::Metrics;
use crate::net::servers::stun::{self, StunServer};
use crate::net::servers::turn::{self, TurnServer};
use crate::proto::stun::server::Counters;
use crate::proto::turn::server::Guess;
use crate::proto::turn::server::answer::Refusal;

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub stun: Vec<stun::Config>,
    pub turn: Option<turn::Config>,
}

/// Those that listen. Copies are handles of the same ones.
#[derive(Debug, Clone)]
pub(super) struct Responders {
    stun: Vec<StunServer>,
    turn: Option<TurnServer>,
}

impl Responders {
    pub(super) fn bind(options: &Options) -> anyhow::Result<Self> {
        let stun = options.stun.iter().map(StunServer::bind);
        let stun = stun
            .collect::<Result<_, _>>()
            .context("the STUN server cannot start")?;
        let turn = options.turn.as_ref().map(TurnServer::bind);
        let turn = turn.transpose().context("the TURN server cannot start")?;
        Ok(Self { stun, turn })
    }

    /// Tells wrong users and passwords.
    pub(super) fn log_to(&self, log: mpsc::UnboundedSender<Guess>) {
        if let Some(turn) = &self.turn {
            turn.log_to(log);
        }
    }

    pub(super) fn listening(
        &self,
        options: &Options,
    ) -> (Vec<StunListening>, Option<TurnListening>) {
        let stun = self.stun.iter().map(|server| {
            let addresses = server.addresses();
            StunListening {
                uris: uris("stun", &[addresses.primary]),
                address: addresses.primary,
                alternate_address: addresses.alternate,
                behavior_discovery: addresses.alternate.is_some(),
            }
        });
        let turn = self.turn.as_ref().zip(options.turn.as_ref());
        let turn = turn.map(|(server, config)| TurnListening {
            uris: uris("turn", &server.public_addresses()),
            addresses: server.addresses(),
            realm: config.realm.clone(),
            users: config.users.count(),
            shared_secret: config.users.has_secret(),
        });
        (stun.collect(), turn)
    }

    /// Serves until `stop` says true.
    pub(super) async fn run(self, stop: &watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        for server in self.stun {
            let until = said(stop.clone());
            tasks.spawn(async move { server.run(until).await });
        }
        if let Some(server) = self.turn {
            let until = said(stop.clone());
            tasks.spawn(async move { server.run(until).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// What they have done so far; `None` for those that do not run.
    pub(super) fn totals(&self) -> (Option<StunTotals>, Option<TurnTotals>) {
        let stun = (!self.stun.is_empty()).then(|| self.stun_counters());
        let turn = self.turn.as_ref().map(|server| turn_totals(server).1);
        (stun, turn)
    }

    fn stun_counters(&self) -> Counters {
        let mut all = Counters::default();
        for server in &self.stun {
            all += server.counters();
        }
        all
    }

    /// The same for `/metrics`, with what there is now.
    pub(super) fn metrics(&self) -> String {
        let mut page = Metrics::default();
        if !self.stun.is_empty() {
            stun_metrics(&mut page, self.stun_counters());
        }
        if let Some(server) = &self.turn {
            let (now, totals) = turn_totals(server);
            turn_metrics(&mut page, now, &totals);
        }
        page.into_text()
    }
}

fn uris(scheme: &str, sockets: &[std::net::SocketAddr]) -> Vec<String> {
    let addresses = reached(sockets);
    addresses.iter().map(|a| format!("{scheme}:{a}")).collect()
}

async fn said(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the end too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Allocations that there are, and all that has been.
fn turn_totals(server: &TurnServer) -> (usize, TurnTotals) {
    let counters = server.counters();
    let refused = counters.refused.iter().map(|(refusal, count)| {
        let (error, reason) = refusal.code();
        TurnRefused {
            error,
            reason,
            count: *count,
        }
    });
    let totals = TurnTotals {
        allocations: counters.allocations,
        bytes_to_peers: counters.bytes_to_peers,
        bytes_from_peers: counters.bytes_from_peers,
        refused: refused.collect(),
        not_permitted: counters.not_permitted,
        over_rate: counters.over_rate,
        limited: counters.limited,
        malformed: counters.malformed,
        binding: counters.stun,
    };
    (counters.allocations_now, totals)
}

fn stun_metrics(page: &mut Metrics, totals: StunTotals) {
    for (name, help, count) in [
        ("requests", "Binding requests.", totals.requests),
        ("answers", "Answers, including errors.", totals.answers),
        ("errors", "Error answers.", totals.errors),
        (
            "limited",
            "Requests from sources that asked too often.",
            totals.limited,
        ),
        ("malformed", "Broken messages.", totals.malformed),
        (
            "ignored",
            "Messages that no server answers.",
            totals.ignored,
        ),
    ] {
        page.counter(&format!("stun_{name}_total"), help, count);
    }
}

fn turn_metrics(page: &mut Metrics, now: usize, totals: &TurnTotals) {
    page.gauge("turn_allocations", "Relays at present.", now);
    for (name, help, count) in [
        ("allocations", "Relays given.", totals.allocations),
        (
            "bytes_to_peers",
            "Bytes relayed to peers.",
            totals.bytes_to_peers,
        ),
        (
            "bytes_from_peers",
            "Bytes relayed from peers.",
            totals.bytes_from_peers,
        ),
        (
            "not_permitted",
            "Datagrams without permission.",
            totals.not_permitted,
        ),
        (
            "over_rate",
            "Datagrams over the rate of their relay.",
            totals.over_rate,
        ),
        (
            "limited",
            "Requests from sources that asked too often.",
            totals.limited,
        ),
        ("malformed", "Broken messages.", totals.malformed),
        (
            "binding_requests",
            "Binding requests to the TURN server.",
            totals.binding.requests,
        ),
    ] {
        page.counter(&format!("turn_{name}_total"), help, count);
    }
    let refused = Refusal::ALL.map(|refusal| {
        let (error, _) = refusal.code();
        let counted = totals.refused.iter().find(|r| r.error == error);
        (error, counted.map_or(0, |r| r.count))
    });
    page.counter_by(
        "turn_refused_total",
        "Requests refused, by error code (RFC 8656 19).",
        "error",
        refused,
    );
}
