//! The servers that the user named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::args::ServerArgs;
use crate::commands::nat::run::DEFAULT_SERVERS;
use crate::commands::{config, gather, nat};
use crate::proto::ice::ice_servers::{self, IceServer, IceServers, Remark};
use crate::proto::stun::uri::ServerUri;
use crate::proto::turn::credentials::Credentials;

/// More servers tell no more, and each costs packets.
const MAX_SERVERS: usize = 24;

/// What the user named: by URI, and in a file.
pub struct NamedServers {
    pub by_uri: Vec<ServerUri>,
    pub by_file: Vec<IceServer>,
    /// Whether the application of that file uses relayed candidates alone (`iceTransportPolicy`).
    pub relays_alone: bool,
    pub findings: Vec<Finding>,
}

pub fn named(args: &ServerArgs, patience: Duration) -> anyhow::Result<NamedServers> {
    let mut named = NamedServers {
        by_uri: args.server.iter().flat_map(|list| list.0.clone()).collect(),
        by_file: Vec::new(),
        relays_alone: false,
        findings: Vec::new(),
    };
    if let Some(path) = &args.ice_servers {
        let read = read_file(path, patience)?;
        let mut remarks = read.remarks.iter();
        named.relays_alone = remarks.any(|remark| matches!(remark, Remark::Policy { .. }));
        (named.by_file, named.findings) = with_findings(path, read);
    }
    let count = named.by_uri.len();
    anyhow::ensure!(
        count <= MAX_SERVERS,
        "{count} servers are named, but at most {MAX_SERVERS} can be asked"
    );
    let left_out = keep_some(&mut named.by_file, MAX_SERVERS - count);
    named.findings.extend(too_many(&left_out));
    Ok(named)
}

/// Keeps so many of the servers of a file and returns the others. STUN and TURN have their turn by
/// turn, each host once before any has a second one.
fn keep_some(entries: &mut Vec<IceServer>, room: usize) -> Vec<ServerUri> {
    let mut unique: Vec<(&ServerUri, &Option<Credentials>)> = Vec::new();
    for entry in entries.iter() {
        for uri in &entry.urls {
            let one = (uri, &entry.credentials);
            if !unique.contains(&one) {
                unique.push(one);
            }
        }
    }
    if unique.len() <= room {
        return Vec::new();
    }
    let mut hosts = BTreeSet::new();
    let mut of_kind = BTreeMap::new();
    let mut ranked: Vec<((bool, usize), usize)> = Vec::new();
    for (place, (uri, _)) in unique.iter().enumerate() {
        let is_again = !hosts.insert((uri.is_turn(), uri.host.to_string()));
        let number: &mut usize = of_kind.entry((is_again, uri.is_turn())).or_default();
        ranked.push(((is_again, *number), place));
        *number += 1;
    }
    ranked.sort_unstable();
    let mut kept: Vec<usize> = ranked.iter().take(room).map(|(_, place)| *place).collect();
    kept.sort_unstable();
    let is_kept = |place: &usize| kept.binary_search(place).is_ok();
    let left_out = (0..unique.len()).filter(|place| !is_kept(place));
    let left_out = left_out.map(|place| unique[place].0.clone()).collect();
    let kept = kept.iter().map(|place| IceServer {
        urls: vec![unique[*place].0.clone()],
        credentials: unique[*place].1.clone(),
    });
    *entries = kept.collect();
    left_out
}

fn too_many(left_out: &[ServerUri]) -> Option<Finding> {
    const NAMED: usize = 8;
    let (first, last) = (left_out.first()?, left_out.len());
    let mut names: Vec<String> = left_out
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    if last > NAMED {
        names.push(format!("{} more", last - NAMED));
    }
    Some(Finding::new(
        Code::TooManyServers,
        format!(
            "at most {MAX_SERVERS} servers are asked, and the list has more; not asked: {}",
            listed(&names)
        ),
        format!(
            "name those that matter with -s, as in -s {first}; an application with so many gathers slowly: Firefox warns of five or more"
        ),
    ))
}

/// The servers of a file, and what a person should know of it.
pub fn from_file(
    path: &Path,
    patience: Duration,
) -> anyhow::Result<(Vec<IceServer>, Vec<Finding>)> {
    Ok(with_findings(path, read_file(path, patience)?))
}

/// Credentials that stand in an entry without a TURN server, and in no other one.
pub fn unused_credentials(entries: &[IceServer]) -> Option<Finding> {
    let is_turn = |entry: &&IceServer| entry.urls.iter().any(ServerUri::is_turn);
    let turn: Vec<&IceServer> = entries.iter().filter(is_turn).collect();
    let is_used = |entry: &&IceServer| turn.iter().any(|t| t.credentials == entry.credentials);
    let mut idle = entries
        .iter()
        .filter(|entry| entry.credentials.is_some() && !is_turn(entry) && !is_used(entry));
    let idle = idle.next()?.urls.first()?;
    let without = turn.iter().find(|entry| entry.credentials.is_none());
    if without.is_none() && !turn.is_empty() {
        return None;
    }
    let (what, hint) = match without.and_then(|entry| entry.urls.first()) {
        Some(server) => (
            format!("the entry of {server} has none"),
            format!("put them into the entry of {server}"),
        ),
        None => (
            "no TURN server is named".to_owned(),
            "name the TURN server in that entry, as turn: or turns:".to_owned(),
        ),
    };
    let message = format!(
        "username and credential stand in the entry of {idle}, where nothing uses them: STUN takes none, and {what}"
    );
    Some(Finding::new(Code::CredentialsUnused, message, hint))
}

fn read_file(path: &Path, patience: Duration) -> anyhow::Result<IceServers> {
    let text = config::read_text(path, patience)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ice_servers::parse(&text)
        .with_context(|| format!("cannot use the ICE servers in {}", path.display()))
}

fn with_findings(path: &Path, read: IceServers) -> (Vec<IceServer>, Vec<Finding>) {
    let mut findings = if read.has_secret {
        readable_by_others(path, "credentials")
    } else {
        Vec::new()
    };
    let name = path.display();
    findings.extend(read.remarks.into_iter().map(|remark| match remark {
        Remark::Form(text) => Finding::new(
            Code::IceServersForm,
            format!("{name}: {text}"),
            "an application has to give RTCPeerConnection an object with iceServers, a list of entries with urls, username and credential",
        ),
        Remark::Policy { has_turn: false } => Finding::new(
            Code::IceServersForm,
            format!("{name}: iceTransportPolicy is \"relay\", so the application uses relayed candidates alone, and no TURN server can be used: it gets no candidate, and no call connects"),
            "add a TURN server, or leave iceTransportPolicy out",
        )
        .severity(Severity::Warning),
        Remark::Policy { has_turn: true } => Finding::new(
            Code::IceServersForm,
            format!("{name}: iceTransportPolicy is \"relay\", so the application uses relayed candidates alone"),
            "--policy relay gathers what it gets",
        ),
        Remark::LeftOut(text) => Finding::new(
            Code::IceServerLeftOut,
            format!("{name}: {text}"),
            "mend the entry, or take it out: a browser throws an error for the whole list where one URL or TURN entry is wrong",
        ),
    }));
    (read.entries, findings)
}

/// A finding if others can read a file with something secret in it.
pub fn readable_by_others(path: &Path, what: &str) -> Vec<Finding> {
    if !config::is_readable_by_others(path) {
        return Vec::new();
    }
    vec![Finding::new(
        Code::SecretFileReadable,
        format!(
            "{} holds {what}, and other users can read it",
            path.display()
        ),
        format!("chmod 600 {}", path.display()),
    )]
}

/// The test of NAT behaviour beside gathering: with the same servers.
pub fn for_nat(gather: &gather::run::Options) -> nat::run::Options {
    let mut servers: Vec<ServerUri> = Vec::new();
    for server in &gather.servers {
        if !servers.contains(&server.uri) {
            servers.push(server.uri.clone());
        }
    }
    nat::run::Options {
        independent: servers == defaults(),
        servers,
        families: gather.families.clone(),
        source: gather.source.clone(),
        seed: gather.seed ^ 0x6e61_7400,
        depth: nat::run::Depth::default(),
    }
}

/// The servers that are asked if the user names none.
pub fn defaults() -> Vec<ServerUri> {
    DEFAULT_SERVERS
        .iter()
        .map(|uri| uri.parse().expect("the default servers are valid"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(urls: &[&str]) -> IceServer {
        IceServer {
            urls: urls.iter().map(|uri| uri.parse().expect("valid")).collect(),
            credentials: None,
        }
    }

    fn kept(entries: &[IceServer]) -> Vec<String> {
        let urls = entries.iter().flat_map(|entry| &entry.urls);
        urls.map(ToString::to_string).collect()
    }

    #[test]
    fn of_too_many_servers_both_kinds_and_each_host_are_kept_first() {
        let mut entries = vec![
            entry(&["stun:a:1", "stun:a:2", "stun:b:1", "stun:c:1"]),
            entry(&["turn:t:1", "stun:a:1", "turn:t:2"]),
        ];
        let whole = kept(&entries);
        assert!(keep_some(&mut entries, 6).is_empty());
        assert_eq!(kept(&entries), whole);
        let left_out = keep_some(&mut entries, 3);
        assert_eq!(kept(&entries), ["stun:a:1", "stun:b:1", "turn:t:1"]);
        let left_out: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        assert_eq!(left_out, ["stun:a:2", "stun:c:1", "turn:t:2"]);
    }

    #[test]
    fn a_long_rest_is_counted() {
        let all: Vec<ServerUri> = (1..=10)
            .map(|n| format!("stun:{n}.example.org").parse().expect("valid"))
            .collect();
        let finding = too_many(&all).expect("some are left out");
        assert!(
            finding
                .message
                .ends_with("stun:8.example.org:3478 and 2 more"),
            "{finding:?}"
        );
        assert!(too_many(&[]).is_none());
    }
}
