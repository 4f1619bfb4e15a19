//! A side that tells no address at which it can be reached from outside.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::servers::host;
use crate::proto::ice::causes::words::short;
use crate::proto::ice::causes::{Cause, ServerFacts, Whose, remedies};
use crate::proto::stun::uri::Transport;

impl OneFamily<'_> {
    /// A side of which nothing but its private addresses is known.
    pub(super) fn private_only(&self, side: Whose) -> Cause {
        let addresses = self.view(side).own_addresses();
        Cause::new(
            Code::NoCandidates,
            side,
            format!(
                "{} tells no address that can be reached from outside: only {}, where nobody beyond its own network reaches it",
                short(side),
                listed(&addresses)
            ),
        )
        .seen([self.evidence()])
        .remedied([remedies::stun(
            side,
            &format!(
                "a STUN server for {}, or for a media server behind NAT or in a container its public address in its configuration,",
                short(side)
            ),
        )])
    }

    /// A side behind a NAT has told no address that can be reached from outside.
    pub(super) fn without_public(&self) -> Option<Cause> {
        let side = Whose::of(!self.local.is_told(), !self.remote.is_told())?;
        if !self.traffic.is_silent() || !self.traffic.is_checked() {
            return None;
        }
        // TURN over TCP tells no address that UDP leaves from.
        let asked = |whose: Whose| {
            let party = self.situation.party(whose);
            party.servers.map(|_| party.over_udp().next().is_some())
        };
        // Of recorded calls the servers of neither side are known: it may be that they were silent.
        let is_foreign = side == Whose::Remote && self.situation.local.servers.is_some();
        let is_near = self.local.shares_subnet_with(&self.remote);
        if is_foreign && !is_near && asked(side).is_none() {
            return Some(self.private_only(side));
        }
        let asked = match side {
            Whose::Both => asked(Whose::Local)? || asked(Whose::Remote)?,
            side => asked(side)?,
        };
        let tell = if side == Whose::Both { "tell" } else { "tells" };
        let answers = self.server_of_other(side);
        // What its NAT tests heard comes from servers of their own.
        let is_doubtful =
            side != Whose::Both && answers.is_none() && !self.view(side).public.is_empty();
        let (why, remedy) = self.why_untold(side, asked, answers, is_doubtful);
        let is_blocked = side.all(|whose| self.is_answered_by_stream_alone(whose));
        let they = if side == Whose::Both { "they" } else { "it" };
        let meaning = match self.mute_host(side) {
            Some(_) if asked => ": that address is kept from it, or UDP is blocked there",
            _ => "",
        };
        Some(
            Cause::new(
                Code::NoCandidates,
                side,
                format!(
                    "{} {tell} no address that can be reached from outside: {they} {why}{meaning}",
                    short(side),
                ),
            )
            .briefly(format!(
                "{} {tell} no public address: {they} {why}",
                short(side)
            ))
            .seen([self.evidence()])
            .remedied(if is_blocked {
                Some(remedies::open_udp(side))
            } else {
                remedies::public_address(self, side, &remedy).map(|remedy| {
                    let is_sure = remedy.is_sure && !is_doubtful;
                    remedy.surely(is_sure)
                })
            }),
        )
    }

    /// Whether a server answers a side over TCP or TLS, and none does over UDP.
    fn is_answered_by_stream_alone(&self, whose: Whose) -> bool {
        let party = self.situation.party(whose);
        let rows = party.servers.into_iter().flatten();
        let mut streams = rows.filter(|row| row.transport != Transport::Udp);
        party.hears_nothing() && streams.any(|row| row.error.is_none())
    }

    /// Whether a server answers a side over UDP, and nothing but an address of its own network is known of it all the same.
    fn is_seen_inside(&self, whose: Whose) -> bool {
        let mut rows = self.situation.party(whose).over_udp();
        self.view(whose).public.is_empty() && rows.any(|row| row.error.is_none())
    }

    /// Why a side tells no address, as part of a sentence, and what would help. `answers` is [`OneFamily::server_of_other`].
    fn why_untold(
        &self,
        side: Whose,
        asked: bool,
        answers: Option<(&str, bool)>,
        is_doubtful: bool,
    ) -> (String, String) {
        let has = if side == Whose::Both { "have" } else { "has" };
        if !asked {
            (
                format!("{has} no STUN server over UDP"),
                format!("a STUN server for {} (-s stun:HOST)", short(side)),
            )
        } else if self.knows_no_server(side) {
            let is_misled = side.all(|whose| {
                let party = self.situation.party(whose);
                party.all_over_udp(|row| row.error == Some(Code::NameMisdirected))
            });
            let why = if is_misled {
                format!(
                    "{has} a DNS that leads {} to no server, as filters do",
                    self.unresolved(side)
                )
            } else {
                format!("could not resolve {}", self.unresolved(side))
            };
            let remedy = format!(
                "a name that resolves on {} (its spelling, the DNS there), or a STUN server by address (-s stun:ADDRESS),",
                short(side)
            );
            (why, remedy)
        } else if let Some((uri, true)) = answers {
            (
                format!("got no answer from the servers that it asked, and is answered by {uri}"),
                format!("-s {uri} on {}", short(side)),
            )
        } else if let Some(host) = self.mute_host(side) {
            (
                format!(
                    "hears nothing from {host}, over UDP or TCP, which answers {}",
                    short(side.other())
                ),
                format!(
                    "a STUN server at another address for {} (-s stun:HOST)",
                    short(side)
                ),
            )
        } else if let Some((uri, false)) = answers {
            (
                format!(
                    "got no answer over UDP from {uri}, which answers {}",
                    short(side.other())
                ),
                format!(
                    "a STUN server on another port for {} (-s stun:HOST:PORT)",
                    short(side)
                ),
            )
        } else if side.all(|whose| self.is_seen_inside(whose)) {
            let it = if side == Whose::Both { "them" } else { "it" };
            (
                format!(
                    "{has} no STUN server that sees {it} from outside: what answers is in the same network"
                ),
                format!(
                    "a STUN server on the internet for {} (-s stun:HOST)",
                    short(side)
                ),
            )
        } else if is_doubtful {
            // Loss, or a filter that looks at ports.
            (
                "got no answer while gathering, though its NAT tests were answered".to_owned(),
                format!(
                    "another try, or another STUN server for {} (-s stun:HOST),",
                    short(side)
                ),
            )
        } else if side.all(|whose| self.situation.party(whose).hears_nothing()) {
            let whose = if side == Whose::Both { "they" } else { "it" };
            (
                format!(
                    "got no answer over UDP from the servers that {whose} asked (UDP may be blocked there)"
                ),
                format!("another STUN server for {} (-s stun:HOST)", short(side)),
            )
        } else {
            (
                "got no answer from a STUN server in time".to_owned(),
                format!("a STUN server for {} (-s stun:HOST)", short(side)),
            )
        }
    }

    /// A server's host that answers the other side, and of which this one hears nothing, be it over TCP.
    fn mute_host(&self, side: Whose) -> Option<IpAddr> {
        self.server_of_other(side)?;
        let theirs = self.situation.party(side.other()).over_udp();
        let answering = theirs.filter(|row| row.error.is_none());
        let answering: BTreeSet<IpAddr> = answering
            .filter_map(|row| row.address.map(|at| at.ip()))
            .collect();
        let mut unreached = self.situation.party(side).found.unreached.iter();
        unreached.find(|ip| answering.contains(ip)).copied()
    }

    /// The names of a side's servers, or that they are those.
    fn unresolved(&self, side: Whose) -> String {
        let of = |whose: Whose| {
            let rows = self.situation.party(whose).servers.into_iter().flatten();
            let names = rows
                .map(host)
                .filter(|name| name.parse::<IpAddr>().is_err());
            names.collect::<BTreeSet<String>>()
        };
        let names = match side {
            Whose::Local | Whose::Remote => of(side),
            _ => &of(Whose::Local) | &of(Whose::Remote),
        };
        match (names.len(), side) {
            (1 | 2, _) => listed(&names.into_iter().collect::<Vec<_>>()),
            (_, Whose::Both) => "the names of their servers".to_owned(),
            _ => "the names of its servers".to_owned(),
        }
    }

    /// Whether a side asked no server at all over UDP, since none of the names resolved.
    fn knows_no_server(&self, side: Whose) -> bool {
        let is_over = |row: &ServerFacts| row.error.is_some_and(|code| code != Code::CutShort);
        let is_unknown = |row: &ServerFacts| row.address.is_none() && is_over(row);
        side.all(|whose| self.situation.party(whose).all_over_udp(is_unknown))
    }
}
