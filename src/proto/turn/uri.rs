//! The argument of `rtcdiag turn`: a TURN URI (RFC 7065), and which transports it leaves open.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::proto::stun::uri::{
    DEFAULT_PORT, DEFAULT_TLS_PORT, Scheme, ServerUri, Transport, UriError,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnUri {
    /// The URI; a bare host counts as `turn:`.
    pub server: ServerUri,
    /// Whether the transport is left open.
    pub is_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub transport: Transport,
    pub port: u16,
    /// Whether the URI names it, so that it has to work.
    pub is_named: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TurnUriError {
    #[error(transparent)]
    Uri(#[from] UriError),
    #[error("'{0}' is a STUN server: use turn: or turns:, or rtcdiag gather -s {0}")]
    Stun(ServerUri),
}

impl FromStr for TurnUri {
    type Err = TurnUriError;

    fn from_str(text: &str) -> Result<Self, TurnUriError> {
        let text = text.trim();
        let mut server: ServerUri = text.parse()?;
        let scheme = text.split(':').next().unwrap_or_default();
        let named_stun = ["stun", "stuns"]
            .iter()
            .any(|s| scheme.eq_ignore_ascii_case(s) && text.contains(':'));
        if named_stun {
            return Err(TurnUriError::Stun(server));
        }
        let is_open = server.scheme != Scheme::Turns && !text.contains('?');
        if server.scheme == Scheme::Stun {
            server.scheme = Scheme::Turn;
        }
        Ok(Self { server, is_open })
    }
}

impl TurnUri {
    /// The transports to try. Where the URI leaves them open, one that works is enough.
    pub fn ways(&self) -> Vec<Way> {
        let port = self.server.port;
        if !self.is_open {
            return vec![Way {
                transport: self.server.transport,
                port,
                is_named: true,
            }];
        }
        let tls_port = if port == DEFAULT_PORT {
            DEFAULT_TLS_PORT
        } else {
            port
        };
        [
            (Transport::Udp, port),
            (Transport::Tcp, port),
            (Transport::Tls, tls_port),
        ]
        .map(|(transport, port)| Way {
            transport,
            port,
            is_named: false,
        })
        .to_vec()
    }
}

impl Way {
    pub const fn at(self, address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(text: &str) -> Vec<(Transport, u16)> {
        let uri: TurnUri = text.parse().expect(text);
        uri.ways().iter().map(|w| (w.transport, w.port)).collect()
    }

    #[test]
    fn what_the_uri_leaves_open_is_tried() {
        use Transport::{Tcp, Tls, Udp};
        assert_eq!(
            ways("turn:a.example"),
            [(Udp, 3478), (Tcp, 3478), (Tls, 5349)]
        );
        assert_eq!(ways("a.example:443"), [(Udp, 443), (Tcp, 443), (Tls, 443)]);
        assert_eq!(ways("turn:a.example?transport=tcp"), [(Tcp, 3478)]);
        assert_eq!(ways("turns:a.example"), [(Tls, 5349)]);
        assert_eq!(ways("[2001:db8::1]:99"), [(Udp, 99), (Tcp, 99), (Tls, 99)]);
        assert!("stun:a.example".parse::<TurnUri>().is_err());
        assert!("stuns:a.example".parse::<TurnUri>().is_err());
    }
}
