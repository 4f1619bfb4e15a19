//! `rtcdiag serve`: the rendezvous, until it is stopped.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};

use super::signals;
use crate::fact::Reason;
use crate::net::clock::Clock;
use crate::net::driver::stopped;
use crate::net::rendezvous::server::{self, CertificateFiles, Server, Totals};
use crate::report::Millis;
use crate::report::serve::{Ended, ListeningReport, RefusedReport, ServeResult};

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rendezvous.
    pub rendezvous: server::Options,
    /// Whether to say what each client does.
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
/// Other services run beside the rendezvous: each is bound before [`Event::Listening`], adds its
/// addresses there, and is joined with the same end.
///
/// # Errors
///
/// If it cannot listen.
pub async fn run(
    options: &Options,
    clock: Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> anyhow::Result<ServeResult> {
    let terminated = signals::terminated().context("cannot catch signals")?;
    let rendezvous = Server::bind(&options.rendezvous, clock)?;
    let began = clock.now();
    let listening = listening(&rendezvous, options.rendezvous.tls.as_ref());
    // Who shows the events lives as long as the run.
    let _ = events.send(Event::Listening(listening.clone()));
    if options.log {
        let (log, lines) = mpsc::unbounded_channel();
        rendezvous.log_to(log);
        tokio::spawn(pass_on(lines, events));
    }
    let mut ended = Ended::TimeLimit;
    let end = async {
        ended = tokio::select! {
            biased;
            () = terminated => Ended::Terminated,
            reason = stopped(&mut stop) => match reason {
                Reason::Interrupted => Ended::Interrupted,
                _ => Ended::TimeLimit,
            },
        };
    };
    let totals = rendezvous.run(end).await;
    let uptime = Millis(clock.now().saturating_sub(began));
    Ok(result(listening, uptime, ended, totals))
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
    }
}

fn plain_urls(addresses: &[SocketAddr]) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    let own = own_addresses();
    for address in addresses {
        let of_family = own.iter().filter(|ip| ip.is_ipv4() == address.is_ipv4());
        let reached: Vec<IpAddr> = if address.ip().is_unspecified() {
            of_family.copied().collect()
        } else {
            vec![address.ip()]
        };
        for ip in reached {
            let url = format!("ws://{}", SocketAddr::new(ip, address.port()));
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
    urls
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

/// Addresses of this host that others may reach, or its loopback ones if it has no others.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    found.sort_unstable();
    found.dedup();
    // A link-local address needs a scope, which no URL has (RFC 9844).
    found.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    let reachable: Vec<IpAddr> = found
        .iter()
        .filter(|ip| !ip.is_loopback())
        .copied()
        .collect();
    if reachable.is_empty() {
        found
    } else {
        reachable
    }
}
