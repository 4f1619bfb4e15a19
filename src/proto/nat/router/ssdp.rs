//! The search for Internet Gateway Devices (SSDP, UPnP Device Architecture 1.1, section 1.3), and
//! which answers to believe. Without I/O or clock.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use crate::base::time::Time;
use crate::base::words::printable;
use crate::proto::machine::{Machine, SendError, Transmit};
use crate::proto::nat::address::is_private;

/// Where devices hear searches.
pub const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), PORT);

const PORT: u16 = 1900;

/// Devices spread their answers over this many seconds (header MX); less is not allowed.
const SPREAD: u64 = 1;

/// When the search is sent: a packet to a group is lost more easily than one to a host on radio
/// networks.
const OFFSETS: [Duration; 2] = [Duration::from_millis(0), Duration::from_millis(100)];

/// When it is over: the last search and the time that devices may take.
const GIVE_UP: Duration = Duration::from_millis(1000 * SPREAD + 100);

/// Devices of version 2 have to answer searches for version 1, and some do not.
const TARGETS: [&str; 2] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];

/// The most devices that are remembered: somebody may answer for ever.
const MOST: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalNetwork {
    pub address: Ipv4Addr,
    /// The length of the network's prefix in bits; 32 if it is not known.
    pub prefix: u8,
}

impl LocalNetwork {
    pub fn contains(&self, other: Ipv4Addr) -> bool {
        let mask = u32::MAX
            .checked_shl(32 - u32::from(self.prefix.min(32)))
            .unwrap_or(0);
        (u32::from(self.address) ^ u32::from(other)) & mask == 0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    pub address: SocketAddr,
    pub url: Url,
}

/// A device that answered and is not asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bystander {
    /// Another host of the network offers to be a gateway.
    OtherGateway(IpAddr),
    /// The router, or somebody in its name, says that it is described elsewhere.
    ForeignLocation {
        source: IpAddr,
        /// What it said, fit to print.
        location: String,
    },
}

#[derive(Debug)]
pub struct Search {
    router: Ipv4Addr,
    network: LocalNetwork,
    due: VecDeque<Time>,
    pending: VecDeque<(SocketAddr, Vec<u8>)>,
    give_up: Time,
    over: bool,
    seen: BTreeSet<Location>,
    found: VecDeque<Location>,
    bystanders: BTreeSet<Bystander>,
    sent: usize,
    failure: Option<SendError>,
}

impl Search {
    pub fn new(router: Ipv4Addr, network: LocalNetwork, now: Time) -> Self {
        let mut search = Self {
            router,
            network,
            due: OFFSETS.iter().map(|at| now + *at).collect(),
            pending: VecDeque::new(),
            give_up: now + GIVE_UP,
            over: false,
            seen: BTreeSet::new(),
            found: VecDeque::new(),
            bystanders: BTreeSet::new(),
            sent: 0,
            failure: None,
        };
        search.handle_timeout(now);
        search
    }

    /// Where the router is described, one place for each call.
    pub fn poll_found(&mut self) -> Option<Location> {
        self.found.pop_front()
    }

    pub fn bystanders(&self) -> impl Iterator<Item = &Bystander> {
        self.bystanders.iter()
    }

    /// Why something could not be sent, if so.
    pub const fn failure(&self) -> Option<SendError> {
        self.failure
    }

    pub const fn transmissions(&self) -> usize {
        self.sent
    }

    /// Asks the group, and at last also the router alone, since a packet to a group opens no firewall
    /// on this host for the answers; not at first, because a router without such a device answers by
    /// ICMP, of which it sends few a second, and others need them.
    fn ask(&mut self) {
        if !self.seen.is_empty() {
            return;
        }
        self.pending
            .extend(TARGETS.map(|target| (GROUP, search(GROUP, target))));
        if self.due.is_empty() {
            let router = SocketAddr::new(self.router.into(), PORT);
            self.pending.push_back((router, search(router, TARGETS[0])));
        }
    }

    fn note(&mut self, bystander: Bystander) {
        if self.bystanders.len() < MOST {
            self.bystanders.insert(bystander);
        }
    }

    /// The place, if this host may go there because a stranger says so: the router itself, or at
    /// least a private host of the same network. Names are not looked up.
    fn place(&self, location: &str) -> Option<Location> {
        let url = Url::parse(location).ok().filter(|u| u.scheme() == "http")?;
        let Some(Host::Ipv4(host)) = url.host() else {
            return None;
        };
        let near =
            host != self.network.address && self.network.contains(host) && is_private(host.into());
        let address = SocketAddr::new(host.into(), url.port_or_known_default()?);
        (host == self.router || near).then_some(Location { address, url })
    }
}

impl Machine for Search {
    type Flow = SocketAddr;
    type Error = SendError;

    fn poll_transmit(&mut self) -> Option<Transmit<SocketAddr>> {
        let (flow, payload) = self.pending.pop_front()?;
        self.sent += 1;
        Some(Transmit { flow, payload })
    }

    fn handle_input(&mut self, _: Time, source: SocketAddr, packet: &[u8]) {
        let Some(location) = read(packet) else {
            return;
        };
        if source.ip() != IpAddr::V4(self.router) {
            self.note(Bystander::OtherGateway(source.ip()));
            return;
        }
        match self.place(&location) {
            Some(found) if self.seen.len() < MOST => {
                // The answers to both searches name the same place.
                if self.seen.insert(found.clone()) {
                    self.found.push_back(found);
                }
            }
            Some(_) => {}
            None => self.note(Bystander::ForeignLocation {
                source: source.ip(),
                location: printable(&location),
            }),
        }
    }

    fn handle_error(&mut self, _: Time, _: SocketAddr, error: SendError) {
        self.failure = Some(error);
    }

    fn poll_timeout(&self) -> Option<Time> {
        (!self.over).then(|| self.due.front().copied().unwrap_or(self.give_up))
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.due.front().is_some_and(|at| *at <= now) {
            self.due.pop_front();
            self.ask();
        } else {
            self.over |= now >= self.give_up;
        }
    }
}

fn search(host: SocketAddr, target: &str) -> Vec<u8> {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\nMAN: \"ssdp:discover\"\r\nMX: {SPREAD}\r\nST: {target}\r\n\r\n"
    )
    .into_bytes()
}

/// The LOCATION in the answer of a gateway.
fn read(packet: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(packet);
    let mut lines = text.lines();
    let mut status = lines.next()?.split_whitespace();
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| {
        let found = headers
            .iter()
            .find(|(n, _)| n.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let kind = header("st")?;
    kind.contains(":InternetGatewayDevice:")
        .then(|| header("location").map(str::to_owned))?
}
