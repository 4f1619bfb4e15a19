//! What was seen of each listed server, and what is wrong with it.

use std::convert::Infallible;
use std::net::SocketAddr;

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::base::report::Millis;
use crate::proto::nat::address::Rewritten;
use crate::proto::nat::behavior::facts::reflexive_in;
use crate::proto::nat::behavior::probe::{Answer, End, Probe};
use crate::proto::nat::behavior::{Discovery, Server};
use crate::proto::nat::{SendError, Time, address};
use crate::proto::stun::message::{BindingSuccess, ErrorResponse};

/// A listed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// Its primary address.
    pub address: SocketAddr,
    pub facts: ServerFacts,
    pub error: Option<ServerError>,
}

/// What was seen of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// The round trip of its first answer.
    pub rtt_ms: Option<Millis>,
    /// The reflexive address in its first answer.
    pub reflexive_address: Option<SocketAddr>,
    /// OTHER-ADDRESS, whether usable or not.
    pub other_address: Option<SocketAddr>,
    pub software: Option<String>,
    /// Whether it helps with behaviour discovery; `None` while it has not answered, and where that
    /// cannot be seen.
    pub behavior_discovery: Option<BehaviorDiscovery>,
    /// Requests sent to it, its alternate addresses included.
    pub requests: usize,
    pub responses: usize,
    /// Whether it reports IPv4 addresses as `::ffff:a.b.c.d`.
    #[serde(skip)]
    pub is_v4_mapped: bool,
}

/// Whether a server offers behaviour discovery (RFC 5780).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BehaviorDiscovery {
    /// It names a usable other address, and nothing spoke against it.
    Supported,
    Absent,
    /// It claims to, but this is wrong with it.
    Broken(String),
}

impl Serialize for BehaviorDiscovery {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Supported => "supported",
            Self::Absent => "absent",
            Self::Broken(_) => "broken",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerError {
    /// It was silent for as long as a server has.
    Timeout,
    /// It was silent for so long when the tests ended, which had no need of it. Zero if it was not asked.
    NotWaitedFor(Time),
    Send(SendError),
    Stun(ErrorResponse),
    /// Its answers cannot be read.
    Malformed(String),
    /// It answers, with what is no STUN or no answer. Anybody can send that in its name, so nothing else
    /// rests on it.
    Foreign,
    /// Its answers come from another address than was asked.
    WrongSource(SocketAddr),
    /// What it reports cannot be true.
    Untruthful(String),
    /// It sees this in place of this host's address: something before it rewrites the source.
    Rewritten(SocketAddr, Rewritten),
    /// It sees an address of the other family, and other servers do not: packets to it are
    /// translated, so its answers are about another NAT than theirs.
    OtherFamily(SocketAddr),
}

impl ServerError {
    /// Whether nothing was heard of it, for however long.
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Timeout | Self::NotWaitedFor(_))
    }
}

impl Discovery {
    /// What was seen of each listed server, in their order.
    pub fn servers(&self) -> Vec<ServerRecord> {
        (0..self.servers.len()).map(|s| self.record(s)).collect()
    }

    fn first_answer(&self, server: usize) -> Option<&Answer> {
        let Server { first, second, .. } = &self.servers[server];
        first
            .iter()
            .chain(second)
            .find_map(|p| Some(self.probes[*p].success()?.0))
    }

    /// The first success answer of a listed server on the mapping socket.
    pub(super) fn first_success(&self, server: usize) -> Option<&BindingSuccess> {
        let probe = self.servers[server].first?;
        self.probes[probe]
            .success()?
            .0
            .response
            .outcome
            .as_ref()
            .ok()
    }

    pub(super) fn other_address(&self, server: usize) -> Option<SocketAddr> {
        self.first_success(server)?.other_address
    }

    /// OTHER-ADDRESS as it can be sent to from here.
    pub(super) fn usable_other_address(&self, server: usize) -> Option<SocketAddr> {
        let other = self.other_address(server)?;
        let flaw = self.other_address_flaw(server, other);
        flaw.is_none().then(|| self.reach(other))
    }

    /// Why an OTHER-ADDRESS is of no use.
    pub(super) fn other_address_flaw(
        &self,
        server: usize,
        other: SocketAddr,
    ) -> Option<&'static str> {
        address::other_address_flaw(self.behind(self.servers[server].address), other)
    }

    /// How an address that a server names is reached from here.
    pub(super) fn reach(&self, address: SocketAddr) -> SocketAddr {
        self.nat64.map_or(address, |prefix| prefix.reach(address))
    }

    /// An address of a server as the server itself knows it.
    pub(super) fn behind(&self, address: SocketAddr) -> SocketAddr {
        self.nat64.map_or(address, |prefix| prefix.behind(address))
    }

    /// Other ports that servers name on their own IP address: not enough for filtering, but they
    /// show whether the mapping depends on the port.
    pub(super) fn port_only_alternates(&self) -> Vec<SocketAddr> {
        (0..self.servers.len())
            .filter_map(|s| {
                let (own, other) = (self.servers[s].address, self.reach(self.other_address(s)?));
                (own.ip() == other.ip() && own.port() != other.port() && other.port() != 0)
                    .then_some(other)
            })
            .collect()
    }

    fn record(&self, server: usize) -> ServerRecord {
        let address = self.servers[server].address;
        let own: Vec<SocketAddr> = std::iter::once(address)
            .chain(self.usable_other_address(server).into_iter().flat_map(|o| {
                [
                    o,
                    SocketAddr::new(address.ip(), o.port()),
                    SocketAddr::new(o.ip(), address.port()),
                ]
            }))
            .collect();
        let mine = |p: &&Probe| own.contains(&p.destination);
        let answer = self.first_answer(server);
        ServerRecord {
            address,
            facts: ServerFacts {
                rtt_ms: answer.map(|a| Millis(a.rtt)),
                reflexive_address: answer.and_then(reflexive_in),
                other_address: self.other_address(server),
                software: answer.and_then(|a| a.response.software.clone()),
                behavior_discovery: self.behavior_discovery(server),
                is_v4_mapped: self.first_success(server).is_some_and(|s| s.is_v4_mapped),
                requests: self
                    .probes
                    .iter()
                    .filter(mine)
                    .map(|p| p.transmissions.len())
                    .sum(),
                responses: self
                    .probes
                    .iter()
                    .filter(mine)
                    .map(|p| {
                        p.answers.len() + p.misdirected.len() + usize::from(p.returned.is_some())
                    })
                    .sum(),
            },
            error: self.server_error(server),
        }
    }

    fn behavior_discovery(&self, server: usize) -> Option<BehaviorDiscovery> {
        self.first_success(server)?;
        let Some(other) = self.other_address(server) else {
            return Some(BehaviorDiscovery::Absent);
        };
        // Through a NAT64 whose prefix is not known there is no way to see what it offers.
        let seen = self.first_success(server)?.reflexive()?;
        let untold =
            self.nat64.is_none() && seen.is_ipv4() != self.servers[server].address.is_ipv4();
        if untold && other.is_ipv4() == seen.is_ipv4() {
            return None;
        }
        if let Some(flaw) = self.other_address_flaw(server, other) {
            return Some(BehaviorDiscovery::Broken(format!(
                "OTHER-ADDRESS {other} {flaw}"
            )));
        }
        let trial = (0..self.trials.len())
            .find(|t| self.trials[*t].server == server && self.trials[*t].done);
        // A mapping that changes meanwhile makes honest servers look bad.
        let verdict = trial
            .filter(|_| !self.mapping_changed())
            .map(|t| self.filtering_of(t));
        match verdict {
            Some(Fact::Inconclusive {
                reason:
                    Reason::ServerIgnoresChangeRequest
                    | Reason::ServerDropsChangeRequest
                    | Reason::AlternateUnreachable
                    | Reason::NoBehaviorDiscovery,
                detail,
            }) => Some(BehaviorDiscovery::Broken(detail)),
            _ => Some(BehaviorDiscovery::Supported),
        }
    }

    fn server_error(&self, server: usize) -> Option<ServerError> {
        if let Some(untruth) = self.untruth(server) {
            return Some(ServerError::Untruthful(untruth));
        }
        if let Some((seen, how)) = self.rewritten(server) {
            return Some(ServerError::Rewritten(seen, how));
        }
        if let Some(seen) = self.of_other_family(server) {
            return Some(ServerError::OtherFamily(seen));
        }
        let Server { first, second, .. } = &self.servers[server];
        let asked: Vec<&Probe> = first
            .iter()
            .chain(second)
            .map(|p| &self.probes[*p])
            .collect();
        if asked.iter().any(|p| p.success().is_some()) {
            return None;
        }
        let stun_error = asked.iter().flat_map(|p| &p.answers).find_map(|a| {
            let error = a.response.outcome.as_ref().err()?;
            Some(ServerError::Stun(error.clone()))
        });
        let wrong_source = asked
            .iter()
            .find_map(|p| habitual_source(p))
            .map(ServerError::WrongSource);
        let malformed = asked
            .iter()
            .find_map(|p| p.garbled.clone())
            .map(ServerError::Malformed);
        let mut all = asked.iter();
        let foreign = all
            .any(|probe| probe.is_foreign)
            .then_some(ServerError::Foreign);
        let failed = asked.iter().find_map(|p| match p.end {
            Some(End::Failed(error)) => Some(ServerError::Send(error)),
            _ => None,
        });
        stun_error
            .or(wrong_source)
            .or(malformed)
            .or(foreign)
            .or(failed)
            .or_else(|| Some(self.silence(&asked)))
    }

    fn silence(&self, asked: &[&Probe]) -> ServerError {
        if asked.iter().any(|p| p.end == Some(End::Silent)) {
            return ServerError::Timeout;
        }
        let waited = asked.iter().map(|p| self.now.saturating_sub(p.started));
        ServerError::NotWaitedFor(waited.max().unwrap_or_default())
    }

    /// Why no server tells an address though UDP brings something back; `None` if one does, or nothing comes.
    pub(super) fn untold(&self) -> Option<Fact<Infallible>> {
        let mut heard = Vec::new();
        for server in 0..self.servers.len() {
            let own = self.servers[server].address;
            let error = self.server_error(server);
            if let Some(ServerError::Untruthful(what)) = &error {
                heard.push((Reason::Unusable, format!("{own}: {what}")));
                continue;
            }
            if self.first_success(server).is_some() {
                return None;
            }
            heard.extend(match error? {
                ServerError::Stun(error) => {
                    let said = format!("{own} answers with error {} {}", error.code, error.reason);
                    Some((Reason::StunError, said.trim_end().to_owned()))
                }
                ServerError::Malformed(what) => Some((Reason::Malformed, format!("{own}: {what}"))),
                ServerError::Foreign => Some((
                    Reason::Malformed,
                    format!("what answers at {own} is not STUN"),
                )),
                ServerError::WrongSource(source) => {
                    Some((Reason::WrongSource, format!("{own} answers from {source}")))
                }
                _ => None,
            });
        }
        heard.sort_by_key(|(reason, _)| *reason != Reason::StunError);
        let (reason, _) = heard.first()?;
        let reason = *reason;
        let said: Vec<String> = heard.into_iter().map(|(_, said)| said).collect();
        Some(Fact::inconclusive(
            reason,
            format!("no server reported a mapping: {}", said.join("; ")),
        ))
    }
}

/// Where most of a question's answers came from, if not from where it went. One such answer may be
/// anybody's.
pub(super) fn habitual_source(probe: &Probe) -> Option<SocketAddr> {
    let sources = probe.misdirected.iter().map(|m| m.source);
    sources.clone().find(|source| {
        let count = sources.clone().filter(|s| s == source).count();
        count >= 2 && count * 2 >= probe.transmissions.len()
    })
}
