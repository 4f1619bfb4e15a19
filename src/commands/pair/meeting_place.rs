//! Where the two sides meet: at a server that somebody runs, or at one in this program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::servers::rendezvous::{Listen, Options, Server, Totals};
use crate::proto::signal::url::RendezvousUrl;
use crate::proto::stun::uri::Host;

pub enum Place {
    Server(RendezvousUrl),
    /// Here, on this address, or on a free port of all.
    Here(Option<SocketAddr>),
}

pub struct OpenPlace {
    /// How this side reaches it.
    pub own: RendezvousUrl,
    /// How the other side does.
    pub shown: RendezvousUrl,
    pub server: Option<RunningRendezvous>,
}

pub struct RunningRendezvous {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Totals>,
}

impl RunningRendezvous {
    pub async fn end(self) {
        let _ = self.stop.send(());
        // How much it was used is nobody's question here.
        let _ = self.task.await;
    }
}

impl Place {
    pub fn open(
        self,
        source: &Source,
        families: &[Family],
        clock: Clock,
    ) -> Result<OpenPlace, ErrorReport> {
        let at = match self {
            Self::Server(url) => {
                return Ok(OpenPlace {
                    own: url.clone(),
                    shown: url,
                    server: None,
                });
            }
            Self::Here(at) => at,
        };
        let options = Options {
            listen: match at {
                Some(address) => Listen::At(vec![address]),
                None => Listen::Everywhere {
                    port: 0,
                    families: families.to_vec(),
                },
            },
            ..Options::default()
        };
        let server = Server::bind(&options, clock)
            .map_err(|error| ErrorReport::new(Code::Listen, error.to_string()))?;
        let bound = server.addresses().to_vec();
        let first = bound.first().copied();
        let first = first.ok_or_else(|| ErrorReport::new(Code::Listen, "it listens nowhere"))?;
        let own = if first.ip().is_unspecified() {
            SocketAddr::new(loopback(first.ip()), first.port())
        } else {
            first
        };
        let shown = shown(&bound, source).unwrap_or(own);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            // Both mean the end.
            let _ = stopped.await;
        }));
        Ok(OpenPlace {
            own: url_of(own),
            shown: url_of(shown),
            server: Some(RunningRendezvous { stop, task }),
        })
    }
}

const fn loopback(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

/// The address to tell the other host: that of the default route, IPv4 first, since every host on a
/// local network has it.
fn shown(bound: &[SocketAddr], source: &Source) -> Option<SocketAddr> {
    const ANYWHERE: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ];
    if let Some(exact) = bound.iter().find(|address| !address.ip().is_unspecified()) {
        return Some(*exact);
    }
    let routed = ANYWHERE.into_iter().find_map(|to| {
        let at = bound
            .iter()
            .find(|a| Family::of(a.ip()) == Family::of(to))?;
        let local = source.local_address_to(SocketAddr::new(to, 9)).ok()?;
        Some(SocketAddr::new(local, at.port()))
    });
    routed.or_else(|| {
        // Without a route out, an address of this host's networks.
        let interfaces = if_addrs::get_if_addrs().ok()?;
        interfaces.iter().find_map(|interface| {
            let ip = interface.ip();
            let is_usable = !ip.is_loopback() && !interface.is_link_local();
            let at = bound
                .iter()
                .find(|a| Family::of(a.ip()) == Family::of(ip))?;
            is_usable.then(|| SocketAddr::new(ip, at.port()))
        })
    })
}

fn url_of(address: SocketAddr) -> RendezvousUrl {
    RendezvousUrl {
        tls: false,
        host: Host::Ip(address.ip()),
        port: address.port(),
        prefix: String::new(),
    }
}
