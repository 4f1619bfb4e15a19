//! Where a server listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::base::family::Family;
use crate::net::servers::listen::{reason, tcp};
use crate::net::servers::rendezvous::certificate::CertificateFilesError;

/// The port of a rendezvous that was given none.
pub const DEFAULT_PORT: u16 = 7880;

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;
/// How often a free port is looked for that all families have.
const PORT_TRIES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// On these addresses; port 0 is any free one.
    At(Vec<SocketAddr>),
    /// On all addresses of these families, those that this machine has, all with one port; 0 is any
    /// free one.
    Everywhere {
        port: u16,
        /// IPv4, IPv6 or both.
        families: Vec<Family>,
    },
}

impl Default for Listen {
    fn default() -> Self {
        Self::Everywhere {
            port: DEFAULT_PORT,
            families: vec![Family::Ipv6, Family::Ipv4],
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {address}: {}", reason(error, *address))]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    #[error(transparent)]
    Certificate(#[from] CertificateFilesError),
    #[error("cannot start the server: {0}")]
    System(io::Error),
}

impl Listen {
    pub(super) fn bind(&self) -> Result<Vec<TcpListener>, BindError> {
        match self {
            Self::At(addresses) => addresses.iter().map(|address| listen(*address)).collect(),
            Self::Everywhere { port, families } => everywhere(*port, families),
        }
    }
}

fn everywhere(port: u16, families: &[Family]) -> Result<Vec<TcpListener>, BindError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match once_everywhere(port, families) {
            // The port that was free for the first family is taken for another.
            Err(BindError::Listen { error, .. })
                if port == 0 && error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => {}
            done => return done,
        }
    }
}

fn once_everywhere(mut port: u16, families: &[Family]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    let mut missing = None;
    for family in families {
        let ip = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        match listen(SocketAddr::new(ip, port)) {
            Ok(listener) => {
                port = listener.local_addr().map_err(BindError::System)?.port();
                listeners.push(listener);
            }
            Err(BindError::Listen { address, error }) if is_no_such_family(&error) => {
                missing = Some(BindError::Listen { address, error });
            }
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

/// A system without IPv6, or with IPv6 switched off.
fn is_no_such_family(error: &io::Error) -> bool {
    // EAFNOSUPPORT on Linux, and on the BSDs with macOS.
    matches!(error.raw_os_error(), Some(97 | 47))
        || matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
        )
}

pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    tcp(address, BACKLOG).map_err(|error| BindError::Listen {
        address,
        error: error.error,
    })
}
