//! TURN servers of a capture: what was never reached, whose a relay is, and whether it was taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::Capture;
use crate::base::codes::Code;
use crate::proto::capture::paths::{Asked, PathKey};
use crate::proto::evidence::account::{Account, ServerRecord, server_url};
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
