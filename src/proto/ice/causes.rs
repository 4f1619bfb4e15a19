//! Why two hosts have no direct path, and why no relay helped: from all that both ends know.
//!
//! It is a function of facts: NATs, candidates, servers and checks of both sides go in, causes come
//! out, weightiest first. A cause names a side and what that side's NAT, firewall or configuration
//! does. What the facts do not prove is [`Code::Unknown`], with what would tell.

mod direct;
mod mappings;
mod ports;
mod rejected;
mod relay;
mod remedies;
mod servers;
mod silence;
mod stopped;
mod traffic;
mod untold;
pub(in crate::proto) mod words;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::words::{OVER_TCP, printable};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::prediction::Side;
use crate::proto::stun::uri::Transport;
pub use servers::trouble_there;
pub use words::named;

/// Why something did not come about, whose doing it is, and what would change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub code: Code,
    pub side: Whose,
    /// One sentence, without a full stop, that names the side and what it does.
    pub message: String,
    /// The same in fewer words, for the summary; `None` if it is short already.
    #[serde(skip)]
    pub brief: Option<String>,
    /// What was seen, and by whom.
    pub evidence: Vec<String>,
    /// What would change the outcome, the cheapest first.
    pub remedies: Vec<Remedy>,
    /// Of direct paths: over which family.
    #[serde(skip)]
    pub family: Option<Family>,
}

/// Whose doing a cause is. `Local` is the side that reports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    Local,
    Remote,
    Both,
    /// Nobody's alone: of the network that both share, or of two that do not fit.
    Between,
}

/// Something that would change the outcome, by the same rules applied to a changed situation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    pub code: RemedyCode,
    pub side: Whose,
    /// What there has to be, as "IPv6 on both sides".
    pub message: String,
    /// As in [`Cause::brief`].
    #[serde(skip)]
    pub brief: Option<String>,
    pub effect: Effect,
    /// Whether the effect is sure, by what is known of both sides.
    #[serde(rename = "sure", default)]
    pub is_sure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyCode {
    /// A TURN server over TLS, which firewalls take for a web site.
    TurnTls,
    Turn,
    /// A STUN server, which tells the public address.
    Stun,
    Ipv6,
    /// That candidates are gathered before they are told.
    Gathering,
    /// Endpoint-independent mapping (RFC 4787 REQ-1).
    Mapping,
    Hairpinning,
    /// That hosts of one local network may talk to each other.
    Isolation,
    OpenUdp,
    /// Something in the configuration of a TURN server.
    TurnConfiguration,
    /// Another `--policy`, or no `-4` or `-6`.
    Policy,
}

/// What comes about with a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Direct,
    Relay,
}

/// All that both ends know when a session is over.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub local: Party<'a>,
    pub remote: Party<'a>,
    pub pairs: &'a [PairFacts],
    /// How they are connected, if they are.
    pub path: Option<Way>,
}

/// How two hosts are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Direct,
    /// Through a TURN server.
    Relayed,
}

/// What one side has.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    pub side: Side<'a>,
    /// What became of its STUN and TURN servers; `None` if it did not tell.
    pub servers: Option<&'a [ServerFacts]>,
    /// What its own system and TURN servers say of all its pairs: [`Code::NotPermitted`] or
    /// [`Code::Unreachable`] of every direct one, [`Code::RelayUnreachableFromHere`] where either is
    /// so of all that go to the other side's relays, [`Code::ForbiddenIp`] of a public peer.
    pub troubles: &'a [Code],
    /// If none of the candidates that it told can be used: why.
    pub left_out: Option<&'a LeftOut>,
    /// Its relays that it tried to reach itself.
    pub own_relays: &'a [OwnRelay],
    /// What it found out beside its checks.
    pub found: &'a Found,
    /// Those of its addresses that are a VPN's, by the names of their interfaces.
    pub tunnels: &'a [IpAddr],
}

/// A relay that its own side has sent to from outside, as a peer would: that tells closed relay
/// ports from a peer whose packets do not get that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRelay {
    pub relayed: SocketAddr,
    pub is_reached: bool,
}

/// What a side finds out beside its checks, as it tells the other side; an older version tells less.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its relays that ended while they were in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_relays: Vec<EndedRelay>,
    /// Who refused its checks by ICMP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// Another way to the other side than to the servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour: Option<Detour>,
    /// The one address family that it was told to use (`-4`, `-6`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_family: Option<Family>,
    /// Families over which its UDP gets out, as its NAT tests show, though its servers are silent: some ports
    /// alone are closed, or answers do not come in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gets_out: Vec<Family>,
    /// How many of its direct checks were answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u32>,
    /// Servers that answered its NAT tests over UDP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<SocketAddr>,
    /// Those that were asked several times, and never did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<SocketAddr>,
    /// Hosts of servers from which nothing comes back, be it over TCP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<IpAddr>,
    /// How many of the other side's datagrams that measure the path arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_arrived: Option<u32>,
}

impl Found {
    /// What is taken of it.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.ended_relays.truncate(bounds::SERVERS);
        self.refusals.truncate(bounds::CANDIDATES);
        self.gets_out.truncate(2);
        self.heard.truncate(bounds::SERVERS);
        self.unheard.truncate(bounds::SERVERS);
        self.unreached.truncate(bounds::SERVERS);
        if let Some(detour) = &mut self.detour {
            detour.by = printable(&detour.by);
            detour.usual = printable(&detour.usual);
        }
        self
    }
}

/// A way to the other side that is another one than the way to the servers, by this host's routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detour {
    pub to: IpAddr,
    /// The interface that leads there.
    pub by: String,
    /// That which leads to the servers.
    pub usual: String,
}

/// An ICMP message in answer to checks (RFC 792, RFC 4443).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where the checks went.
    pub to: SocketAddr,
    /// Who sent the message; `None` where the system does not tell.
    pub by: Option<IpAddr>,
    pub what: Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// Nothing listens at the port, or a firewall says so.
    Port,
    /// A firewall forbids it (communication administratively prohibited).
    Prohibited,
    /// No route leads to the host or network, or it does not answer in its network.
    #[serde(other)]
    Unreachable,
}

/// A relay that ended by itself, and how: [`Code::AllocationMismatch`] where the server says so (RFC
/// 8656 7.3), [`Code::Closed`] where the connection to it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRelay {
    pub relayed: SocketAddr,
    pub code: Code,
}

/// Why none of a side's candidates can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub code: Code,
    pub message: String,
    /// As in [`Cause::brief`].
    pub brief: &'static str,
    pub remedy: (RemedyCode, String),
}

/// What became of a server on one side, as it tells the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    pub uri: String,
    pub address: Option<SocketAddr>,
    pub transport: Transport,
    pub is_turn: bool,
    /// Why it did not help; `None` if it did.
    pub error: Option<Code>,
    /// The same in words, as the side that asked has them. An older version tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ServerFacts {
    /// Whether nothing of its own came back: that its host refuses other ports is no answer.
    pub fn is_silent(&self) -> bool {
        matches!(self.error, Some(Code::Timeout | Code::PortSilent))
    }

    /// Whether a server that is silent over UDP was heard over TCP, as the details tell.
    pub fn answers_over_tcp(&self) -> bool {
        let detail = self.detail.as_ref();
        detail.is_some_and(|detail| detail.contains(OVER_TCP))
    }
}

/// What happened over a pair of candidates, by the records of both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    pub local: (CandidateType, SocketAddr),
    pub remote: (CandidateType, SocketAddr),
    pub is_relayed: bool,
    /// Whether it was answered and is valid.
    pub works: bool,
    pub sent: u32,
    /// How many of them the other side saw; `None` if it did not tell.
    pub arrived: Option<u32>,
    pub answered: u32,
    /// The other side's checks that came.
    pub received: u32,
    /// Where the other side sees this one (RFC 8445 7.2.5.3.1).
    pub mapped: Option<SocketAddr>,
    pub failure: Option<Code>,
}

/// Where it is not known what is in the way, nor is whether a relay would be out of it.
pub fn hedge(direct: &mut [Cause], relay: &mut [Cause]) {
    let is_open = direct.iter().any(|cause| cause.code == Code::Unknown);
    for cause in direct.iter_mut().chain(relay) {
        let relays = cause
            .remedies
            .iter_mut()
            .filter(|remedy| remedy.effect == Effect::Relay);
        relays.for_each(|remedy| remedy.is_sure &= !is_open);
    }
}

impl PairFacts {
    /// Whether it had its fair chance.
    pub fn is_settled(&self) -> bool {
        !matches!(
            self.failure,
            Some(Code::CutShort | Code::PeerGone | Code::NotChecked)
        )
    }
}

impl<'a> Party<'a> {
    /// Its servers over UDP, as far as it told.
    fn over_udp(&self) -> impl Iterator<Item = &'a ServerFacts> + use<'a> {
        let rows = self.servers.into_iter().flatten();
        rows.filter(|row| row.transport == Transport::Udp)
    }

    /// Whether it asked servers over UDP, and it is so of all of them.
    fn all_over_udp(&self, is_so: impl Fn(&ServerFacts) -> bool) -> bool {
        let mut rows = self.over_udp().peekable();
        rows.peek().is_some() && rows.all(is_so)
    }

    /// Whether no name of a server resolves there, and one was looked up.
    fn lacks_names(&self) -> bool {
        let rows = self.servers.into_iter().flatten();
        let mut named = rows
            .filter(|row| servers::host(row).parse::<IpAddr>().is_err())
            .peekable();
        named.peek().is_some() && named.all(|row| row.error == Some(Code::Dns))
    }

    /// Whether no server answers it over UDP, so that a relay reached over UDP may be of no use to it.
    fn hears_nothing(&self) -> bool {
        self.all_over_udp(ServerFacts::is_silent)
    }
}

impl Situation<'_> {
    /// Why there is no direct path; nothing where there is one.
    pub fn causes(&self) -> Vec<Cause> {
        let works = |pair: &PairFacts| !pair.is_relayed && pair.works;
        match (self.path, self.pairs.iter().any(works)) {
            (Some(Way::Direct), _) => Vec::new(),
            (_, true) if self.remote.found.answered == Some(0) => {
                vec![direct::half_answered(Whose::Remote)]
            }
            (Some(Way::Relayed), true) => Vec::new(),
            (None, true) => vec![Cause::new(
                Code::Unknown,
                Whose::Between,
                "a check was answered, but the pair did not become valid for both sides in time",
            )],
            (_, false) => direct::causes(self),
        }
    }

    /// Why no relay helped; nothing where one did.
    pub fn relay_causes(&self) -> Vec<Cause> {
        if self.path.is_some() {
            return Vec::new();
        }
        let mut causes = relay::causes(self);
        let remedies = causes.iter_mut().flat_map(|cause| &mut cause.remedies);
        for remedy in
            remedies.filter(|remedy| remedy.side.all(|whose| self.party(whose).lacks_names()))
        {
            remedies::by_name(remedy);
        }
        causes
    }

    /// Whether a side reaches its own relays, if it tried.
    fn reaches_itself(&self, whose: Whose) -> Option<bool> {
        let tried = self.party(whose).own_relays;
        (!tried.is_empty()).then(|| tried.iter().any(|relay| relay.is_reached))
    }

    /// Whether a side has told a relayed candidate.
    fn has_relay(&self, whose: Whose) -> bool {
        let mut all = self.party(whose).side.candidates.iter();
        all.any(|c| c.kind == CandidateType::Relay)
    }

    fn party(&self, whose: Whose) -> &Party<'_> {
        match whose {
            Whose::Remote => &self.remote,
            _ => &self.local,
        }
    }
}

impl Whose {
    /// Of two sides, those of which it is so.
    pub const fn of(local: bool, remote: bool) -> Option<Self> {
        match (local, remote) {
            (false, false) => None,
            (true, false) => Some(Self::Local),
            (false, true) => Some(Self::Remote),
            (true, true) => Some(Self::Both),
        }
    }

    /// Whether it is so of each side that is meant.
    fn all(self, is_so: impl Fn(Self) -> bool) -> bool {
        match self {
            Self::Local | Self::Remote => is_so(self),
            Self::Both | Self::Between => is_so(Self::Local) && is_so(Self::Remote),
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
            same => same,
        }
    }
}

impl Remedy {
    pub fn in_brief(&self) -> &str {
        self.brief.as_deref().unwrap_or(&self.message)
    }

    fn briefly(mut self, brief: impl Into<String>) -> Self {
        self.brief = Some(brief.into());
        self
    }

    const fn surely(mut self, is_sure: bool) -> Self {
        self.is_sure = is_sure;
        self
    }
}

impl Cause {
    pub fn new(code: Code, side: Whose, message: impl Into<String>) -> Self {
        Self {
            code,
            side,
            message: message.into(),
            brief: None,
            evidence: Vec::new(),
            remedies: Vec::new(),
            family: None,
        }
    }

    pub fn in_brief(&self) -> &str {
        self.brief.as_deref().unwrap_or(&self.message)
    }

    fn briefly(mut self, brief: impl Into<String>) -> Self {
        self.brief = Some(brief.into());
        self
    }

    fn seen(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    fn remedied(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Self {
        self.remedies.extend(remedies);
        self
    }
}
