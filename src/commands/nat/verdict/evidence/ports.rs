//! Which ports are closed, and in which direction: what other datagrams and other ports of the servers were answered.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::nat::report::Closed;
use crate::commands::nat::run::other_ports::{
    Form, Heard, SILENT_PORT_HINT, refused_elsewhere, silent_beside,
};
use crate::commands::nat::verdict::evidence::{Silence, transport_name};
use crate::proto::nat::behavior::{ServerError, ServerRecord};

impl Silence<'_> {
    pub(super) fn is_stun_filtered(&self) -> Option<(Closed, Finding)> {
        let mut knocks = self.knocks.iter();
        let heard = knocks.find(|k| k.form == Form::Classic && k.heard == Heard::Answer)?;
        let finding = Finding::new(
            Code::StunFiltered,
            format!(
                "STUN is filtered over {}: {} answers over UDP in the form of RFC 3489, and no datagram with the magic cookie of today gets an answer",
                self.path, heard.server
            ),
            "ICE and TURN over UDP are made of such datagrams: use TURN over TLS (turns:), or have STUN let through by whoever runs the firewall",
        );
        Some((Closed::Stun, finding))
    }

    /// ICMP shows that UDP gets out to a host, and nothing else of UDP came back from anybody: where servers
    /// on several ports are silent, and one of them is known to run, it is not their ports.
    pub(super) fn nothing_comes_in(&self) -> Option<String> {
        let is_silent = |r: &&ServerRecord| {
            r.error == Some(ServerError::Timeout)
                && !self.refusals.iter().any(|(server, _)| *server == r.address)
        };
        let silent: Vec<SocketAddr> = self
            .servers
            .iter()
            .filter(is_silent)
            .map(|r| r.address)
            .collect();
        let ports: BTreeSet<u16> = silent.iter().map(SocketAddr::port).collect();
        let is_heard = |r: &ServerRecord| {
            !matches!(
                r.error,
                Some(ServerError::Timeout | ServerError::NotWaitedFor(_))
            )
        };
        if ports.len() < 2 || self.servers.iter().any(is_heard) {
            return None;
        }
        let out = silent
            .iter()
            .find_map(|at| Some((at.ip(), refused_elsewhere(at.ip(), self.knocks)?)));
        let (host, refused) = out?;
        let mut streams = self.fallback.iter().chain(&self.streams);
        let runs =
            streams.find(|s| s.answered && silent.iter().any(|at| at.ip() == s.address.ip()))?;
        Some(format!(
            "no UDP comes in here over {}, and outgoing UDP gets there: {host} says of UDP {} that nothing listens there (ICMP), and servers on the ports {} are silent over UDP, of which {} answers over {}",
            self.path,
            numbers(&refused),
            numbers(&ports),
            runs.address,
            transport_name(runs.transport),
        ))
    }

    /// Hosts that say of other ports that nothing listens there are reached by UDP. Whether answers
    /// would come back is another question.
    pub(super) fn are_only_ports_closed(&self) -> Option<(Closed, Finding)> {
        if self.nothing_comes_in().is_some() {
            return None;
        }
        let unanswered = self.unanswered();
        let refused_itself = |ip: IpAddr| self.refusals.iter().any(|(server, _)| server.ip() == ip);
        let mut hosts = unanswered.into_iter().filter(|ip| !refused_itself(*ip));
        let (host, refused) =
            hosts.find_map(|ip| Some((ip, refused_elsewhere(ip, self.knocks)?)))?;
        let own = self
            .servers
            .iter()
            .filter(|r| r.address.ip() == host)
            .map(|r| r.address.port());
        let own: Vec<String> = own.map(|port| port.to_string()).collect();
        // Where the server is known to be there, it is not just switched off.
        let mut streams = self.fallback.iter().chain(&self.streams);
        let answers = streams.find(|s| s.answered && s.address.ip() == host);
        let own = listed(&own);
        let Some(seen) = answers else {
            let message = format!(
                "UDP over {} reaches {host}, {}",
                self.path,
                silent_beside(&own, &refused)
            );
            let finding = Finding::new(Code::NoAnswer, message, SILENT_PORT_HINT);
            return Some((Closed::Silent, finding));
        };
        let message = format!(
            "no answer over UDP from port {own} over {}: {} answers over {}, and of UDP {} it says itself that nothing listens there (ICMP), so that UDP gets out to it; this port is blocked, or no UDP answers come in here",
            self.path,
            seen.address,
            transport_name(seen.transport),
            numbers(&refused)
        );
        let finding = Finding::new(Code::PortSilent, message, SILENT_PORT_HINT);
        Some((Closed::Answers, finding.severity(Severity::Error)))
    }
}

fn numbers(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    listed(&ports)
}
