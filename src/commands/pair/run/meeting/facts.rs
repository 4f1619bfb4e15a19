//! What this side knows of its NATs, when the verdict needs it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::family::Family;
use crate::base::time::Time;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::{Event, Signalling, manual};
use crate::net::look::Reply;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::ServerFacts;
use crate::proto::ice::facts::NatFacts;
use crate::proto::signal::message::Message;
use crate::proto::stun::uri::Transport;

/// How long the NAT test is waited for once it is clear how the session ends: it may need 2.5 s
/// to tell that UDP is blocked.
const FACTS: Duration = Duration::from_secs(3);
/// How long a line for the other side waits for them: most NATs are measured in half a second, and
/// somebody is waiting.
const FACTS_OF_LINE: Duration = Duration::from_millis(1500);
/// A server that has been asked for so long, several times, and has answered the other side
/// meanwhile, would have answered here.
const SILENCE: Duration = Duration::from_secs(1);

fn answers_over_udp(server: &ServerFacts) -> bool {
    server.transport == Transport::Udp && server.error.is_none()
}

impl Meeting<'_> {
    pub fn take_nats(&mut self, nats: Vec<NatFacts>) {
        self.own.is_measuring = false;
        // What the session has proved stays where the test tells nothing.
        let concluded = std::mem::replace(&mut self.own.nats, nats);
        for facts in concluded {
            self.add_facts(facts);
        }
        self.tell_facts();
    }

    /// Facts on a family of which nothing is known yet.
    fn add_facts(&mut self, facts: NatFacts) {
        let mut known = self.own.nats.iter_mut();
        match known.find(|nat| nat.family == facts.family) {
            Some(nat) if nat.udp.value().is_none() => *nat = facts,
            Some(_) => {}
            None => self.own.nats.push(facts),
        }
    }

    fn tell_facts(&mut self) {
        if self.progress.is_described {
            let nats = self.own.nats.clone();
            self.say(Message::Nat { nats });
        }
    }

    /// Servers that answer the other side over UDP, where this side has none of its own to ask that
    /// way: where from, and where to. One for each family, once.
    pub fn servers_to_ask(&mut self) -> Vec<(IpAddr, SocketAddr)> {
        let mut servers = self.options.gather.servers.iter();
        let has_own = servers.any(|server| server.uri.transport == Transport::Udp);
        let is_wanted = self.options.nat.is_some() && !has_own && self.own.asked.is_none();
        let theirs = match &self.peer.servers {
            Some(theirs) if is_wanted => theirs.iter().filter(|server| answers_over_udp(server)),
            _ => return Vec::new(),
        };
        let mut asked: Vec<(IpAddr, SocketAddr)> = Vec::new();
        for server in theirs.filter_map(|server| server.address) {
            let family = Family::of(server.ip());
            let is_new = asked.iter().all(|(local, _)| Family::of(*local) != family);
            if let (true, Some(local)) = (is_new, self.host_address(family)) {
                asked.push((local, server));
            }
        }
        if !asked.is_empty() {
            self.own.asked = Some(asked.len());
        }
        asked
    }

    fn host_address(&self, family: Family) -> Option<IpAddr> {
        let hosts = self.own.candidates.iter();
        let mut hosts = hosts
            .filter(|c| c.kind == CandidateType::Host)
            .map(|c| c.address);
        hosts.find(|ip| Family::of(*ip) == family)
    }

    /// Where such a server sees this host, or that it is silent here.
    pub fn take_asked(&mut self, local: IpAddr, seen: &Reply<SocketAddr>) {
        self.own.asked = self.own.asked.map(|open| open.saturating_sub(1));
        let family = Family::of(local);
        match seen {
            Reply::Answered(seen) => self.add_facts(NatFacts::seen(local, *seen)),
            Reply::Silent => self.add_facts(NatFacts::blocked(family, local)),
            Reply::Unclear => return,
        }
        self.tell_facts();
    }

    /// Shows this side's description, which a person carries. A line has the NAT facts in it, which
    /// are waited for; SDP for other programs has not.
    pub(super) fn describe_by_hand(&mut self, now: Time) {
        let Some(complete_at) = self.own.complete_at else {
            return;
        };
        if !self.is_manual() || self.progress.is_described {
            return;
        }
        let is_line = matches!(self.options.signalling, Signalling::Manual);
        if is_line && self.own.is_measuring && now < complete_at + FACTS_OF_LINE {
            return;
        }
        let sdp = self.sdp();
        let text = if is_line { manual::line(&sdp) } else { sdp };
        self.progress.is_described = true;
        self.note(TimelineEvent::DescriptionSent, None);
        let _ = self.record.events.send(Event::Description { text });
    }

    /// Whether the verdict needs the NAT test, which is still under way.
    pub(super) fn awaits_facts(&mut self, now: Time) -> bool {
        let is_direct = self
            .flow
            .selected
            .is_some_and(|(pair, _)| !self.checks.pairs()[pair].is_relayed());
        let is_open = self.own.is_measuring || self.own.asked.is_some_and(|open| open > 0);
        if is_direct || !is_open || self.peer.end.is_some() || self.is_manual() {
            return false;
        }
        self.conclude_blocked(now);
        let is_told = |nat: &NatFacts| nat.udp.value().is_some();
        if self.own.nats.iter().any(is_told) {
            return false;
        }
        let since = self.progress.awaited_since.unwrap_or_else(|| {
            self.progress.awaited_since = Some(now);
            let limit = format!(
                "up to {} s; it tells why there is no direct path",
                FACTS.as_secs()
            );
            self.note(TimelineEvent::FactsAwaited, limit);
            now
        });
        now < since + FACTS
    }

    /// What the session itself proves is not waited for: that UDP is blocked here, if a server
    /// that this side asks over UDP answers the other side.
    fn conclude_blocked(&mut self, now: Time) {
        let Some(theirs) = self.peer.servers.as_deref().filter(|_| now >= SILENCE) else {
            return;
        };
        if self.own.servers.iter().any(answers_over_udp) {
            return;
        }
        let asked: Vec<String> = {
            let servers = self.options.gather.servers.iter();
            servers.map(|server| server.uri.to_string()).collect()
        };
        let answers = theirs.iter().filter(|server| answers_over_udp(server));
        let mut families: Vec<Family> = answers
            .filter(|server| asked.contains(&server.uri))
            .filter_map(|server| Some(Family::of(server.address?.ip())))
            .collect();
        families.dedup();
        for family in families {
            let is_known = self.own.nats.iter().any(|nat| nat.family == family);
            if let (false, Some(local)) = (is_known, self.host_address(family)) {
                self.own.nats.push(NatFacts::blocked(family, local));
            }
        }
        if !self.own.nats.is_empty() {
            self.tell_facts();
        }
    }
}
