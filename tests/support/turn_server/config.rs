//! What the server does, and what it does wrong.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::wire::{Family, Method, SHA256};

/// What is wrong with the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// An attribute says that it is longer than the message.
    AttributeLength,
    /// The header's length is not that of the message. On a stream this breaks the framing.
    MessageLength,
    /// The second half is missing, and the header does not know.
    Truncated,
    /// Random bytes instead. On a stream this breaks the framing.
    Noise,
}

/// What is wrong with a TCP or TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamFault {
    #[default]
    None,
    /// Sends half of the answer and then nothing more.
    HalfFrame,
    /// Sends half of the answer and closes.
    HalfFrameThenClose,
    /// The header announces more than is ever sent; then the connection is closed.
    OverlongFrame,
    /// Closes at once, with TLS before the handshake.
    CloseAfterAccept,
    /// Closes when the client has said something: with TLS, the ClientHello.
    CloseInHandshake,
    /// Reads and says nothing, with TLS not even a ServerHello.
    SilentInHandshake,
    /// Closes after a successful Allocate.
    CloseAfterAllocate,
    /// Sends each byte by itself.
    ByteByByte,
    /// Answers everything with an HTTP error page, as a web server does.
    Http,
    /// Before each answer there is ChannelData for a channel that nobody has bound.
    UnknownChannelData,
    /// ChannelData without the padding that streams need (RFC 8656 12.5).
    UnpaddedChannelData,
}

/// Everything that a server does. The default is an honest one with the user "user" and the
/// password "secret".
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Debug, Clone)]
pub struct TurnConfig {
    pub username: String,
    pub password: String,
    /// More users and their passwords.
    pub other_users: Vec<(String, String)>,
    pub realm: String,
    /// SOFTWARE; no attribute if empty.
    pub software: Vec<u8>,
    /// What nonces have in them besides what makes them different from each other.
    pub nonce: String,
    /// A nonce is good for so many requests and then 438 Stale Nonce.
    pub nonce_requests: Option<u32>,
    /// A nonce is good for so long.
    pub nonce_age: Option<Duration>,
    /// The realm changes with the first stale nonce.
    pub realm_after_stale: Option<String>,
    /// No nonce is ever good.
    pub always_stale: bool,
    /// RFC 8489 9.2: the nonce cookie, PASSWORD-ALGORITHMS, and MESSAGE-INTEGRITY-SHA256 only.
    pub sha256: bool,
    /// What PASSWORD-ALGORITHMS lists, if `sha256`.
    pub algorithms: Vec<u16>,
    /// The nonce cookie says that USERHASH may stand for USERNAME, if `sha256`.
    pub userhash: bool,
    /// Everybody may do everything, without credentials.
    pub no_auth: bool,
    /// Users are `EXPIRY` or `EXPIRY:NAME`, and their passwords come from this secret (coturn's
    /// `use-auth-secret`). Nobody looks at the expiry.
    pub auth_secret: Option<String>,
    /// Credentials have to be there, but any will do. Answers are signed with the right password.
    pub ignores_password: bool,

    /// The answer to an Allocate with good credentials: 300 comes with the alternate server, 401
    /// and 438 with a challenge, 420 with UNKNOWN-ATTRIBUTES.
    pub error_on_allocate: Option<(u16, &'static str)>,
    /// `error_on_allocate` is for the first so many of them.
    pub error_on_allocate_times: usize,
    /// The same for other methods, for ever.
    pub error_on: Vec<(Method, u16)>,
    /// The answer to requests without credentials instead of 401. Not to Binding.
    pub error_unauthenticated: Option<u16>,
    pub alternate_server: Option<SocketAddr>,
    pub alternate_domain: Option<String>,
    /// Attributes that the server does not know: 420 if they are comprehension-required.
    pub unknown: Vec<u16>,
    /// Attributes that are missing from all answers.
    pub omits: Vec<u16>,
    /// Success responses have a wrong HMAC.
    pub bad_integrity: bool,
    /// No answer has an HMAC.
    pub no_integrity: bool,

    /// What XOR-MAPPED-ADDRESS says.
    pub mapped_address_override: Option<SocketAddr>,
    /// The IP address in XOR-RELAYED-ADDRESS. The port is that of the real relay.
    pub relayed_address_override: Option<IpAddr>,
    /// Where the real server binds its relays if that is the family: somewhere on loopback.
    /// The default is where the server itself is, or the loopback address of the other family.
    pub relay_ip: Option<IpAddr>,
    /// The lifetime of every allocation, whatever the client asks for. In seconds.
    pub lifetime: u32,
    pub permission_lifetime: Duration,
    pub channel_lifetime: Duration,
    /// So many allocations at a time for each user, and then 486.
    pub quota: Option<usize>,
    /// What it relays; 440 for others.
    pub families: Vec<Family>,
    /// Peers that it does not relay to: 403.
    pub refuse_permissions: Vec<(IpAddr, u8)>,
    /// Allocates, but nothing gets through the relay.
    pub drop_relay: bool,
    /// Nothing comes back from peers.
    pub half_duplex: bool,

    /// Each answer comes twice.
    pub duplicate_responses: bool,
    /// One-way delay between client and server, on real sockets.
    pub delay: Duration,
    /// Probability that a datagram between client and server is lost, in each direction.
    pub loss: f64,
    pub seed: u64,
    /// So many messages that nobody asked for come before each answer. On streams they are framed.
    pub strays: usize,
    pub malformed: Option<Malformed>,
    /// So many answers to a client are right before `malformed` begins, and so many answers on a
    /// connection before those faults of `stream_fault` that are about answers.
    pub faults_after: usize,
    /// Methods that are never answered; Send indications are not relayed.
    pub silent_to: BTreeSet<Method>,
    /// `silent_to` is only about requests with good credentials.
    pub silent_once_authenticated: bool,
    pub stream_fault: StreamFault,
}

impl Default for TurnConfig {
    fn default() -> Self {
        Self {
            username: "user".to_owned(),
            password: "secret".to_owned(),
            other_users: Vec::new(),
            realm: "example.org".to_owned(),
            software: b"scripted".to_vec(),
            nonce: String::new(),
            nonce_requests: None,
            nonce_age: None,
            realm_after_stale: None,
            always_stale: false,
            sha256: false,
            algorithms: vec![SHA256],
            userhash: false,
            no_auth: false,
            auth_secret: None,
            ignores_password: false,
            error_on_allocate: None,
            error_on_allocate_times: usize::MAX,
            error_on: Vec::new(),
            error_unauthenticated: None,
            alternate_server: None,
            alternate_domain: None,
            unknown: Vec::new(),
            omits: Vec::new(),
            bad_integrity: false,
            no_integrity: false,
            mapped_address_override: None,
            relayed_address_override: None,
            relay_ip: None,
            lifetime: 600,
            permission_lifetime: Duration::from_secs(300),
            channel_lifetime: Duration::from_secs(600),
            quota: None,
            families: vec![Family::V4, Family::V6],
            refuse_permissions: Vec::new(),
            drop_relay: false,
            half_duplex: false,
            duplicate_responses: false,
            delay: Duration::ZERO,
            loss: 0.0,
            seed: 1,
            strays: 0,
            malformed: None,
            faults_after: 0,
            silent_to: BTreeSet::new(),
            silent_once_authenticated: false,
            stream_fault: StreamFault::None,
        }
    }
}

impl TurnConfig {
    /// A server that never answers these.
    pub fn silent_to(methods: &[Method]) -> Self {
        Self {
            silent_to: methods.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// A server with this fault on streams.
    pub fn faulty(stream_fault: StreamFault) -> Self {
        Self {
            stream_fault,
            ..Self::default()
        }
    }

    /// The user's password.
    pub(super) fn password_of(&self, username: &str) -> Option<String> {
        if let Some(secret) = &self.auth_secret {
            let expiry = username.split(':').next()?;
            let is_expiry = expiry.parse::<u64>().is_ok();
            return is_expiry.then(|| minted_password(secret, username));
        }
        if username == self.username {
            return Some(self.password.clone());
        }
        let mut others = self.other_users.iter();
        let (_, password) = others.find(|(name, _)| name == username)?;
        Some(password.clone())
    }

    pub(super) fn refuses(&self, peer: IpAddr) -> bool {
        let prefixes = &self.refuse_permissions;
        prefixes.iter().any(|(net, bits)| within(peer, *net, *bits))
    }
}

/// The password that belongs to a time-limited user name (draft-uberti-behave-turn-rest-00).
pub fn minted_password(secret: &str, username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

/// Reads "192.0.2.0/24" for `refuse_permissions`; without a slash it is one address.
pub fn prefix(text: &str) -> (IpAddr, u8) {
    let (ip, bits) = text.split_once('/').unwrap_or((text, "128"));
    (
        ip.parse().expect("an IP address"),
        bits.parse().expect("a number of bits"),
    )
}

fn within(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    let shared = |differing: u32| differing >= u32::from(bits);
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            ip == net || shared((ip.to_bits() ^ net.to_bits()).leading_zeros())
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            ip == net || shared((ip.to_bits() ^ net.to_bits()).leading_zeros())
        }
        _ => false,
    }
}
