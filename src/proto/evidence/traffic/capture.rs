//! What a capture tells of the calls of the host that it was taken on.

mod course;
mod dtls;
mod gaps;
mod media;
mod relays;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::proto::capture::observer::Observer;
use crate::proto::capture::paths::{Asked, Path, PathKey, Sent};
use crate::proto::evidence::account::{
    Account, Change, EndRecord, PairRecord, Place, Seen, ServerRecord, StateKind, server_url,
};
use crate::proto::evidence::configuration;
use crate::proto::evidence::events::add_candidate;
use crate::proto::evidence::traffic::host::Hosts;
use crate::proto::evidence::traffic::servers;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::checks::Role;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;
use sessions::Session;

/// Requests of which one at least would have been answered.
const ENOUGH: u32 = 4;

/// What is known, and who "this host" is.
pub(super) struct Capture<'a> {
    observer: &'a Observer,
    /// The servers that were asked.
    asked: Vec<(&'a servers::Key, &'a Asked)>,
    pub(super) hosts: Hosts,
    /// Addresses of servers that were asked.
    servers: BTreeSet<IpAddr>,
    /// How the ends of this side are called: of those that a TURN server sees, none is their own.
    near: CandidateType,
}

/// The paths of one connection: each with the index of this host's end.
type Paths<'a> = Vec<(&'a PathKey, &'a Path, usize)>;

impl<'a> Capture<'a> {
    pub(super) fn new(observer: &'a Observer) -> Self {
        let asked = servers::real(observer);
        // What is sent to an address of one's own NAT comes back (hairpinning).
        let mapped = asked.iter().filter_map(|(_, asked)| asked.mapped);
        let mapped: BTreeSet<IpAddr> = mapped.map(|mapped| mapped.ip()).collect();
        let servers = asked
            .iter()
            .map(|((_, server, _), _)| server.ip())
            .filter(|server| !mapped.contains(server))
            .collect();
        let is_of_server = is_of_server(observer);
        let hosts = if is_of_server {
            // Both ends are as far away: each that is a client there has an account.
            let clients = asked.iter().map(|((client, ..), _)| client.ip());
            Hosts {
                addresses: clients.collect(),
                is_supposed: false,
            }
        } else {
            Hosts::of(observer, &asked)
        };
        let near = if is_of_server {
            CandidateType::Srflx
        } else {
            CandidateType::Host
        };
        Self {
            observer,
            asked,
            hosts,
            servers,
            near,
        }
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        let mut calls: BTreeMap<(&str, &str), Paths> = BTreeMap::new();
        for (key, path) in &self.observer.paths {
            let Some(fragments) = &path.fragments else {
                continue;
            };
            let ends = if key.relay.is_some() { 0..1 } else { 0..2 };
            for end in ends.filter(|end| self.hosts.addresses.contains(&key.ends[*end].ip())) {
                let names = (fragments[end].as_str(), fragments[1 - end].as_str());
                calls.entry(names).or_default().push((key, path, end));
            }
        }
        let mut sessions = sessions::of(calls, self.observer);
        self.refused(&mut sessions);
        if sessions.is_empty() {
            return self.servers_alone().into_iter().collect();
        }
        let is_only = sessions.len() == 1;
        let accounts = sessions
            .iter()
            .map(|session| self.account(session, is_only));
        accounts.collect()
    }

    /// Pairs that were never checked, since the TURN server gave no permission (RFC 8656 9).
    fn refused(&self, sessions: &mut [Session<'a>]) {
        let is_alone = sessions.len() == 1;
        for (key, path) in &self.observer.paths {
            let client = key.ends[0];
            let is_refused = path.sent[0].is_forbidden && path.fragments.is_none();
            if key.relay.is_none() || !is_refused || !self.hosts.addresses.contains(&client.ip()) {
                continue;
            }
            let is_of = |session: &&mut Session<'a>| {
                let mut paths = session.paths.iter();
                is_alone || paths.any(|(key, _, end)| key.ends[*end] == client)
            };
            if let Some(session) = sessions.iter_mut().find(is_of) {
                session.paths.push((key, path, 0));
            }
        }
    }

    fn account(&self, session: &Session, is_only: bool) -> Account {
        let Session { own, other, paths } = session;
        let mut account = Account {
            is_begun: true,
            gap: self.gap(paths),
            ..Account::default()
        };
        let words = |all: &BTreeSet<&str>| all.iter().map(|word| (*word).to_owned()).collect();
        account.own.ufrags = words(own);
        account.other.ufrags = words(other);
        let (from, to) = self.observer.span.unwrap_or_default();
        // Of several calls, each has its own beginning.
        account.saw(session.began().filter(|_| !is_only).or(Some(from)));
        account.saw(Some(to));
        let bases: BTreeSet<SocketAddr> =
            paths.iter().map(|(key, _, end)| key.ends[*end]).collect();
        let asked: Vec<_> = self
            .asked
            .iter()
            .copied()
            .filter(|((client, ..), _)| is_only || bases.contains(client))
            .filter(|asked| !self.is_of_another(*asked, &bases))
            .collect();
        let here = |ip: &IpAddr| self.hosts.addresses.contains(ip);
        account.udp_peer = self.observer.flows.partner(here);
        let mut tried = self.observer.tried.iter();
        account.tcp_peer = tried
            .find(|((client, server), (_, is_answered))| {
                *is_answered && here(&client.ip()) && is_global(server.ip())
            })
            .map(|((_, server), _)| *server);
        hosts_of(&mut account, paths, self.near);
        for ((client, server, is_tcp), asked) in &asked {
            gathered(&mut account, (*client, *server, *is_tcp), asked);
        }
        account.servers = Some(self.rows(asked.iter().copied()));
        if let Some(at) = asked
            .iter()
            .filter_map(|(_, asked)| asked.first)
            .reduce(f64::min)
        {
            account.saw(Some(at));
            change(&mut account, at, StateKind::Gathering, "gathering");
        }
        account.streams = media::streams(self.observer, paths);
        account.pairs = paths
            .iter()
            .map(|(key, path, end)| self.pair(key, path, *end))
            .collect();
        let used = course::select(&mut account.pairs, paths);
        let is_controlling = paths
            .iter()
            .any(|(_, path, end)| path.sent[*end].is_controlling);
        account.role = Some(if is_controlling {
            Role::Controlling
        } else {
            Role::Controlled
        });
        for (pair, (_, path, end)) in account.pairs.iter().zip(paths) {
            let told = pair
                .remote
                .told(pair.first_sent.or(path.sent[1 - end].first), false);
            add_candidate(&mut account.other, told);
        }
        if let Some(at) = account
            .pairs
            .iter()
            .filter_map(|pair| pair.first_sent)
            .reduce(f64::min)
        {
            change(&mut account, at, StateKind::Ice, "checking");
        }
        // Where UDP was left out, other pairs may have worked.
        let is_all = account.gap.is_none() && self.observer.flows.has_udp;
        if let Some(place) = used {
            let around = course::Surroundings {
                first: course::first_up(paths),
                over: to,
                elsewhere: course::Surroundings::elsewhere(paths, place),
                ended: self.ended(paths[place].0, &mut account),
            };
            course::connection(&mut account, paths, place, &around);
        } else if let Some(at) = course::given_up(paths, to).filter(|_| is_all) {
            change(&mut account, at, StateKind::Ice, "failed");
        }
        account
    }

    fn pair(&self, key: &PathKey, path: &Path, end: usize) -> PairRecord {
        let local = match key.relay {
            None => EndRecord {
                kind: self.near,
                place: Place::Ip(key.ends[end].ip()),
                port: key.ends[end].port(),
                related: None,
                relay_transport: None,
            },
            Some((server, is_tcp)) => self.relayed(key.ends[0], server, is_tcp),
        };
        let (mine, others) = (&path.sent[end], &path.sent[1 - end]);
        let remote = EndRecord {
            kind: self.kind_of(key.ends[1 - end], mine, others),
            place: Place::Ip(key.ends[1 - end].ip()),
            port: key.ends[1 - end].port(),
            related: None,
            relay_transport: None,
        };
        let mut pair = PairRecord::new(local, remote);
        pair.is_supposed = true;
        pair.requests_sent = mine.requests;
        pair.responses_received = others.answers;
        pair.requests_received = others.requests;
        pair.responses_sent = mine.answers;
        pair.nominated = mine.nominations + others.nominations > 0;
        let state = match (pair.responses_received, pair.requests_sent) {
            (1.., _) => "succeeded",
            (0, 1..) => "in-progress",
            _ => "waiting",
        };
        state.clone_into(&mut pair.state);
        pair.bytes_sent = mine.bytes;
        pair.bytes_received = others.bytes;
        pair.rtt_ms = mine.rtt;
        pair.first_sent = mine.first_request;
        pair.first_answered = mine.first_answer;
        pair.last_heard = others.last;
        let silences = path.silences.iter().filter(|one| one.sender == 1 - end);
        let longest = silences.max_by(|a, b| a.lasted().total_cmp(&b.lasted()));
        pair.silence = longest.map(|one| (one.from, one.to));
        pair.asking = mine.asking;
        pair.asked = Some(others.asking);
        pair.last_sent = mine.last;
        pair.refuses = others.refused.map(refusal);
        pair.mapped = mine.mapped;
        pair.failure = if mine.is_forbidden {
            Some(Code::ForbiddenIp)
        } else if let Some(code) = mine.refused.filter(|_| pair.responses_received == 0) {
            Some(refusal(code))
        } else if mine.undelivered > 0 && pair.responses_received == 0 {
            Some(Code::IcmpUnreachable)
        } else {
            None
        };
        pair
    }

    fn relayed(&self, client: SocketAddr, server: SocketAddr, is_tcp: bool) -> EndRecord {
        let asked = self.observer.servers.get(&(client, server, is_tcp));
        let address = asked.and_then(|asked| asked.relayed);
        EndRecord {
            kind: CandidateType::Relay,
            place: address.map_or(Place::Hidden, |address| Place::Ip(address.ip())),
            port: address.map_or(0, |address| address.port()),
            related: None,
            relay_transport: Some(if is_tcp {
                Transport::Tcp
            } else {
                Transport::Udp
            }),
        }
    }

    /// Of the other end only the address is seen: one of a server is a relay, a private one a host.
    fn kind_of(&self, address: SocketAddr, mine: &Sent, others: &Sent) -> CandidateType {
        if self.servers.contains(&address.ip()) {
            return CandidateType::Relay;
        }
        if !is_global(address.ip()) {
            return CandidateType::Host;
        }
        match (others.first, mine.first_request) {
            (Some(came), Some(went)) if came < went => CandidateType::Prflx,
            _ => CandidateType::Srflx,
        }
    }
}

/// What an error in answer to a check says (RFC 8489 6.3.1, 14.8).
const fn refusal(code: u16) -> Code {
    match code {
        400 => Code::BadRequest,
        401 => Code::Unauthorized,
        _ => Code::ErrorResponse,
    }
}

/// Where checks left from.
fn hosts_of(account: &mut Account, paths: &Paths, kind: CandidateType) {
    for (key, path, end) in paths.iter().filter(|(key, ..)| key.relay.is_none()) {
        let base = EndRecord {
            kind,
            place: Place::Ip(key.ends[*end].ip()),
            port: key.ends[*end].port(),
            related: None,
            relay_transport: None,
        };
        add_candidate(&mut account.own, base.told(path.sent[*end].first, false));
    }
}

/// Whether it was taken on a TURN server: there, what comes to a relay from others than its client is
/// seen too.
fn is_of_server(observer: &Observer) -> bool {
    let relays: BTreeMap<SocketAddr, IpAddr> = observer
        .servers
        .iter()
        .filter_map(|((client, ..), asked)| Some((asked.relayed?, client.ip())))
        .collect();
    let mut direct = observer.paths.keys().filter(|key| key.relay.is_none());
    direct.any(|key| {
        let comes = |relay: usize| {
            let client = relays.get(&key.ends[relay]);
            client.is_some_and(|client| *client != key.ends[1 - relay].ip())
        };
        comes(0) || comes(1)
    })
}

fn change(account: &mut Account, at: f64, kind: StateKind, value: &str) {
    account.changes.push(Change {
        at: Some(at),
        kind,
        value: value.to_owned(),
    });
}

/// Candidates that a server gave.
fn gathered(
    account: &mut Account,
    (client, server, is_tcp): (SocketAddr, SocketAddr, bool),
    asked: &Asked,
) {
    let url = server_url(server, is_tcp, asked.is_turn);
    let end = |kind, address: SocketAddr| EndRecord {
        kind,
        place: Place::Ip(address.ip()),
        port: address.port(),
        related: Some(client),
        relay_transport: None,
    };
    if let Some(at) = asked.mapped.filter(|_| !is_tcp) {
        account.seen.push(Seen {
            base: client,
            server,
            url: url.clone(),
            at,
            told_at: asked.mapped_at,
        });
    }
    if let Some(mapped) = asked.mapped.filter(|mapped| *mapped != client && !is_tcp) {
        let mut told = end(CandidateType::Srflx, mapped).told(asked.mapped_at, false);
        told.url = Some(url.clone());
        add_candidate(&mut account.own, told);
    }
    if let Some(relayed) = asked.relayed {
        let mut told = end(CandidateType::Relay, relayed).told(asked.relayed_at, false);
        told.related = asked.mapped;
        told.url = Some(url);
        told.relay_transport = Some(if is_tcp {
            Transport::Tcp
        } else {
            Transport::Udp
        });
        add_candidate(&mut account.own, told);
    }
}

/// What went wrong with a server.
fn error_of(asked: &Asked) -> Option<(Code, String)> {
    if asked.answers == 0 && asked.requests >= ENOUGH {
        let said = format!("no answer to {} requests", asked.requests);
        Some((Code::Timeout, said))
    } else if asked.relayed.is_some() || !asked.is_turn {
        None
    } else if asked.refusals > 0 {
        let said = "401 to signed requests".to_owned();
        Some((configuration::code_of(401, ""), said))
    } else {
        let number = asked.error?;
        let code = configuration::code_of(u64::from(number), "");
        Some((code, number.to_string()))
    }
}

fn server_of(server: SocketAddr, is_tcp: bool, asked: &Asked) -> ServerRecord {
    let url = server_url(server, is_tcp, asked.is_turn);
    let error = error_of(asked);
    ServerRecord {
        uri: url.parse().ok(),
        url,
        error_at: error.as_ref().and(asked.last),
        error,
    }
}
