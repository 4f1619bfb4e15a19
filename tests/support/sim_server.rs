//! Simulated STUN servers: honest RFC 5780 servers, plain ones, and all the ways to be wrong that
//! servers on the Internet have been seen in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use super::stun_wire::{
    BINDING_ERROR, BINDING_SUCCESS, CHANGE_REQUEST, MAPPED_ADDRESS, Message, OTHER_ADDRESS,
    RESPONSE_ORIGIN, RESPONSE_PORT, Request, SOFTWARE, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS,
};

/// What OTHER-ADDRESS says (RFC 5780 7.4: it must differ in IP address and port).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// The alternate IP address and port, or no attribute if there is none.
    Correct,
    /// No attribute, although there is an alternate address.
    Missing,
    /// The primary IP address with the alternate port.
    SameIp,
    /// The alternate IP address with the primary port.
    SamePort,
    /// The address that the request went to.
    Itself,
    /// Some other address: private, of the wrong family, somebody else's.
    Says(SocketAddr),
}

/// What the server does with a CHANGE-REQUEST (RFC 5780 6.1, 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// As asked.
    Obey,
    /// Answers from where the request went.
    Ignore,
    /// Does not answer.
    Drop,
    /// 420 Unknown Attribute, as a server without RFC 5780 has to (RFC 8489 6.3.1).
    Error420,
    /// Answers from a third address.
    Third(SocketAddr),
    /// Changes the port when asked for nothing but that, and else does not answer.
    PortOnly,
}

/// What the server does with a RESPONSE-PORT (RFC 5780 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponsePort {
    /// Answers to that port, as coturn does.
    Supported,
    /// 420 Unknown Attribute to where the request came from (RFC 8489 6.3.1).
    Refused420,
    /// Answers to where the request came from.
    Ignored,
    /// Does not answer.
    Silent,
}

/// The reflexive address that the server reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflexive {
    Honest,
    /// The same for everybody.
    Constant(SocketAddr),
    /// Another one in each answer.
    Random,
    /// The right IP address with a wrong port.
    PortOffset(u16),
    /// The right port with another IP address: what an application-level gateway makes of it.
    Ip(IpAddr),
    /// 0.0.0.0:0.
    Zero,
}

/// How the server answers at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Normal,
    /// Only from the n-th copy of a request on.
    AfterTries(u32),
    /// Always from this address.
    OtherSource(SocketAddr),
    /// With this error.
    Error(u16),
    /// With bytes that are not STUN.
    Garbage,
    /// With the first half of a right answer.
    Truncated,
    /// With a transaction ID that is not the request's.
    WrongTransaction,
    /// Twice.
    Twice,
    /// To so many requests in all, and then no more.
    DiesAfter(u32),
    /// Not at all.
    Never,
}

/// Everything that a server does.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    pub primary: SocketAddr,
    /// The other IP address and the other port; the server then has all four addresses.
    pub alternate: Option<SocketAddr>,
    /// Whether the alternate IP address is up: if not, it neither receives nor sends.
    pub alternate_up: bool,
    pub other: Other,
    pub change: Change,
    pub response_port: ResponsePort,
    pub reflexive: Reflexive,
    pub reply: Reply,
    pub sends_xor: bool,
    pub sends_mapped: bool,
    pub sends_origin: bool,
}

impl ServerConfig {
    /// A plain RFC 8489 server: it does not know CHANGE-REQUEST.
    pub fn plain(primary: SocketAddr) -> Self {
        Self {
            primary,
            alternate: None,
            alternate_up: true,
            other: Other::Correct,
            change: Change::Error420,
            response_port: ResponsePort::Refused420,
            reflexive: Reflexive::Honest,
            reply: Reply::Normal,
            sends_xor: true,
            sends_mapped: false,
            sends_origin: false,
        }
    }

    /// An RFC 5780 server.
    pub fn discovery(primary: SocketAddr, alternate: SocketAddr) -> Self {
        Self {
            alternate: Some(alternate),
            change: Change::Obey,
            response_port: ResponsePort::Supported,
            sends_mapped: true,
            sends_origin: true,
            ..Self::plain(primary)
        }
    }

    /// Every address that the server is bound to.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let mut all = vec![self.primary];
        if let Some(alternate) = self.alternate {
            all.push(SocketAddr::new(self.primary.ip(), alternate.port()));
            if alternate.ip() != self.primary.ip() {
                all.push(SocketAddr::new(alternate.ip(), self.primary.port()));
                all.push(alternate);
            }
        }
        all
    }
}

/// A datagram on the simulated Internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A running server.
#[derive(Debug)]
pub struct SimServer {
    pub config: ServerConfig,
    rng: StdRng,
    tries: BTreeMap<(SocketAddr, SocketAddr), u32>,
    requests: u32,
}

impl SimServer {
    pub fn new(config: ServerConfig, seed: u64) -> Self {
        Self {
            config,
            rng: StdRng::seed_from_u64(seed),
            tries: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Whether a datagram for this address is the server's.
    pub fn listens(&self, address: SocketAddr) -> bool {
        self.config.addresses().contains(&address) && self.is_up(address.ip())
    }

    /// Answers a datagram from `from` that came in at the address `at`.
    pub fn handle(&mut self, at: SocketAddr, from: SocketAddr, bytes: &[u8]) -> Vec<Datagram> {
        let Some(request) = Request::parse(bytes) else {
            return Vec::new();
        };
        let tries = self.tries.entry((from, at)).or_default();
        *tries += 1;
        let tries = *tries;
        self.requests += 1;
        match self.config.reply {
            Reply::Never => return Vec::new(),
            Reply::AfterTries(n) if tries < n => return Vec::new(),
            Reply::DiesAfter(n) if self.requests > n => return Vec::new(),
            _ => {}
        }
        let Some((source, mut bytes)) = self.answer(at, from, &request) else {
            return Vec::new();
        };
        let mut source = source;
        match self.config.reply {
            Reply::OtherSource(other) => source = other,
            Reply::Garbage => {
                bytes = vec![0; 48];
                self.rng.fill_bytes(&mut bytes);
                bytes[0] |= 0x80;
            }
            Reply::Truncated => bytes.truncate(bytes.len() / 2 + 3),
            Reply::WrongTransaction => self.rng.fill_bytes(&mut bytes[8..20]),
            _ => {}
        }
        if !self.is_up(source.ip()) {
            return Vec::new();
        }
        let port = match self.config.response_port {
            ResponsePort::Supported => request.response_port,
            _ => None,
        };
        let datagram = Datagram {
            source,
            destination: SocketAddr::new(from.ip(), port.unwrap_or(from.port())),
            bytes,
        };
        let copies = if self.config.reply == Reply::Twice {
            2
        } else {
            1
        };
        vec![datagram; copies]
    }

    /// The source and the bytes of the answer; `None` if there is none.
    fn answer(
        &mut self,
        at: SocketAddr,
        from: SocketAddr,
        request: &Request,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        if let Reply::Error(code) = self.config.reply {
            let message = Message::new(BINDING_ERROR, request.transaction_id)
                .error(code, "no")
                .attribute(SOFTWARE, b"sim");
            return Some((at, message.finish()));
        }
        match self.config.response_port {
            _ if request.response_port.is_none() => {}
            ResponsePort::Supported | ResponsePort::Ignored => {}
            ResponsePort::Refused420 => return Some((at, unknown(request, RESPONSE_PORT))),
            ResponsePort::Silent => return None,
        }
        let mut source = at;
        if request.has_change_request && (request.change_ip || request.change_port) {
            match self.config.change {
                Change::Obey => {
                    source = self.changed(at, request.change_ip, request.change_port)?;
                }
                Change::Ignore => {}
                Change::Drop => return None,
                Change::Third(third) => source = third,
                Change::PortOnly if request.change_ip => return None,
                Change::PortOnly => source = self.changed(at, false, true)?,
                Change::Error420 => return Some((at, unknown(request, CHANGE_REQUEST))),
            }
        }
        let reported = self.reported(from);
        let mut message = Message::new(BINDING_SUCCESS, request.transaction_id);
        if self.config.sends_xor {
            message = message.xor_address(XOR_MAPPED_ADDRESS, reported);
        }
        if self.config.sends_mapped {
            message = message.address(MAPPED_ADDRESS, reported);
        }
        if self.config.sends_origin {
            message = message.address(RESPONSE_ORIGIN, source);
        }
        if let Some(other) = self.other_address(at) {
            message = message.address(OTHER_ADDRESS, other);
        }
        Some((source, message.attribute(SOFTWARE, b"sim").finish()))
    }

    /// RFC 5780 6.1, table 1: the source for the flags, seen from where the request came in.
    fn changed(&self, at: SocketAddr, ip: bool, port: bool) -> Option<SocketAddr> {
        let alternate = self.config.alternate?;
        let primary = self.config.primary;
        let opposite = |is: bool, a: IpAddr, b: IpAddr| if is { b } else { a };
        let ip = opposite(
            ip,
            at.ip(),
            if at.ip() == primary.ip() {
                alternate.ip()
            } else {
                primary.ip()
            },
        );
        let other_port = if at.port() == primary.port() {
            alternate.port()
        } else {
            primary.port()
        };
        Some(SocketAddr::new(
            ip,
            if port { other_port } else { at.port() },
        ))
    }

    fn other_address(&self, at: SocketAddr) -> Option<SocketAddr> {
        let both = self.changed(at, true, true);
        match self.config.other {
            Other::Correct => both,
            Other::Missing => None,
            Other::SameIp => both.map(|both| SocketAddr::new(at.ip(), both.port())),
            Other::SamePort => both.map(|both| SocketAddr::new(both.ip(), at.port())),
            Other::Itself => Some(at),
            Other::Says(address) => Some(address),
        }
    }

    fn reported(&mut self, from: SocketAddr) -> SocketAddr {
        match self.config.reflexive {
            Reflexive::Honest => from,
            Reflexive::Constant(address) => address,
            Reflexive::PortOffset(offset) => {
                SocketAddr::new(from.ip(), from.port().wrapping_add(offset))
            }
            Reflexive::Ip(ip) => SocketAddr::new(ip, from.port()),
            Reflexive::Zero if from.is_ipv4() => SocketAddr::from(([0, 0, 0, 0], 0)),
            Reflexive::Zero => SocketAddr::from(([0; 8], 0)),
            Reflexive::Random => {
                let port = self.rng.random_range(1024..=u16::MAX);
                let low: u8 = self.rng.random_range(1..255);
                let ip = match from.ip() {
                    IpAddr::V4(_) => IpAddr::from([192, 0, 2, low]),
                    IpAddr::V6(_) => {
                        IpAddr::from([0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, u16::from(low)])
                    }
                };
                SocketAddr::new(ip, port)
            }
        }
    }

    fn is_up(&self, ip: IpAddr) -> bool {
        self.config.alternate_up
            || self
                .config
                .alternate
                .is_none_or(|alternate| alternate.ip() != ip)
    }
}

/// 420 Unknown Attribute (RFC 8489 6.3.1).
fn unknown(request: &Request, attribute: u16) -> Vec<u8> {
    Message::new(BINDING_ERROR, request.transaction_id)
        .error(420, "Unknown Attribute")
        .attribute(UNKNOWN_ATTRIBUTES, &attribute.to_be_bytes())
        .finish()
}
