//! `rtcdiag serve`: the rendezvous, and STUN and TURN servers beside it, until it is stopped.

mod addresses;
mod responders;
mod service_manager;

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::base::codes::Code;
use crate::base::fact::Reason;
use crate::base::report::{ErrorReport, Millis};
use crate::commands::serve::report::{
    BrokerListening, BrokerTotals, Ended, ListeningReport, RefusedReport, ServeResult,
};
use crate::commands::signals;
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::net::servers::rendezvous::{self, Broker, CertificateFiles, Server, Totals};
use crate::proto::nat::address::is_global;
use crate::proto::turn::server::Guess;
use addresses::reached;
use responders::Responders;
use service_manager::State;

pub use responders::Options as ResponderOptions;

#[derive(Debug, Clone)]
pub struct Options {
    pub rendezvous: rendezvous::Options,
    pub responders: ResponderOptions,
    /// Whether to say what each client of the rendezvous does.
    pub log: bool,
}

/// Something that happens during the run, as `--jsonl` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Listening(Box<ListeningReport>),
    /// A client of the rendezvous has come, gone or been refused, or the certificate was read again.
    /// For a person alone.
    #[serde(skip)]
    Rendezvous(rendezvous::Event),
    /// A client of the TURN server gave a wrong user or password. For a person alone.
    #[serde(skip)]
    Guess(Guess),
}

/// Serves until `stop` says so, or SIGTERM comes.
///
/// The STUN and TURN servers run beside the rendezvous: all listen before [`Event::Listening`], and
/// all have the same end.
///
/// # Errors
///
/// If one of them cannot listen; then none of them does.
pub async fn run(
    options: &Options,
    clock: Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> anyhow::Result<ServeResult> {
    let mut terminated = pin!(signals::terminated().context("cannot catch signals")?);
    let hangups = signals::hangups().context("cannot catch signals")?;
    let mut rendezvous = Server::bind(&options.rendezvous, clock)?;
    let responders = Responders::bind(&options.responders)?;
    let began = clock.now();
    let shared_at = options.rendezvous.broker.as_ref();
    let (broker, early) = tokio::select! {
        biased;
        () = &mut terminated => (unanswered(shared_at), Some(Ended::Terminated)),
        reason = stopped(&mut stop) => (unanswered(shared_at), Some(ended_by(reason))),
        reached = broker(&mut rendezvous, shared_at) => (reached?, None),
    };
    let (stun, turn) = responders.listening(&options.responders);
    let listening = ListeningReport {
        stun,
        turn,
        broker,
        ..listening(&rendezvous, options.rendezvous.tls.as_ref())
    };
    let counted = responders.clone();
    rendezvous.add_metrics(move || counted.metrics());
    // Who shows the events lives as long as the run.
    let _ = events.send(Event::Listening(Box::new(listening.clone())));
    let (log, lines) = mpsc::unbounded_channel();
    rendezvous.log_to(log, options.log);
    let (teller, guesses) = mpsc::unbounded_channel();
    responders.log_to(teller);
    tokio::spawn(pass_on_guesses(guesses, events.clone(), options.log));
    tokio::spawn(pass_on(lines, events));
    let renewals = service_manager::reload_on(hangups, options.rendezvous.tls.is_some());
    service_manager::tell(State::Ready);
    let mut ended = Ended::TimeLimit;
    let (end_all, has_ended) = watch::channel(false);
    let end = async {
        ended = if let Some(early) = early {
            early
        } else {
            tokio::select! {
                biased;
                () = terminated => Ended::Terminated,
                reason = stopped(&mut stop) => ended_by(reason),
            }
        };
        service_manager::tell(State::Stopping);
        // Whoever has ended already does not hear it.
        let _ = end_all.send(true);
    };
    let (totals, ()) = tokio::join!(
        rendezvous.run_and_renew(end, renewals),
        responders.clone().run(&has_ended)
    );
    let uptime = Millis(clock.now().saturating_sub(began));
    let (stun_totals, turn_totals) = responders.totals();
    let broker_totals = options
        .rendezvous
        .broker
        .as_ref()
        .map(|_| of_broker(&totals));
    Ok(ServeResult {
        stun_totals,
        turn_totals,
        broker_totals,
        ..result(listening, uptime, ended, totals)
    })
}

/// Each one if asked for; that an address is slowed down in any case.
async fn pass_on_guesses(
    mut guesses: mpsc::UnboundedReceiver<Guess>,
    events: mpsc::UnboundedSender<Event>,
    everything: bool,
) {
    while let Some(guess) = guesses.recv().await {
        if everything || guess.is_slowed {
            // Nobody listens any more at the end.
            let _ = events.send(Event::Guess(guess));
        }
    }
}

async fn pass_on(
    mut lines: mpsc::UnboundedReceiver<rendezvous::Event>,
    events: mpsc::UnboundedSender<Event>,
) {
    while let Some(line) = lines.recv().await {
        if matches!(line, rendezvous::Event::Certificate { .. }) {
            service_manager::tell(State::Ready);
        }
        // Nobody listens any more at the end.
        let _ = events.send(Event::Rendezvous(line));
    }
}

fn result(
    listening: ListeningReport,
    uptime_ms: Millis,
    ended: Ended,
    totals: Totals,
) -> ServeResult {
    let refused = totals
        .refused
        .into_iter()
        .map(|(refusal, count)| RefusedReport {
            code: refusal.code(),
            count,
        });
    ServeResult {
        listening,
        ended,
        uptime_ms,
        connections: totals.connections,
        rooms: totals.rooms,
        joins: totals.joins,
        messages: totals.messages,
        message_bytes: totals.bytes,
        messages_dropped: totals.dropped,
        refused: refused.collect(),
        foreign_connections: totals.foreign,
        turned_away: totals.turned_away,
        accept_errors: totals.accept_errors,
        stun_totals: None,
        turn_totals: None,
        broker_totals: None,
    }
}

fn ended_by(reason: Reason) -> Ended {
    match reason {
        Reason::Interrupted => Ended::Interrupted,
        _ => Ended::TimeLimit,
    }
}

/// A broker that was still tried when the server was told to end.
fn unanswered(broker: Option<&Broker>) -> Option<BrokerListening> {
    let message = "the server was ended before the broker had answered";
    broker.map(|broker| BrokerListening {
        url: broker.url.to_string(),
        error: Some(ErrorReport::new(Code::CutShort, message)),
    })
}

/// Tries to reach the broker, and says what has come of it.
async fn broker(
    server: &mut Server,
    broker: Option<&Broker>,
) -> anyhow::Result<Option<BrokerListening>> {
    let Some(broker) = broker else {
        return Ok(None);
    };
    let url = broker.url.to_string();
    match server.reach_broker().await {
        Ok(error) => Ok(Some(BrokerListening { url, error })),
        Err(report) => {
            let hint = report
                .hint
                .map_or_else(String::new, |hint| format!("; {hint}"));
            anyhow::bail!("cannot share rooms at {url}: {}{hint}", report.message)
        }
    }
}

fn of_broker(totals: &Totals) -> BrokerTotals {
    let counts = totals.siblings;
    BrokerTotals {
        connections: totals.broker_connections,
        away_ms: Millis(totals.broker_away),
        sent: counts.sent,
        received: counts.received,
        lost: counts.lost,
        gaps: counts.gaps,
        strays: counts.strays,
        foreign: counts.foreign,
    }
}

/// Where it listens, and the URLs that lead there.
fn listening(server: &Server, tls: Option<&CertificateFiles>) -> ListeningReport {
    let addresses = server.addresses().to_vec();
    let urls = match tls {
        None => plain_urls(&addresses),
        Some(files) => secure_urls(&addresses, &files.names()),
    };
    ListeningReport {
        tls: server.is_tls(),
        admin_address: server.admin_address(),
        addresses,
        urls,
        stun: Vec::new(),
        turn: None,
        broker: None,
    }
}

fn plain_urls(addresses: &[SocketAddr]) -> Vec<String> {
    let addresses = reached(addresses);
    addresses.iter().map(|a| format!("ws://{a}")).collect()
}

/// The port that a `wss://` URL need not have.
const HTTPS: u16 = 443;

/// A certificate is for names, so the URLs have to have them. Of the addresses in it those are left out that lead elsewhere.
fn secure_urls(addresses: &[SocketAddr], names: &[String]) -> Vec<String> {
    let mut ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    let hosts = names.iter().filter(|name| !name.contains('*'));
    let (near, far): (Vec<&String>, Vec<&String>) = hosts.partition(|name| {
        let ip = name.parse::<IpAddr>();
        ip.map_or(true, |ip| {
            addresses.iter().any(|own| may_lead_to(ip, own.ip()))
        })
    });
    let hosts = if near.is_empty() { far } else { near };
    let urls = hosts.into_iter().flat_map(|name| {
        let host = match name.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => name.clone(),
        };
        ports.iter().map(move |port| match *port {
            HTTPS => format!("wss://{host}"),
            port => format!("wss://{host}:{port}"),
        })
    });
    urls.collect()
}

/// Whether what is sent to an address may come where it listens: a NAT may stand before a private one.
fn may_lead_to(ip: IpAddr, own: IpAddr) -> bool {
    let is_behind_nat = !is_global(own) && !own.is_loopback() && is_global(ip);
    own == ip || own.is_unspecified() || is_behind_nat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_where_it_listens() {
        let names = [
            "rdv.example.org",
            "*.example.org",
            "203.0.113.10",
            "203.0.113.13",
            "2001:db8::1",
        ];
        let names = names.map(str::to_owned);
        for (listen, urls) in [
            (
                "203.0.113.13:443",
                &["wss://rdv.example.org", "wss://203.0.113.13"] as &[_],
            ),
            (
                "[2001:db8::1]:8443",
                &["wss://rdv.example.org:8443", "wss://[2001:db8::1]:8443"],
            ),
            ("127.0.0.1:443", &["wss://rdv.example.org"]),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(secure_urls(&[listen], &names), urls);
        }
        // All of them may lead there.
        for listen in ["0.0.0.0:443", "10.0.0.1:443"] {
            let listen = listen.parse().expect("an address");
            assert_eq!(secure_urls(&[listen], &names).len(), 4, "{listen}");
        }
        let listen = "203.0.113.13:443".parse().expect("an address");
        assert_eq!(secure_urls(&[listen], &names[2..3]), ["wss://203.0.113.10"]);
    }
}
