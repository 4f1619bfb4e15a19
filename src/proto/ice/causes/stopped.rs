//! Checks that never left this host.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, Whose, remedies};
use crate::proto::ice::prediction::view::Udp;

impl OneFamily<'_> {
    /// Checks that never left this host.
    pub(super) fn stopped_here(&self) -> Option<Cause> {
        if self.traffic.is_answered() {
            return None;
        }
        let says = |whose: Whose, code: Code| {
            !self.is_heard(whose) && self.situation.party(whose).troubles.contains(&code)
        };
        let of = |code: Code| Whose::of(says(Whose::Local, code), says(Whose::Remote, code));
        if let Some(side) = of(Code::NotPermitted) {
            let refuses = "the system refuses to send (operation not permitted)".to_owned();
            let is_blocked = |whose: Whose| self.view(whose).udp == Some(Udp::Blocked);
            let is_all = [Whose::Local, Whose::Remote]
                .into_iter()
                .all(|whose| is_blocked(whose) || (side != Whose::Both && side != whose));
            if is_all {
                let message = match side {
                    Whose::Both => {
                        "UDP is blocked on both sides by firewalls on their own machines".to_owned()
                    }
                    side => format!(
                        "UDP is blocked on {} by a firewall on its own machine",
                        self.situation.name(side)
                    ),
                };
                return Some(
                    Cause::new(Code::UdpBlocked, side, message)
                        .seen([refuses])
                        .remedied(remedies::blocked(self, side)),
                );
            }
            let message = match side {
                Whose::Both => "firewalls on both sides' own machines let no check out".to_owned(),
                side => format!(
                    "a firewall on {} own machine lets no check out",
                    possessive(side)
                ),
            };
            return Some(
                Cause::new(Code::Filtered, side, message)
                    .seen([refuses])
                    .remedied([remedies::open_udp(side)]),
            );
        }
        if let Some(side) = of(Code::Unreachable) {
            let message = match side {
                Whose::Both => "neither side has a route to the other".to_owned(),
                side => format!(
                    "{} has no route to the addresses of {}",
                    short(side),
                    short(side.other())
                ),
            };
            return Some(
                Cause::new(Code::Unreachable, side, message)
                    .seen(["the system has no route there".to_owned()]),
            );
        }
        let mut pairs = self.pairs.iter();
        let are_broadcast = !self.pairs.is_empty()
            && pairs.all(|pair| pair.failure == Some(Code::BroadcastAddress));
        are_broadcast.then(|| self.broadcast_only())
    }

    /// No host has any of the other side's addresses.
    fn broadcast_only(&self) -> Cause {
        let all = self.pairs.iter().map(|pair| pair.remote.1.ip());
        let all: BTreeSet<IpAddr> = all.collect();
        let all: Vec<String> = all.iter().map(IpAddr::to_string).collect();
        let (is, address) = match all.len() {
            1 => ("is", "a broadcast address"),
            _ => ("are", "broadcast addresses"),
        };
        let message = format!(
            "the other side tells no address that can be sent to: {} {is} {address}",
            listed(&all)
        );
        Cause::new(Code::NoCandidates, Whose::Remote, message)
            .seen(["the networks of this side's interfaces".to_owned()])
            .remedied([remedies::stun(
                Whose::Remote,
                "an address of the other side that other hosts can send to",
            )])
    }
}
