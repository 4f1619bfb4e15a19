//! What a path is called, and which of several it is about.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::commands::nat::report::PathReport;
use crate::proto::nat::behavior::words::PortAssignment;

/// Whether paths over several interfaces were tested, so that each has to be named.
pub fn are_several<'a>(paths: impl IntoIterator<Item = &'a PathReport>) -> bool {
    let mut names = paths.into_iter().map(|p| &p.interface);
    names
        .next()
        .is_some_and(|first| names.any(|name| name != first))
}

impl PathReport {
    /// The addresses under which servers see the host over UDP, without ports.
    pub fn external(&self) -> BTreeSet<IpAddr> {
        let seen = self.facts.reflexive_addresses.iter();
        seen.map(SocketAddr::ip).collect()
    }

    /// `IPv4`, or `eth0 IPv4` if there are `several` interfaces.
    pub fn name(&self, several: bool) -> String {
        match &self.interface {
            Some(interface) if several => format!("{interface} {}", self.family_name()),
            _ => self.family_name().to_owned(),
        }
    }

    /// `over IPv4`, or `over IPv4 on eth0` if there are `several` interfaces.
    pub fn over(&self, several: bool) -> String {
        match &self.interface {
            Some(interface) if several => format!("over {} on {interface}", self.family_name()),
            _ => format!("over {}", self.family_name()),
        }
    }
}

/// Of several ways out of this host, those that the system takes to single servers alone do not decide:
/// a VPN's network, this machine itself. The default route's comes first.
pub fn set_aside(paths: &mut [PathReport]) {
    if !are_several(&*paths) {
        return;
    }
    paths.sort_by_key(|path| path.default_route != Some(true));
    let usual: Vec<_> = paths
        .iter()
        .filter(|path| path.default_route == Some(true))
        .map(|path| path.family)
        .collect();
    for path in paths.iter_mut() {
        path.is_aside = path.default_route != Some(true) && usual.contains(&path.family);
    }
}

/// Two paths that are translated to one external address at the same moment take ports in turns: a
/// step of two may be twice a step of one.
pub fn forget_steps_of_neighbours(paths: &mut [PathReport]) {
    let externals: Vec<BTreeSet<IpAddr>> = paths.iter().map(PathReport::external).collect();
    for (index, path) in paths.iter_mut().enumerate() {
        let shared = (0..externals.len())
            .any(|other| other != index && !externals[index].is_disjoint(&externals[other]));
        let facts = &mut path.facts;
        let sequential = facts.port_assignment == Fact::Determined(PortAssignment::Sequential);
        let single = matches!(facts.port_step, Fact::Determined(1 | -1));
        if shared && sequential && !single {
            facts.port_step = Fact::inconclusive(
                Reason::OtherTraffic,
                "another interface was tested behind the same NAT at the same time",
            );
        }
    }
}
