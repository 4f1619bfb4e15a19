//! The servers that the user named.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::commands::args::ServerArgs;
use crate::commands::nat::run::DEFAULT_SERVERS;
use crate::commands::{config, gather, nat};
use crate::proto::ice::ice_servers::{self, IceServer, Remark};
use crate::proto::stun::uri::ServerUri;

/// More servers tell no more, and each costs packets.
const MAX_SERVERS: usize = 24;

/// What the user named: by URI, and in a file.
pub struct NamedServers {
    pub by_uri: Vec<ServerUri>,
    pub by_file: Vec<IceServer>,
    pub findings: Vec<Finding>,
}

pub fn named(args: &ServerArgs, patience: Duration) -> anyhow::Result<NamedServers> {
    let mut named = NamedServers {
        by_uri: args.server.iter().flat_map(|list| list.0.clone()).collect(),
        by_file: Vec::new(),
        findings: Vec::new(),
    };
    if let Some(path) = &args.ice_servers {
        (named.by_file, named.findings) = from_file(path, patience)?;
    }
    let count = named.by_uri.len() + named.by_file.iter().map(|e| e.urls.len()).sum::<usize>();
    anyhow::ensure!(
        count <= MAX_SERVERS,
        "{count} servers are named, but at most {MAX_SERVERS} can be asked"
    );
    Ok(named)
}

/// The servers of a file, and what a person should know of it.
pub fn from_file(
    path: &Path,
    patience: Duration,
) -> anyhow::Result<(Vec<IceServer>, Vec<Finding>)> {
    let text = config::read_text(path, patience)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let read = ice_servers::parse(&text)
        .with_context(|| format!("cannot use the ICE servers in {}", path.display()))?;
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
    Ok((read.entries, findings))
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
