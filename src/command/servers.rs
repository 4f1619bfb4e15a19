//! The servers that the user named.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::app;
use crate::app::nat::DEFAULT_SERVERS;
use crate::cli::Servers;
use crate::config;
use crate::report::{Finding, Severity};
use crate::stun::ice_servers::{self, IceServer};
use crate::stun::uri::ServerUri;

/// More servers tell no more, and each costs packets.
const MAX_SERVERS: usize = 24;

/// What the user named: by URI, and in a file.
pub struct Named {
    pub by_uri: Vec<ServerUri>,
    pub by_file: Vec<IceServer>,
    pub findings: Vec<Finding>,
}

/// Reads what the flags name.
pub fn named(args: &Servers, patience: Duration) -> anyhow::Result<Named> {
    let mut named = Named {
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
        "{count} servers are named, and at most {MAX_SERVERS} are asked"
    );
    Ok(named)
}

/// Reads an ice-servers file.
pub fn from_file(
    path: &Path,
    patience: Duration,
) -> anyhow::Result<(Vec<IceServer>, Vec<Finding>)> {
    let text = config::read_text(path, patience)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let entries = ice_servers::parse(&text)
        .with_context(|| format!("cannot use the ICE servers in {}", path.display()))?;
    let secret = entries.iter().any(|e| e.credential.is_some());
    let findings = if secret {
        readable_by_others(path, "credentials")
    } else {
        Vec::new()
    };
    Ok((entries, findings))
}

/// A finding if others can read a file with something secret in it.
pub fn readable_by_others(path: &Path, what: &str) -> Vec<Finding> {
    if !config::is_readable_by_others(path) {
        return Vec::new();
    }
    vec![Finding::new(
        "secret-file-readable",
        Severity::Warning,
        format!(
            "{} holds {what}, and other users can read it",
            path.display()
        ),
        format!("chmod 600 {}", path.display()),
    )]
}

/// The test of NAT behaviour beside gathering: with the same servers.
pub fn for_nat(gather: &app::gather::Options) -> app::nat::Options {
    let mut servers: Vec<ServerUri> = Vec::new();
    for server in &gather.servers {
        if !servers.contains(&server.uri) {
            servers.push(server.uri.clone());
        }
    }
    app::nat::Options {
        independent: servers == defaults(),
        servers,
        families: gather.families.clone(),
        source: gather.source.clone(),
        seed: gather.seed ^ 0x6e61_7400,
        depth: app::nat::Depth::default(),
    }
}

/// The servers that are asked if the user names none.
pub fn defaults() -> Vec<ServerUri> {
    DEFAULT_SERVERS
        .iter()
        .map(|uri| uri.parse().expect("the default servers are valid"))
        .collect()
}
