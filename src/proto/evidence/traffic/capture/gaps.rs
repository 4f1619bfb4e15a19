//! Why what is not in a capture may have been all the same.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Capture, Paths};
use crate::base::words::counted;
use crate::proto::capture::flows::SEVERAL;
use crate::proto::capture::paths::{Path, PathKey};
use crate::proto::evidence::traffic::host;
use crate::proto::ice::candidate::CandidateType;

impl Capture<'_> {
    /// Why what is not in it may have been all the same.
    pub(super) fn gap(&self, paths: &Paths) -> Option<String> {
        let observer = self.observer;
        let mut all = observer.paths.values();
        let is_mutual = all.any(|path| path.sent.iter().all(|sent| sent.first.is_some()));
        let is_answered = observer.servers.values().any(|asked| asked.answers > 0);
        if !is_mutual && !is_answered && observer.flows.is_one_way(&self.hosts.addresses) {
            return Some(self.one_way(paths));
        }
        self.partial().map(str::to_owned)
    }

    /// What is in a capture that has one direction alone.
    fn one_way(&self, paths: &Paths) -> String {
        let checks = |this: bool| -> u32 {
            let of = |(_, path, end): &(&PathKey, &Path, usize)| {
                let end = if this { *end } else { 1 - end };
                path.sent[end].requests
            };
            paths.iter().map(of).fold(0, u32::saturating_add)
        };
        let (sent, came) = (checks(true), checks(false));
        if sent == 0 || came > 0 {
            return "the capture has packets of one direction alone: either the other one was not captured, or nothing came; capture both directions, and the dump of the browser tells too".to_owned();
        }
        let requests = self.asked.iter().map(|(_, asked)| asked.requests);
        let requests = requests.fold(0, u32::saturating_add);
        let asked = if requests > 0 {
            format!(" and {} to servers", counted(requests as usize, "request"))
        } else {
            String::new()
        };
        let checks = counted(sent as usize, "check");
        format!(
            "nothing comes in over UDP in the capture: {checks}{asked} got no answer; either UDP is blocked at this side, or the capture has one direction alone, for nothing else came in either: capture both directions, or run rtcdiag nat there"
        )
    }

    /// Why parts of it may be missing.
    fn partial(&self) -> Option<&'static str> {
        let observer = self.observer;
        if host::is_between(observer, &self.hosts, self.near == CandidateType::Host) {
            return Some(
                "the capture was taken on the way and on no host of the call, since routers had passed on all that is in it (TTL): whether packets arrived at the programs is not in it; capture on a host of the call, or take the dump of the browser",
            );
        }
        if observer.flows.is_shallow() {
            return Some(
                "the packets of the capture are cut so short that their STUN messages cannot be read: capture whole packets (tcpdump -s 0)",
            );
        }
        // Browsers go on checking the other pairs of a socket while one is in use.
        let checked = observer
            .paths
            .iter()
            .filter(|(_, path)| path.fragments.is_some());
        let bases: BTreeSet<SocketAddr> = checked.flat_map(|(key, _)| key.ends).collect();
        let is_of_call = |key: &PathKey| key.ends.iter().any(|end| bases.contains(end));
        // A relay that nobody was seen to ask for.
        let is_older = |(key, path): (&PathKey, &Path)| {
            let asked = key
                .relay
                .map(|(server, is_tcp)| (key.ends[0], server, is_tcp));
            let asked = asked.map(|asked| observer.servers.get(&asked));
            path.fragments.is_some()
                && asked.is_some_and(|asked| asked.is_none_or(|asked| asked.relayed.is_none()))
        };
        // Media flows, and the checks that came before it are not there.
        let is_in_use = |path: &Path| {
            let mut sent = path.sent.iter();
            path.fragments.is_some()
                && sent.all(|end| end.packets >= u64::from(SEVERAL) && end.answers == 0)
        };
        let is_late = observer.paths.iter().any(is_older)
            || observer.paths.values().any(is_in_use)
            || observer.flows.has_unbound()
            || observer.flows.in_use().any(is_of_call);
        is_late.then_some(
            "the capture was begun in the middle of the call, and what came before is not in it, such as the answers of servers: begin it before the call; the dump of the browser tells too",
        )
    }
}
