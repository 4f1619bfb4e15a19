//! Which answers are believed: a server may lie, and a mapping may change.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::address::Rewritten;
use crate::proto::nat::behavior::classify;
use crate::proto::nat::behavior::evidence::MappingSeen;
use crate::proto::nat::behavior::facts::reflexive_in;
use crate::proto::nat::behavior::probe::{Probe, Test};
use crate::proto::nat::behavior::words::Mapping;
use crate::proto::nat::behavior::{Discovery, MAPPING_SOCKET};
use crate::proto::nat::{Time, address};

impl Discovery {
    /// The listed server that stands for all addresses of the same machine.
    pub(super) fn operator(&self, server: usize) -> usize {
        let ip = self.servers[server].address.ip();
        (0..server)
            .find(|s| {
                self.servers[*s].address.ip() == ip
                    || self.usable_other_address(*s).is_some_and(|o| o.ip() == ip)
            })
            .unwrap_or(server)
    }

    /// All success answers of a listed server's primary address, by socket, in the order of
    /// sending.
    fn reports(&self, server: usize) -> BTreeMap<usize, Vec<Report>> {
        let address = self.servers[server].address;
        let mut reports: BTreeMap<usize, Vec<Report>> = BTreeMap::new();
        // With RESPONSE-PORT a server might report that port in place of the request's.
        let plain = |p: &&Probe| p.destination == address && p.response_port.is_none();
        for probe in self.probes.iter().filter(plain) {
            for answer in &probe.answers {
                if let Some(reflexive) = reflexive_in(answer) {
                    reports.entry(probe.socket).or_default().push(Report {
                        sent: answer.sent,
                        answered: answer.sent + answer.rtt,
                        reflexive,
                    });
                }
            }
        }
        for of_socket in reports.values_mut() {
            of_socket.sort_by_key(|r| r.sent);
        }
        reports
    }

    /// Why what a listed server reports cannot be true, if it cannot.
    pub(super) fn untruth(&self, server: usize) -> Option<String> {
        let address = self.servers[server].address;
        let reports = self.reports(server);
        let mut sockets: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        let changes = changes(&reports);
        for (&socket, report) in reports
            .iter()
            .flat_map(|(s, r)| r.iter().map(move |r| (s, r)))
        {
            let reflexive = report.reflexive;
            let own = self.behind(address);
            if let Some(flaw) = address::reflexive_flaw(own, reflexive) {
                return Some(format!("it reports {reflexive}: {flaw}"));
            }
            // A NAT that has lost its state may give a port away a second time.
            let taken = *sockets.entry(reflexive).or_insert(socket) != socket;
            if taken && changes.is_empty() {
                return Some(format!("it reports {reflexive} for two different sockets"));
            }
        }
        changes
            .iter()
            .any(|change| self.stayed_elsewhere(server, *change))
            .then(|| {
                "it reports another address each time, though the mapping stays the same elsewhere"
                    .to_owned()
            })
    }

    /// Whether another server saw one mapping before, during and after a change.
    fn stayed_elsewhere(&self, server: usize, (before, after): (Report, Report)) -> bool {
        (0..self.servers.len())
            .filter(|s| self.operator(*s) != self.operator(server))
            .any(|s| {
                let reports = self.reports(s);
                let spans = |r: &Vec<Report>| {
                    r.iter().any(|r| r.answered <= before.sent)
                        && r.iter().any(|r| r.sent >= after.answered)
                };
                changes(&reports).is_empty() && reports.values().any(spans)
            })
    }

    /// Whether some server that is not proved wrong saw a mapping change.
    pub(super) fn mapping_changed(&self) -> bool {
        (0..self.servers.len())
            .any(|s| !changes(&self.reports(s)).is_empty() && !self.is_left_out(s))
    }

    /// Whether what a listed server reports counts for nothing on this path.
    pub(super) fn is_left_out(&self, server: usize) -> bool {
        self.untruth(server).is_some()
            || self.rewritten(server).is_some()
            || self.of_other_family(server).is_some()
    }

    /// What a listed server sees in place of this host, if it does.
    pub(super) fn rewritten(&self, server: usize) -> Option<(SocketAddr, Rewritten)> {
        let seen = |s: usize| self.first_success(s)?.reflexive();
        let reflexive = seen(server)?;
        let local = self.sockets[MAPPING_SOCKET].ip();
        let own = self.behind(self.servers[server].address).ip();
        let how = address::rewritten(local, own, reflexive.ip())
            .or_else(|| self.answered_inside(local, own, reflexive.ip()))?;
        // Where others see it too, it is this network's: server and host are behind one NAT.
        let others = (0..self.servers.len()).filter(|s| self.operator(*s) != self.operator(server));
        let shared =
            how == Rewritten::Itself && others.filter_map(seen).any(|of| of.ip() == reflexive.ip());
        (!shared).then_some((reflexive, how))
    }

    /// Whether something answers in a public server's name that is on this side of the NAT: it sees the
    /// private address of this host, where another answer has a public one.
    fn answered_inside(&self, local: IpAddr, server: IpAddr, seen: IpAddr) -> Option<Rewritten> {
        let is_inside = seen == local && !address::is_global(local);
        let mut all = self.probes.iter().filter_map(Probe::reflexive);
        let is_beside = is_inside && all.any(|other| address::is_global(other.ip()));
        is_beside.then_some(if address::is_global(server) {
            Rewritten::Local
        } else {
            Rewritten::Near
        })
    }

    /// Why nothing is known of this host's own address, if all that answered see another one.
    pub(super) fn unseen(&self) -> Option<Fact<Infallible>> {
        let answered = || (0..self.servers.len()).filter(|s| self.first_success(*s).is_some());
        let (seen, how) = answered().find_map(|s| self.rewritten(s))?;
        answered().all(|s| self.is_left_out(s)).then(|| {
            let local = self.sockets[MAPPING_SOCKET].ip();
            let cause = how.cause(local);
            let effect = if how.is_certain(local) {
                "it does not see this host"
            } else {
                "nothing is known of how the internet sees this host"
            };
            let (ip, how) = (seen.ip(), how.text());
            Fact::inconclusive(
                Reason::SourceRewritten,
                format!("the server sees {ip}, {how}: {cause}, so {effect}"),
            )
        })
    }

    /// What a listed server sees, if that is of another family than what others see and what is to
    /// be expected: some servers are reached through a translator and some are not, so they are not
    /// behind the same NAT.
    pub(super) fn of_other_family(&self, server: usize) -> Option<SocketAddr> {
        let seen = |s: usize| self.first_success(s)?.reflexive();
        let is_told = self.nat64.is_some() && self.likely_prefix.is_none();
        let expected = is_told || self.sockets[MAPPING_SOCKET].is_ipv4();
        let odd = seen(server).filter(|seen| seen.is_ipv4() != expected)?;
        let usual = (0..self.servers.len()).any(|s| {
            seen(s).is_some_and(|seen| seen.is_ipv4() == expected) && self.untruth(s).is_none()
        });
        usual.then_some(odd)
    }

    /// The mapping socket's answers from servers that are not proved wrong.
    pub(super) fn believed_answers(&self) -> Vec<MappingSeen> {
        let left_out: Vec<bool> = (0..self.servers.len())
            .map(|s| self.is_left_out(s))
            .collect();
        let mut seen: Vec<MappingSeen> = Vec::new();
        for probe in &self.probes {
            let counts = matches!(
                probe.test,
                Test::Mapping1
                    | Test::Mapping2
                    | Test::Mapping3
                    | Test::Mapping4
                    | Test::SecondPort
            );
            let (true, Some(reflexive)) = (counts, probe.reflexive()) else {
                continue;
            };
            let Some(server) = self.listed_for(probe.destination) else {
                continue;
            };
            let known = seen.iter().any(|s| s.destination == probe.destination);
            if !left_out[server] && !known {
                seen.push(MappingSeen {
                    server: self.operator(server),
                    destination: probe.destination,
                    reflexive,
                });
            }
        }
        seen
    }

    /// The listed server that an address belongs to, be it its primary or another one.
    pub(super) fn listed_for(&self, address: SocketAddr) -> Option<usize> {
        let by = |f: &dyn Fn(usize) -> bool| (0..self.servers.len()).find(|s| f(*s));
        by(&|s| self.servers[s].address == address)
            .or_else(|| by(&|s| self.servers[s].address.ip() == address.ip()))
            .or_else(|| {
                by(&|s| {
                    self.usable_other_address(s)
                        .is_some_and(|o| o.ip() == address.ip())
                })
            })
    }

    /// Mapping behaviour, and a server that was left out because all the others agree against it.
    pub(super) fn mapping(&self) -> (Fact<Mapping>, Option<usize>) {
        let (fact, outvoted) = self.mapping_of_one();
        // Where one server sees several addresses of this host, that is no server's fault.
        let fact = if self.varies_within_one() {
            pooled(fact)
        } else {
            fact
        };
        // Somebody who reports the very local address cannot have guessed it.
        let local = self.sockets[MAPPING_SOCKET];
        let answers = self.believed_answers();
        let local_seen = answers.iter().any(|seen| seen.reflexive == local);
        let other_seen = answers.iter().any(|seen| seen.reflexive != local);
        let depends = matches!(
            fact,
            Fact::Inconclusive {
                reason: Reason::EndpointDependent | Reason::AddressPooling | Reason::TooFewServers,
                ..
            }
        );
        if local_seen && other_seen && outvoted.is_none() && (fact.is_determined() || depends) {
            let odd = answers.iter().find(|seen| seen.reflexive != local);
            let detail = odd.map_or_else(String::new, |odd| {
                format!(
                    "one server sees the local address and port itself, and {} sees {}: that one is wrong, or something on the way to it changes addresses or ports",
                    odd.destination, odd.reflexive
                )
            });
            return (Fact::inconclusive(Reason::Contradiction, detail), None);
        }
        // A NAT that spreads flows over several addresses may by chance keep to one for a socket.
        let chance = fact == Fact::Determined(Mapping::EndpointIndependent)
            && self.has_several_addresses()
            && !self.mapping_confirmed();
        if chance {
            let fact = Fact::inconclusive(
                Reason::AddressPooling,
                "the NAT has several external addresses, and not every socket kept its own towards all servers",
            );
            return (fact, outvoted);
        }
        (fact, outvoted)
    }

    /// What is said of everything that a changing mapping leaves open.
    fn unsteady<T>() -> Fact<T> {
        Fact::inconclusive(
            Reason::MappingChanged,
            "a server saw the same socket under different addresses during the test",
        )
    }

    /// The same from the mapping socket's answers alone.
    pub(super) fn mapping_of_one(&self) -> (Fact<Mapping>, Option<usize>) {
        if self.mapping_changed() {
            return (Self::unsteady(), None);
        }
        let answers = self.believed_answers();
        let (fact, outvoted) = classify::mapping(&answers);
        let local = self.sockets[MAPPING_SOCKET];
        let is_open = !fact.is_determined() && outvoted.is_none();
        if is_open && classify::settled_by_one(&answers, local).is_some() {
            return (Fact::Determined(Mapping::EndpointIndependent), None);
        }
        (fact, outvoted)
    }

    /// What two servers differ in, where the tests of one of them have told the mapping all the same.
    pub fn disputed(&self) -> Option<String> {
        let (fact, outvoted) = self.mapping();
        let local = self.sockets[MAPPING_SOCKET];
        let (whole, other) = classify::settled_by_one(&self.believed_answers(), local)?;
        (fact.is_determined() && outvoted.is_none()).then(|| {
            format!(
                "{} sees {}, and {} sees {}, the same address with another port: something on the way to one of them changes ports, or that one is wrong; the mapping is told by the tests of {} alone, at both of its addresses",
                whole.destination,
                whole.reflexive,
                other.destination,
                other.reflexive,
                whole.destination
            )
        })
    }

    /// Whether one server sees several external addresses.
    fn varies_within_one(&self) -> bool {
        let seen = self.external_addresses();
        let differ = |a: &(usize, IpAddr), b: &(usize, IpAddr)| a.0 == b.0 && a.1 != b.1;
        seen.iter().any(|a| seen.iter().any(|b| differ(a, b)))
    }

    /// Whether another operator saw the mapping socket keep its port and this one did not, and no
    /// mapping behaviour explains it: then one of the two may be wrong about ports.
    pub(super) fn is_contradicted(&self, operator: usize) -> bool {
        let port = self.sockets[MAPPING_SOCKET].port();
        let answers = self.believed_answers();
        let (own, others): (Vec<MappingSeen>, Vec<MappingSeen>) = answers
            .into_iter()
            .partition(|seen| seen.server == operator);
        !self.mapping().0.is_determined()
            && own.iter().any(|seen| seen.reflexive.port() != port)
            && others.iter().any(|seen| seen.reflexive.port() == port)
    }

    pub(super) fn nat_fact(&self) -> Fact<bool> {
        if self.mapping_changed() {
            return Self::unsteady();
        }
        let outvoted = self.mapping().1;
        let answers = self.believed_answers();
        let reflexive: Vec<SocketAddr> = answers
            .iter()
            .filter(|s| Some(s.server) != outvoted)
            .map(|s| s.reflexive)
            .collect();
        let local = self.sockets[MAPPING_SOCKET];
        // A gateway that rewrites addresses would do so to every plain MAPPED-ADDRESS.
        let plain_only = answers.iter().all(|seen| !self.is_xor(seen.destination));
        if plain_only && reflexive.contains(&local) {
            return Fact::inconclusive(
                Reason::PlainAddressOnly,
                "the servers send no XOR-MAPPED-ADDRESS, and a gateway on the way may have put the local address into MAPPED-ADDRESS",
            );
        }
        let is_near = |seen: &MappingSeen| {
            let server = self.behind(seen.destination).ip();
            seen.reflexive == local
                && !address::is_global(server)
                && !address::is_global(local.ip())
                && !local.ip().is_loopback()
        };
        if !answers.is_empty() && answers.iter().all(is_near) {
            return Fact::inconclusive(
                Reason::TooFewServers,
                "only servers within this network were asked, and they see this host's private address: the way to the internet was not tested",
            );
        }
        // No private address is routed on the internet.
        let is_odd = |seen: &MappingSeen| {
            seen.reflexive.ip() == local.ip()
                && address::is_global(self.behind(seen.destination).ip())
        };
        let is_private = !address::is_global(local.ip()) && !local.ip().is_loopback();
        if is_private && !answers.is_empty() && answers.iter().all(is_odd) {
            return Fact::inconclusive(
                Reason::SourceRewritten,
                "public servers see this host's private address: something on the way writes it into their answers, or answers in their name, or they are within this network",
            );
        }
        classify::nat(local, &reflexive)
    }

    /// Whether an address answered with XOR-MAPPED-ADDRESS.
    pub(super) fn is_xor(&self, destination: SocketAddr) -> bool {
        self.probes
            .iter()
            .filter(|p| p.destination == destination)
            .filter_map(|p| p.success()?.0.response.outcome.as_ref().ok())
            .any(|success| success.xor_mapped.is_some())
    }
}

/// What two servers that differ mean where the NAT is known to have several addresses.
fn pooled(fact: Fact<Mapping>) -> Fact<Mapping> {
    match fact {
        Fact::Inconclusive {
            reason: Reason::TooFewServers,
            ..
        } => Fact::inconclusive(
            Reason::AddressPooling,
            "destinations see different external addresses, so their ports cannot be compared",
        ),
        other => other,
    }
}

/// A reflexive address that a server reported.
#[derive(Debug, Clone, Copy)]
struct Report {
    sent: Time,
    answered: Time,
    reflexive: SocketAddr,
}

/// Neighbouring reports for the same socket that differ.
fn changes(reports: &BTreeMap<usize, Vec<Report>>) -> Vec<(Report, Report)> {
    reports
        .values()
        .flat_map(|of_socket| of_socket.windows(2))
        .filter(|pair| pair[0].reflexive != pair[1].reflexive)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}
