//! TURN servers of a capture: what was never reached, whose a relay is, and whether it was taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::{Capture, change, error_of, gathered, server_of};
use crate::base::codes::Code;
use crate::proto::capture::paths::{Asked, PathKey};
use crate::proto::evidence::account::{Account, ServerRecord, StateKind, server_url};
use crate::proto::evidence::traffic::servers;
use crate::proto::ice::causes::EndedRelay;

/// Attempts to connect over TCP of which one at least would have been answered: they are a second apart, then two.
const TRIES: u32 = 3;

impl Capture<'_> {
    /// Servers that were to be reached over TCP too, and took no connection.
    pub(super) fn unreached(&self) -> Vec<ServerRecord> {
        let mut tried: BTreeMap<SocketAddr, (u32, bool)> = BTreeMap::new();
        let of_hosts = self.observer.tried.iter().filter(|((client, server), _)| {
            self.hosts.addresses.contains(&client.ip()) && self.servers.contains(&server.ip())
        });
        for ((_, server), (times, is_answered)) in of_hosts {
            let sum = tried.entry(*server).or_default();
            *sum = (sum.0.saturating_add(*times), sum.1 || *is_answered);
        }
        let silent = tried
            .into_iter()
            .filter(|(_, (times, is_answered))| *times >= TRIES && !is_answered);
        silent
            .map(|(server, (times, _))| {
                let url = server_url(server, true, true);
                ServerRecord {
                    uri: url.parse().ok(),
                    url,
                    error: Some((
                        Code::Timeout,
                        format!("no answer to {times} attempts to connect"),
                    )),
                    error_at: None,
                }
            })
            .collect()
    }

    /// The call of which nothing is seen but TURN servers that give no relay: an end that uses relays alone, or whose other
    /// end told nothing, has no pair to check then.
    pub(super) fn servers_alone(&self) -> Option<Account> {
        let is_refused =
            |(_, asked): &(&servers::Key, &Asked)| asked.is_turn && error_of(asked).is_some();
        if self.asked.iter().any(|(_, asked)| asked.relayed.is_some())
            || !self.asked.iter().any(is_refused)
        {
            return None;
        }
        let mut account = Account {
            is_begun: true,
            is_of_servers_alone: true,
            ..Account::default()
        };
        let (from, to) = self.observer.span.unwrap_or_default();
        account.saw(Some(from));
        account.saw(Some(to));
        for ((client, server, is_tcp), asked) in &self.asked {
            gathered(&mut account, (*client, *server, *is_tcp), asked);
        }
        account.servers = Some(self.rows(self.asked.iter().copied()));
        let first = self.asked.iter().filter_map(|(_, asked)| asked.first);
        if let Some(at) = first.reduce(f64::min) {
            change(&mut account, at, StateKind::Gathering, "gathering");
        }
        Some(account)
    }

    /// A row for each server that was asked, or was to be reached over TCP.
    pub(super) fn rows<'b>(
        &self,
        asked: impl Iterator<Item = (&'b servers::Key, &'b Asked)>,
    ) -> Vec<ServerRecord> {
        let united = servers::united(asked);
        let rows = united
            .iter()
            .map(|((server, is_tcp, _), asked)| server_of(*server, *is_tcp, asked));
        rows.chain(self.unreached()).collect()
    }

    /// Whether a relay is that of another connection of the program, such as a test before the call: the socket that the
    /// checks leave from asked the same server for one, and did not get it.
    pub(super) fn is_of_another(
        &self,
        ((client, server, is_tcp), asked): (&servers::Key, &Asked),
        bases: &BTreeSet<SocketAddr>,
    ) -> bool {
        let is_refused = |((own, at, is_stream), asked): &(&servers::Key, &Asked)| {
            let is_same = own.ip() == client.ip() && at == server && !is_stream;
            is_same && bases.contains(own) && asked.relayed.is_none() && asked.error.is_some()
        };
        let is_foreign = !is_tcp && asked.relayed.is_some() && !bases.contains(client);
        is_foreign && self.asked.iter().any(is_refused)
    }

    /// When the TURN server ended the connection over TCP that a path goes by.
    pub(super) fn ended(&self, key: &PathKey, account: &mut Account) -> Option<f64> {
        let (server, is_tcp) = key.relay?;
        let asked = self.observer.servers.get(&(key.ends[0], server, is_tcp))?;
        let ended = asked.ended_at.filter(|_| !asked.is_given_back)?;
        account.ended_relays.push(EndedRelay {
            relayed: asked.relayed?,
            code: Code::Closed,
        });
        Some(ended)
    }
}
