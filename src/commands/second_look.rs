//! A second look at a server that fails, with the proxy that a browser would take to it.

use std::net::IpAddr;
use std::time::Duration;

use crate::commands::web_proxy::WebProxy;
use crate::net::host::Source;
use crate::net::link::Target;
use crate::net::look::{Look, Proxy};
use crate::proto::stun::uri::{ServerUri, Transport};

pub fn of(target: Target, source: &Source, local: IpAddr, is_turn: bool) -> Look {
    let proxy = WebProxy::from_environment()
        .filter(|_| target.transport != Transport::Udp)
        .filter(|proxy| proxy.is_for(&target.host, target.address.port()));
    Look {
        proxy: proxy.as_ref().and_then(endpoint),
        target,
        source: source.clone(),
        local,
        is_turn,
        way: Duration::ZERO,
    }
}

/// Where it listens, if it is one that is asked by HTTP and without TLS.
fn endpoint(proxy: &WebProxy) -> Option<Proxy> {
    /// That of `http:` addresses.
    const DEFAULT_PORT: u16 = 80;
    let address = match proxy.address.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return None,
        None => &proxy.address,
    };
    let uri: ServerUri = address.parse().ok()?;
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(Proxy {
        name: format!("{} ({})", proxy.variable, proxy.address),
        port: if has_port { uri.port } else { DEFAULT_PORT },
        host: uri.host,
    })
}
