//! UDP that gets out to some ports alone: what servers of one host at two ports show.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::short;
use crate::proto::ice::causes::{Cause, Party, Situation, Whose, remedies};

/// A port that gets through, and a server at another one that answers the other side alone.
struct Confined {
    port: u16,
    silent: SocketAddr,
}

impl Party<'_> {
    /// Where servers answer it over UDP.
    fn heard(&self, family: Family) -> BTreeSet<SocketAddr> {
        let rows = self.over_udp().filter(|row| row.error.is_none());
        let heard = self.found.heard.iter().copied();
        let all = heard.chain(rows.filter_map(|row| row.address));
        all.filter(|at| Family::of(at.ip()) == family).collect()
    }

    /// The one port at which servers answer it, and those of the same hosts that are silent to it at others.
    fn one_port(&self, family: Family) -> Option<(u16, Vec<SocketAddr>)> {
        let heard = self.heard(family);
        let ports: BTreeSet<u16> = heard.iter().map(SocketAddr::port).collect();
        let hosts: BTreeSet<IpAddr> = heard.iter().map(SocketAddr::ip).collect();
        let mut ports = ports.into_iter();
        let (port, None) = (ports.next()?, ports.next()) else {
            return None;
        };
        let silent = self.found.unheard.iter().copied();
        let silent = silent.filter(|at| hosts.contains(&at.ip()) && at.port() != port);
        let silent: Vec<SocketAddr> = silent.collect();
        (!silent.is_empty()).then_some((port, silent))
    }
}

impl Situation<'_> {
    /// The one port over which both sides are answered, where others were asked as well.
    pub(super) fn one_port_of_both(&self, family: Family) -> Option<u16> {
        let (local, _) = self.local.one_port(family)?;
        let (remote, _) = self.remote.one_port(family)?;
        (local == remote).then_some(local)
    }

    /// Whether what a side sends to other ports than its servers' may be lost on its own way out.
    pub(super) fn may_be_confined(&self, whose: Whose, family: Family) -> bool {
        self.party(whose).one_port(family).is_some()
    }
}

impl OneFamily<'_> {
    /// A side that reaches a host at one port, and not at another one, where it answers the other side: of what it
    /// sends to peers nothing arrives either.
    pub(super) fn confined(&self) -> Option<Cause> {
        if !self.traffic.is_silent() || !self.traffic.is_checked() {
            return None;
        }
        let found = [Whose::Local, Whose::Remote].map(|whose| self.confined_on(whose));
        let side = Whose::of(found[0].is_some(), found[1].is_some())?;
        let Confined { port, silent } = found.iter().flatten().next()?;
        let other = silent.port();
        let who = match side {
            Whose::Both => "either side".to_owned(),
            side => self.situation.name(side),
        };
        let seen = [Whose::Local, Whose::Remote].into_iter().zip(&found);
        let seen = seen.filter_map(|(whose, found)| {
            let Confined { port, silent } = found.as_ref()?;
            Some(format!(
                "{silent} answers {} over UDP and is silent to {}, to which the same host answers on port {port}",
                short(whose.other()),
                short(whose)
            ))
        });
        let message = format!(
            "something before {who} lets UDP out to port {port} and not to port {other}, and none of its checks arrives"
        );
        Some(
            Cause::new(Code::Filtered, side, message)
                .briefly(format!(
                    "something before {who} lets UDP out to port {port} and not to {other}"
                ))
                .seen(seen)
                .seen([self.evidence()])
                .remedied([remedies::open_udp_over(self.local.family, side)]),
        )
    }

    fn confined_on(&self, whose: Whose) -> Option<Confined> {
        let family = self.local.family;
        let (port, silent) = self.situation.party(whose).one_port(family)?;
        let answering = self.situation.party(whose.other()).heard(family);
        let silent = silent.into_iter().find(|at| answering.contains(at))?;
        Some(Confined { port, silent })
    }

    /// Both NATs would let it through, nothing arrives, and nothing shows on whose side.
    pub(super) fn dropped_somewhere(&self) -> Cause {
        if let Some(port) = self.situation.one_port_of_both(self.local.family) {
            return Cause::new(
                Code::Unknown,
                Whose::Between,
                format!(
                    "servers answer both sides over UDP on port {port} alone, of those that were asked, and no check arrives: the network of either side, or of both, may let UDP out to few ports"
                ),
            )
            .briefly(format!(
                "no check arrives; one side's network, or both, may let UDP out to few ports, such as {port}"
            ))
            .remedied([remedies::open_udp_over(self.local.family, Whose::Between)]);
        }
        Cause::new(
            Code::Filtered,
            Whose::Between,
            "no check arrives, though by what servers see of both NATs they should get through: a firewall on this side, on the other side or on the way drops them, or a NAT treats peers unlike servers",
        )
        .briefly("no check arrives, though both NATs should let them in: a firewall somewhere drops them")
    }
}

/// Where both have public addresses of their own, as is usual, no NAT is in the way.
pub(super) fn dropped_over_ipv6() -> Cause {
    Cause::new(
        Code::Filtered,
        Whose::Between,
        "no check over IPv6 arrives, which both sides have: a firewall on this side, on the other side or on the way drops UDP over IPv6, or one of them has no route there",
    )
    .briefly("nothing arrives over IPv6, which both have")
    .remedied([remedies::open_udp_over(Family::Ipv6, Whose::Between)])
}
