//! The servers of the demonstration: STUN on two addresses, TURN, and a rendezvous.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::servers::rendezvous::{Listen, Options, Server};
use crate::net::servers::stun::{self, StunServer};
use crate::net::servers::turn::{self, TurnServer};
use crate::proto::signal::url::{RendezvousUrl, Service};
use crate::proto::stun::uri::{Host, ServerUri};
use crate::proto::turn::credentials::{Credentials, Secret};
use crate::proto::turn::server::users::Users;

const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Linux and Windows have all of 127.0.0.0/8; elsewhere somebody has to add it.
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const USER: &str = "demo";

#[derive(Debug, Clone)]
pub struct DemoServers {
    pub stun: ServerUri,
    /// Its other address, if there is a second one on this host.
    pub stun_alternate: Option<SocketAddr>,
    pub turn: ServerUri,
    pub credentials: Credentials,
    pub rendezvous: RendezvousUrl,
    pub locals: [IpAddr; 2],
}

pub struct RunningServers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl RunningServers {
    pub async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

pub fn start(clock: Clock) -> Result<(DemoServers, RunningServers), ErrorReport> {
    let failed = |what: &str, why: String| {
        ErrorReport::new(Code::Listen, format!("cannot start the {what}: {why}"))
    };
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let has_second = std::net::UdpSocket::bind((SECOND, 0)).is_ok();
    let alternate = has_second.then(|| SocketAddr::new(SECOND, 0));
    let config = stun::Config::new(SocketAddr::new(FIRST, 0), alternate);
    let stun = StunServer::bind(&config).map_err(|e| failed("STUN server", e.to_string()))?;
    let stun_at = stun.addresses();
    let until = ended(stopped.clone());
    tasks.spawn(async move { stun.run(until).await });

    let password: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(20)
        .map(char::from)
        .collect();
    let credentials = Credentials::new(USER, &Secret::new(password))
        .map_err(|e| failed("TURN server", e.to_string()))?;
    let users = Users::one(credentials.clone());
    let mut config = turn::Config::new(vec![SocketAddr::new(FIRST, 0)], users);
    config.allow_peers = vec![
        "127.0.0.0/8"
            .parse()
            .map_err(|_| failed("TURN server", "no such network".to_owned()))?,
    ];
    let turn = TurnServer::bind(&config).map_err(|e| failed("TURN server", e.to_string()))?;
    let turn_at = turn.addresses().first().copied();
    let turn_at = turn_at.ok_or_else(|| failed("TURN server", "it listens nowhere".to_owned()))?;
    let until = ended(stopped.clone());
    tasks.spawn(async move { turn.run(until).await });

    let options = Options {
        listen: Listen::At(vec![SocketAddr::new(FIRST, 0)]),
        ..Options::default()
    };
    let server = Server::bind(&options, clock).map_err(|e| failed("rendezvous", e.to_string()))?;
    let met_at = server.addresses().first().copied();
    let met_at = met_at.ok_or_else(|| failed("rendezvous", "it listens nowhere".to_owned()))?;
    let until = ended(stopped);
    tasks.spawn(async move {
        // How much it was used is nobody's question here.
        server.run(until).await;
    });

    let uri = |scheme: &str, at: SocketAddr| {
        format!("{scheme}:{at}")
            .parse::<ServerUri>()
            .map_err(|e| failed("servers", e.to_string()))
    };
    let servers = DemoServers {
        stun: uri("stun", stun_at.primary)?,
        stun_alternate: stun_at.alternate,
        turn: uri("turn", turn_at)?,
        credentials,
        rendezvous: RendezvousUrl {
            service: Service::Rooms,
            tls: false,
            host: Host::Ip(met_at.ip()),
            port: met_at.port(),
            prefix: String::new(),
        },
        locals: [FIRST, if has_second { SECOND } else { FIRST }],
    };
    Ok((servers, RunningServers { stop, tasks }))
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // Both mean the end.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
