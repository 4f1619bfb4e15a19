//! A rendezvous in this process, and clients of it.

pub mod side;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rtcdiag::base::family::Family;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::net::clock::Clock;
use rtcdiag::net::host::Source;
use rtcdiag::net::rendezvous::client::{Event, Rendezvous, Target, Way};
use rtcdiag::net::servers::rendezvous::{Listen, Options, Server, Totals};
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::RoomKind;
use rtcdiag::proto::signal::seal::Name;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs beside the test.
pub struct Running {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Totals>,
}

impl Running {
    pub fn start() -> Self {
        Self::with(Options::default(), 0)
    }

    /// On all addresses.
    pub fn with(options: Options, port: u16) -> Self {
        let listen = Listen::Everywhere {
            port,
            families: vec![Family::Ipv6, Family::Ipv4],
        };
        let options = Options { listen, ..options };
        let server = Server::bind(&options, Clock::start()).expect("a port is free");
        let port = server.addresses()[0].port();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            stop,
            task,
        }
    }

    pub async fn stop(self) -> Totals {
        let _ = self.stop.send(());
        self.task.await.expect("it does not panic")
    }

    pub fn target(&self, number: u8) -> Target {
        target(&self.address.to_string(), number)
    }

    pub async fn try_join(&self, number: u8) -> Result<Rendezvous, ErrorReport> {
        connect(self.target(number)).await
    }

    pub async fn join(&self, number: u8) -> Rendezvous {
        self.try_join(number).await.expect("the server is there")
    }

    /// Two in one room, the first events taken.
    pub async fn pair(&self) -> (Rendezvous, Rendezvous) {
        let mut a = self.join(1).await;
        assert_eq!(a.next().await, Some(Event::Joined { peer: Some(false) }));
        let mut b = self.join(2).await;
        assert_eq!(b.next().await, Some(Event::Joined { peer: Some(true) }));
        assert_eq!(a.next().await, Some(Event::PeerJoined));
        (a, b)
    }
}

pub fn code(number: u8) -> Code {
    Code::new([number; 10])
}

pub fn member(number: u8) -> Name {
    Name([number; 16])
}

pub fn target(url: &str, number: u8) -> Target {
    Target {
        way: Way {
            url: url.parse().expect("a URL"),
            source: Source::default(),
            families: vec![Family::Ipv4, Family::Ipv6],
        },
        room: (&code(1)).into(),
        kind: RoomKind::Pair,
        member: member(number),
    }
}

pub async fn connect(target: Target) -> Result<Rendezvous, ErrorReport> {
    Rendezvous::connect(target, Clock::start()).await
}

/// The code of the end, whatever comes before.
pub async fn refusal(client: &mut Rendezvous) -> &'static str {
    loop {
        match client.next().await {
            Some(Event::Refused(error)) => return error.code.name(),
            Some(_) => {}
            None => panic!("no word at the end"),
        }
    }
}

pub trait NowOrNone: Future {
    /// What is there after a moment.
    async fn now_or_none(self) -> Option<Self::Output>;
}

impl<F: Future> NowOrNone for F {
    async fn now_or_none(self) -> Option<F::Output> {
        tokio::time::timeout(Duration::from_millis(200), self)
            .await
            .ok()
    }
}

/// Runs a test in a runtime as the program has.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, test)
            .await
            .expect("the test ends in time");
    });
}
