//! Where the two sides meet: at servers and brokers that somebody runs, and at a rendezvous in this program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::commands::credentials;
use crate::commands::frame::Frame;
use crate::commands::pair::args::{BrokerCredentials, PlaceArg, PlaceArgs};
use crate::commands::pair::report::PlaceKind;
use crate::commands::pair::run::MeetingPlace;
use crate::commands::pair::session_code::{self, CodeArg};
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::rendezvous::broker::Access;
use crate::net::rendezvous::client::{Target, Way};
use crate::net::rendezvous::places::Place;
use crate::net::servers::rendezvous::{Listen, Options, Server, Totals};
use crate::proto::nat::address::is_global;
use crate::proto::signal::code::Code as SessionCode;
use crate::proto::signal::mqtt::Login;
use crate::proto::signal::rooms::{RoomKind, RoomName};
use crate::proto::signal::seal::Name;
use crate::proto::signal::url::{RendezvousUrl, Service};
use crate::proto::stun::uri::Host;

/// The rendezvous in this program.
pub struct OpenRendezvous {
    /// How this side reaches it.
    pub own: RendezvousUrl,
    /// How the other side does.
    pub shown: RendezvousUrl,
    pub running: RunningRendezvous,
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

/// Opens it, at this address or on a free port of all.
pub fn open(
    at: Option<SocketAddr>,
    source: &Source,
    families: &[Family],
    clock: Clock,
) -> Result<OpenRendezvous, ErrorReport> {
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
    Ok(OpenRendezvous {
        own: url_of(own),
        shown: url_of(shown),
        running: RunningRendezvous { stop, task },
    })
}

/// With whom to meet, and where: all that is known of it before the first packet.
pub struct Appointment {
    pub code: SessionCode,
    /// It was made here: the others have to be told of it.
    pub is_new: bool,
    pub wanted: Wanted,
    pub listen: Option<SocketAddr>,
    /// For the brokers that are named.
    pub login: Option<Login>,
}

impl Appointment {
    /// The appointment of a command line, with what is to be said of its secrets.
    pub fn prepare(
        frame: &Frame,
        code: Option<&CodeArg>,
        places: &PlaceArgs,
        broker: &BrokerCredentials,
    ) -> anyhow::Result<(Self, Vec<Finding>)> {
        let wanted = wanted(places)?;
        let (login, findings) = credentials::for_brokers(
            &credentials::MEETING_BROKERS,
            broker.rendezvous_username.as_deref(),
            broker.rendezvous_password_file.as_deref(),
            frame.patience(),
        )?;
        let given = session_code::given(frame, code)?;
        let appointment = Self {
            is_new: given.is_none(),
            code: given.unwrap_or_else(session_code::new),
            wanted,
            listen: places.rendezvous_listen,
            login,
        };
        Ok((appointment, findings))
    }
}

/// The places that are wanted, each once; `lan` and `public` if nothing is said.
pub struct Wanted {
    pub lan: bool,
    pub public: Vec<RendezvousUrl>,
    pub named: Vec<RendezvousUrl>,
    /// As they were given, for the other host's command; empty where it needs none of them.
    pub flags: String,
}

pub fn wanted(args: &PlaceArgs) -> anyhow::Result<Wanted> {
    let given: Vec<&PlaceArg> = args.rendezvous.iter().flat_map(|list| &list.0).collect();
    let has = |place| given.is_empty() || given.contains(&&place);
    let mut named: Vec<RendezvousUrl> = Vec::new();
    for place in &given {
        if let PlaceArg::Url(url) = place
            && !named.contains(url)
        {
            named.push(url.clone());
        }
    }
    let mut public = Vec::new();
    if has(PlaceArg::Public) {
        for place in args.public_brokers.iter().flat_map(|list| &list.0) {
            match place {
                PlaceArg::Url(url) if named.contains(url) || public.contains(url) => {}
                PlaceArg::Url(url) => public.push(url.clone()),
                PlaceArg::Lan | PlaceArg::Public => anyhow::bail!(
                    "--public-brokers is a list of URLs; lan and public are for --rendezvous"
                ),
            }
        }
    }
    let lan = has(PlaceArg::Lan);
    anyhow::ensure!(
        lan || args.rendezvous_listen.is_none(),
        "--rendezvous-listen cannot be used with --rendezvous, unless one of its places is lan"
    );
    let count = public.len() + named.len() + usize::from(lan);
    anyhow::ensure!(count > 0, "--public-brokers has no broker");
    anyhow::ensure!(
        count <= bounds::PLACES,
        "{count} places to meet at are too many: at most {} can be used at once",
        bounds::PLACES
    );
    let mut flags = String::new();
    if !named.is_empty() {
        for url in &named {
            flags.push_str(" --rendezvous ");
            flags.push_str(&url.to_string());
        }
        if !public.is_empty() {
            flags.push_str(" --rendezvous public");
        }
    }
    Ok(Wanted {
        lan,
        public,
        named,
        flags,
    })
}

/// Who comes to the places.
pub struct Visitor<'a> {
    pub code: &'a SessionCode,
    pub kind: RoomKind,
    pub member: Name,
    pub source: &'a Source,
    pub families: &'a [Family],
    /// For the brokers that are named.
    pub login: Option<Login>,
}

/// All places, ready to be joined.
pub struct Opened {
    pub places: Vec<MeetingPlace>,
    /// See [`Wanted::flags`].
    pub flags: String,
    /// The rendezvous in this program as the other side reaches it, and whether only this network does.
    pub lan: Option<(String, bool)>,
    /// The page for a browser: at the first place that is named and has one, else in this program.
    pub page: Option<String>,
    pub running: Option<RunningRendezvous>,
}

/// Opens the rendezvous in this program, if it is wanted, and says how each place is reached.
pub fn open_all(
    wanted: Wanted,
    listen: Option<SocketAddr>,
    visitor: &Visitor,
    clock: Clock,
) -> Result<Opened, ErrorReport> {
    let lan = wanted
        .lan
        .then(|| open(listen, visitor.source, visitor.families, clock));
    let mut opened = Opened {
        places: Vec::new(),
        flags: wanted.flags,
        lan: None,
        page: wanted.named.iter().find_map(RendezvousUrl::page),
        running: None,
    };
    if let Some(lan) = lan.transpose()? {
        let is_near = matches!(lan.shown.host, Host::Ip(ip) if !is_global(ip));
        opened.page = opened.page.or_else(|| lan.shown.page());
        opened.lan = Some((lan.shown.to_string(), is_near));
        opened
            .places
            .push(visitor.place(lan.own, PlaceKind::Lan, lan.shown.to_string()));
        opened.running = Some(lan.running);
    }
    let named = wanted.named.into_iter().map(|url| (url, PlaceKind::Named));
    let public = wanted
        .public
        .into_iter()
        .map(|url| (url, PlaceKind::Public));
    for (url, kind) in named.chain(public) {
        let shown = url.to_string();
        opened.places.push(visitor.place(url, kind, shown));
    }
    Ok(opened)
}

impl Visitor<'_> {
    fn place(&self, url: RendezvousUrl, kind: PlaceKind, shown: String) -> MeetingPlace {
        // That in this program is reached by loopback, whatever interface is asked for.
        let (source, families) = match kind {
            PlaceKind::Lan => (Source::default(), vec![Family::Ipv4, Family::Ipv6]),
            PlaceKind::Named | PlaceKind::Public => (self.source.clone(), self.families.to_vec()),
        };
        // Nobody but who was named gets a password.
        let login = self.login.clone().filter(|_| kind == PlaceKind::Named);
        MeetingPlace {
            shown,
            kind,
            place: Place {
                access: url.is_broker().then(|| Access {
                    topic: self.code.topic(),
                    login,
                }),
                target: Target {
                    way: Way {
                        url,
                        source,
                        families,
                    },
                    room: RoomName::from(self.code),
                    kind: self.kind,
                    member: self.member,
                },
            },
        }
    }
}

impl MeetingPlace {
    /// The same place for another session, of two.
    #[must_use]
    pub fn of_pair(&self, code: &SessionCode, member: Name) -> Self {
        let mut other = self.clone();
        let target = &mut other.place.target;
        target.room = RoomName::from(code);
        target.kind = RoomKind::Pair;
        target.member = member;
        if let Some(access) = &mut other.place.access {
            access.topic = code.topic();
        }
        other
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
        service: Service::Rooms,
        tls: false,
        host: Host::Ip(address.ip()),
        port: address.port(),
        prefix: String::new(),
    }
}
