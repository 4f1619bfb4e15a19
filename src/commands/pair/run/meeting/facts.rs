//! What this side knows of its NATs, when the verdict needs it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::commands::gather::report::GatherServerReport;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::{Event, Measurement, Signalling, manual};
use crate::net::look::Passage;
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
/// A server that has been asked for so long would mostly have answered.
const SILENCE: Duration = Duration::from_millis(500);
/// How many servers of the other side are asked: more show nothing new.
const ASKED: usize = 4;

fn answers_over_udp(server: &ServerFacts) -> bool {
    server.transport == Transport::Udp && server.error.is_none()
}

/// What ICMP has told the NAT test of a server that was silent while gathering.
fn told_of<'a>(
    refused: &'a [(SocketAddr, ErrorReport)],
    server: Option<SocketAddr>,
    transport: Transport,
    error: Option<&ErrorReport>,
) -> Option<&'a ErrorReport> {
    let is_silent = error.is_some_and(|error| error.code == Code::Timeout);
    let mut told = refused
        .iter()
        .filter(|_| is_silent && transport == Transport::Udp);
    let told = told.find(|(address, _)| Some(*address) == server);
    told.map(|(_, error)| error)
}

impl Meeting<'_> {
    pub(in crate::commands::pair::run) fn take_measured(&mut self, measured: Measurement) {
        self.own.refused_servers = measured.refused;
        self.own.found.gets_out = measured.gets_out;
        self.own.found.heard = measured.heard;
        self.own.found.unheard = measured.unheard;
        self.take_nats(measured.nats);
    }

    pub(in crate::commands::pair::run) fn explain_silence(&self, report: &mut GatherServerReport) {
        let refused = &self.own.refused_servers;
        let told = told_of(
            refused,
            report.address,
            report.transport,
            report.error.as_ref(),
        );
        if let Some(error) = told {
            report.error = Some(error.clone());
        }
    }

    fn take_nats(&mut self, nats: Vec<NatFacts>) {
        self.own.is_measuring = false;
        // What the session has proved stays where the test tells nothing.
        let concluded = std::mem::replace(&mut self.own.nats, nats);
        for facts in concluded {
            self.add_facts(facts);
        }
        self.tell_facts();
    }

    /// Facts on a family of which less is known yet.
    fn add_facts(&mut self, facts: NatFacts) {
        let is_more = |nat: &NatFacts| {
            let is_seen = !facts.reflexive_addresses.is_empty();
            nat.udp.value().is_none() || (is_seen && nat.reflexive_addresses.is_empty())
        };
        let mut known = self.own.nats.iter_mut();
        match known.find(|nat| nat.family == facts.family) {
            Some(nat) if is_more(nat) => *nat = facts,
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

    /// Servers that answer the other side over UDP, where none of this side's own does: where from,
    /// and where to. Each once.
    pub fn servers_to_ask(&mut self) -> Vec<(IpAddr, SocketAddr)> {
        let mut servers = self.options.gather.servers.iter();
        let has_own = servers.any(|server| server.uri.transport == Transport::Udp);
        let is_due = !has_own || self.clock.now() >= SILENCE;
        let is_answered = self.own.servers.iter().any(answers_over_udp)
            || self
                .own
                .candidates
                .iter()
                .any(|c| c.kind == CandidateType::Srflx);
        let theirs = match &self.peer.servers {
            Some(theirs) if is_due && !is_answered && self.options.nat.is_some() => theirs,
            _ => return Vec::new(),
        };
        let mut new: Vec<(IpAddr, SocketAddr)> = Vec::new();
        for server in theirs.iter().filter(|server| answers_over_udp(server)) {
            let Some(address) = server.address else {
                continue;
            };
            let count = self.own.asked.len() + new.len();
            let is_known =
                self.own.asked.contains(&address) || new.iter().any(|(_, asked)| *asked == address);
            if let (false, true, Some(local)) = (
                is_known,
                count < ASKED,
                self.host_address(Family::of(address.ip())),
            ) {
                new.push((local, address));
            }
        }
        self.own.asked.extend(new.iter().map(|(_, server)| *server));
        self.own.open_questions += new.len();
        new
    }

    fn host_address(&self, family: Family) -> Option<IpAddr> {
        let hosts = self.own.candidates.iter();
        let mut hosts = hosts
            .filter(|c| c.kind == CandidateType::Host)
            .map(|c| c.address);
        hosts.find(|ip| Family::of(*ip) == family)
    }

    /// What became of such a question. Silence of one port is no word about the others: it counts
    /// where nothing of any server gets through.
    pub fn take_asked(&mut self, local: IpAddr, server: SocketAddr, passage: Passage) {
        self.own.open_questions = self.own.open_questions.saturating_sub(1);
        let family = Family::of(local);
        match passage {
            Passage::Seen(seen) => self.add_facts(NatFacts::seen(local, seen)),
            Passage::OtherPorts => self.add_facts(NatFacts::passing(family, local)),
            Passage::Silent => self.own.silent.push(local),
            Passage::Unreached => self.own.found.unreached.push(server.ip()),
            Passage::Unclear => {}
        }
        if self.own.open_questions == 0 {
            for local in std::mem::take(&mut self.own.silent) {
                self.add_facts(NatFacts::blocked(Family::of(local), local));
            }
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
        let is_open = self.own.is_measuring || self.own.open_questions > 0;
        if is_direct || !is_open || self.peer.end.is_some() || self.is_manual() {
            return false;
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_icmp_told_the_nat_test_is_known_of_a_silent_server() {
        let server: SocketAddr = "192.0.2.1:3478".parse().expect("an address");
        let refused = [(
            server,
            ErrorReport::new(Code::Refused, "port unreachable (ICMP)"),
        )];
        let asked = |code, transport, address: &str| {
            let error = ErrorReport::new(code, "no answer");
            let told = told_of(&refused, address.parse().ok(), transport, Some(&error));
            told.map(|error| error.code)
        };
        let here = "192.0.2.1:3478";
        assert_eq!(
            asked(Code::Timeout, Transport::Udp, here),
            Some(Code::Refused)
        );
        for (code, transport, address) in [
            (Code::Timeout, Transport::Tcp, here),
            (Code::Timeout, Transport::Udp, "192.0.2.1:3479"),
            (Code::PortSilent, Transport::Udp, here),
        ] {
            assert_eq!(asked(code, transport, address), None);
        }
    }
}
