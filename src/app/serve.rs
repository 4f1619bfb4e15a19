//! `rtcdiag serve`: the rendezvous, and STUN and TURN servers beside it, until it is stopped.

mod addresses;
mod responders;

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};

use self::addresses::reached;
use self::responders::Responders;
use super::signals;
use crate::fact::Reason;
use crate::net::clock::Clock;
use crate::net::driver::stopped;
use crate::net::rendezvous::server::{self, CertificateFiles, Server, Totals};
use crate::report::Millis;
use crate::report::serve::{Ended, ListeningReport, RefusedReport, ServeResult};

pub use self::responders::Options as ResponderOptions;

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rendezvous.
    pub rendezvous: server::Options,
    /// STUN and TURN servers.
    pub responders: ResponderOptions,
    /// Whether to say what each client of the rendezvous does.
    pub log: bool,
}

/// Something that happens during the run.
#[derive(Debug, Clone)]
pub enum Event {
    /// It listens.
    Listening(ListeningReport),
    /// A client of the rendezvous has come, gone or been refused.
    Rendezvous(server::Event),
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
    let terminated = signals::terminated().context("cannot catch signals")?;
    let rendezvous = Server::bind(&options.rendezvous, clock)?;
    let responders = Responders::bind(&options.responders)?;
    let began = clock.now();
    let (stun, turn) = responders.listening(&options.responders);
    let listening = ListeningReport {
        stun,
        turn,
        ..listening(&rendezvous, options.rendezvous.tls.as_ref())
    };
    let counted = responders.clone();
    rendezvous.add_metrics(move || counted.metrics());
    // Who shows the events lives as long as the run.
    let _ = events.send(Event::Listening(listening.clone()));
    if options.log {
        let (log, lines) = mpsc::unbounded_channel();
        rendezvous.log_to(log);
        tokio::spawn(pass_on(lines, events));
    }
    let mut ended = Ended::TimeLimit;
    let (end_all, has_ended) = watch::channel(false);
    let end = async {
        ended = tokio::select! {
            biased;
            () = terminated => Ended::Terminated,
            reason = stopped(&mut stop) => match reason {
                Reason::Interrupted => Ended::Interrupted,
                _ => Ended::TimeLimit,
            },
        };
        // Whoever has ended already does not hear it.
        let _ = end_all.send(true);
    };
    let (totals, ()) = tokio::join!(rendezvous.run(end), responders.clone().run(&has_ended));
    let uptime = Millis(clock.now().saturating_sub(began));
    let (stun_totals, turn_totals) = responders.totals();
    Ok(ServeResult {
        stun_totals,
        turn_totals,
        ..result(listening, uptime, ended, totals)
    })
}

async fn pass_on(
    mut lines: mpsc::UnboundedReceiver<server::Event>,
    events: mpsc::UnboundedSender<Event>,
) {
    while let Some(line) = lines.recv().await {
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
        addresses,
        urls,
        stun: Vec::new(),
        turn: None,
    }
}

fn plain_urls(addresses: &[SocketAddr]) -> Vec<String> {
    let addresses = reached(addresses);
    addresses.iter().map(|a| format!("ws://{a}")).collect()
}

/// A certificate is for names, so the URLs have to have them.
fn secure_urls(addresses: &[SocketAddr], names: &[String]) -> Vec<String> {
    let mut ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    let hosts = names.iter().filter(|name| !name.contains('*'));
    hosts
        .flat_map(|name| {
            let host = match name.parse::<IpAddr>() {
                Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
                _ => name.clone(),
            };
            ports.iter().map(move |port| format!("wss://{host}:{port}"))
        })
        .collect()
}
