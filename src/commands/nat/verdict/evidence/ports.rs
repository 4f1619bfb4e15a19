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

const OTHER_PORT_HINT: &str = "ask another operator's server on that port (-s), which tells whether the way is closed; applications get through on the port that answers";

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

    /// Whether a host that is silent on its own port says of other ports that nothing listens there: UDP gets out to it.
    pub(super) fn gets_out(&self, unanswered: &BTreeSet<IpAddr>) -> bool {
        self.reached(unanswered).is_some()
    }

    /// Such a host, and those ports.
    fn reached(&self, unanswered: &BTreeSet<IpAddr>) -> Option<(IpAddr, BTreeSet<u16>)> {
        let refused_itself = |ip: IpAddr| self.refusals.iter().any(|(server, _)| server.ip() == ip);
        let mut hosts = unanswered.iter().filter(|ip| !refused_itself(**ip));
        hosts.find_map(|ip| Some((*ip, refused_elsewhere(*ip, self.knocks)?)))
    }

    /// Hosts that say of other ports that nothing listens there are reached by UDP. Whether answers
    /// would come back is another question.
    pub(super) fn are_only_ports_closed(&self) -> Option<(Closed, Finding)> {
        if self.nothing_comes_in().is_some() {
            return None;
        }
        let unanswered = self.unanswered();
        let Some((host, refused)) = self.reached(&unanswered) else {
            return self.is_one_port_let_out(&unanswered);
        };
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
            "no answer over UDP from port {own} over {}: {} answers over {}, and of UDP {} it says itself that nothing listens there (ICMP), so that UDP gets out to it; this port is blocked, or no UDP answers come in here{}",
            self.path,
            seen.address,
            transport_name(seen.transport),
            numbers(&refused),
            self.silent_too(host)
        );
        let finding = Finding::new(Code::PortSilent, message, SILENT_PORT_HINT);
        Some((Closed::Answers, finding.severity(Severity::Error)))
    }

    /// Hosts that are silent on a port on which nobody answers, where others answer on other ports: of a host that is
    /// reached it is this port, and of several that are silent it may be the way to it.
    pub fn silent_port(&self) -> Option<Finding> {
        let answers = |r: &&ServerRecord| r.error.is_none() && r.facts.responses > 0;
        let open: BTreeSet<u16> = self
            .servers
            .iter()
            .filter(answers)
            .map(|r| r.address.port())
            .collect();
        let is_told = |at: &SocketAddr| self.refusals.iter().any(|(server, _)| server == at);
        let silent: BTreeSet<SocketAddr> = self
            .servers
            .iter()
            .filter(|r| r.error == Some(ServerError::Timeout))
            .map(|r| r.address)
            .filter(|at| !open.contains(&at.port()) && !is_told(at))
            .collect();
        let (port, others) = (silent.first()?.port(), numbers(&open));
        let hosts: BTreeSet<IpAddr> = silent
            .iter()
            .filter(|at| at.port() == port)
            .map(SocketAddr::ip)
            .collect();
        let names: Vec<String> = hosts.iter().map(IpAddr::to_string).collect();
        let names = listed(&names);
        let message = if let Some((host, refused)) = self.reached(&hosts) {
            format!(
                "no answer over UDP from port {port} of {names} over {}, where others answer on port {others}: {host} says of UDP {} that nothing listens there (ICMP), so UDP gets there, and port {port} is blocked on the way or at the server, or the server hangs",
                self.path,
                numbers(&refused)
            )
        } else if hosts.len() > 1 {
            format!(
                "no answer over UDP from port {port} of {names} over {}, where others answer on port {others}: that port may be blocked on the way, or these servers are down",
                self.path
            )
        } else {
            return None;
        };
        Some(Finding::new(Code::PortSilent, message, OTHER_PORT_HINT).severity(Severity::Warning))
    }

    /// Other ports of a host that brought nothing back, in the end of a sentence.
    fn silent_too(&self, host: IpAddr) -> String {
        let silent = self.silent_ports(&BTreeSet::from([host]));
        if silent.is_empty() {
            return String::new();
        }
        format!("; UDP {} brings nothing back either", numbers(&silent))
    }

    /// Other ports of these hosts that brought nothing back.
    fn silent_ports(&self, hosts: &BTreeSet<IpAddr>) -> BTreeSet<u16> {
        let of_hosts = self.knocks.iter().filter(|k| {
            hosts.contains(&k.server.ip()) && k.form == Form::Today && k.heard == Heard::Nothing
        });
        of_hosts.map(|k| k.port).collect()
    }

    /// A single port that several silent hosts refuse themselves, as those of QUIC may be let out alone. Of one host it
    /// would show nothing, since a firewall may refuse it in that one's name.
    fn is_one_port_let_out(&self, unanswered: &BTreeSet<IpAddr>) -> Option<(Closed, Finding)> {
        let refusing = |port: u16| -> BTreeSet<IpAddr> {
            let refused = self
                .knocks
                .iter()
                .filter(|k| k.port == port && k.heard == Heard::Refusal);
            let hosts = refused.map(|k| k.server.ip());
            hosts.filter(|ip| unanswered.contains(ip)).collect()
        };
        let mut ports = self.knocks.iter().map(|k| k.port);
        let (port, hosts) = ports
            .find_map(|port| Some((port, refusing(port))).filter(|(_, hosts)| hosts.len() > 1))?;
        let own = self.servers.iter().map(|r| r.address.port());
        let silent: BTreeSet<u16> = self.silent_ports(&hosts).into_iter().chain(own).collect();
        if silent.contains(&port) {
            return None;
        }
        let hosts: Vec<String> = hosts.iter().map(IpAddr::to_string).collect();
        let message = format!(
            "UDP over {} gets out to port {port}, of which {} say themselves that nothing listens there (ICMP), and to none of {}, it seems: those bring nothing back",
            self.path,
            listed(&hosts),
            numbers(&silent)
        );
        let hint = if port == 443 {
            "use TURN over TCP or TLS, or over UDP on port 443, if answers come in there; a firewall may also refuse that port in the servers' name, which rtcdiag gather with a server on UDP 443 tells"
        } else {
            SILENT_PORT_HINT
        };
        let finding = Finding::new(Code::PortSilent, message, hint);
        Some((Closed::Answers, finding.severity(Severity::Error)))
    }
}

fn numbers(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    listed(&ports)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::commands::nat::run::other_ports::{self, Knock};
    use crate::commands::nat::verdict::evidence::StreamSeen;
    use crate::proto::nat::behavior::ServerFacts;
    use crate::proto::stun::uri::Transport;

    /// Two servers, both silent over UDP on 3478, of which the first answers over TCP; their hosts refuse these ports.
    fn found(refused: &[u16], hosts: usize) -> (Option<(Closed, Finding)>, bool) {
        let servers = ["192.0.2.10:3478", "198.51.100.10:3478"];
        let servers: Vec<SocketAddr> = servers[..hosts]
            .iter()
            .map(|server| server.parse().expect("an address"))
            .collect();
        let asked = servers.iter().flat_map(|server| other_ports::of(*server));
        let knocks: Vec<Knock> = asked
            .map(|knock| Knock {
                heard: if refused.contains(&knock.port) {
                    Heard::Refusal
                } else {
                    Heard::Nothing
                },
                ..knock
            })
            .collect();
        let names = BTreeMap::new();
        let record = |address: &SocketAddr| ServerRecord {
            address: *address,
            facts: ServerFacts::default(),
            error: Some(ServerError::Timeout),
        };
        let silence = Silence {
            path: "IPv4",
            servers: servers.iter().map(record).collect(),
            names: &names,
            refusals: &[],
            fallback: vec![StreamSeen {
                address: servers[0],
                transport: Transport::Tcp,
                answered: true,
                host_is_up: true,
            }],
            streams: Vec::new(),
            knocks: &knocks,
            is_router_up: None,
            is_cut_short: false,
        };
        (silence.closed(), silence.blocked().is_some())
    }

    #[test]
    fn a_port_that_two_hosts_refuse_themselves_is_let_out() {
        let (closed, _) = found(&[443], 2);
        let (closed, finding) = closed.expect("it is told");
        assert_eq!(closed, Closed::Answers);
        let message = &finding.message;
        assert!(message.contains("gets out to port 443"), "{message}");
        assert!(
            message.contains("to none of 53, 80, 3478 and 50100"),
            "{message}"
        );
        // One host alone may be spoken for by a firewall.
        assert!(!matches!(found(&[443], 1).0, Some((Closed::Answers, _))));
    }

    #[test]
    fn a_high_port_that_one_host_refuses_itself_is_let_out() {
        for hosts in [1, 2] {
            let (closed, _) = found(&[50_100], hosts);
            let (closed, finding) = closed.expect("it is told");
            assert_eq!(closed, Closed::Answers);
            let message = &finding.message;
            assert!(message.contains("of UDP 50100 it says itself"), "{message}");
            assert!(
                message.contains("UDP 53, 80 and 443 brings nothing"),
                "{message}"
            );
        }
    }

    #[test]
    fn where_nothing_is_heard_it_is_blocked() {
        let (closed, is_blocked) = found(&[], 2);
        assert!(closed.is_none() && is_blocked);
    }
}
