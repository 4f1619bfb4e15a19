//! Servers that run until they are dropped.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtcdiag::net::servers::stun::{self, StunServer};
use rtcdiag::net::servers::turn::{self, TurnServer};
use rtcdiag::proto::turn::credentials::{Credentials, Secret};
use rtcdiag::proto::turn::server::users::Users;
use tokio::sync::oneshot;

/// A server in a thread of its own.
pub struct Running<S> {
    pub server: S,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: Clone + Send + 'static> Running<S> {
    fn start(
        bind: impl FnOnce() -> S + Send + 'static,
        run: impl AsyncFnOnce(S, oneshot::Receiver<()>) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (give, take) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let server = bind();
                give.send(server.clone()).expect("somebody waits");
                run(server, stopped).await;
            });
        });
        Self {
            server: take.recv().expect("it listens"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Ends it; it does not panic, and it does end.
    pub fn stop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let _ = self.stop.take().expect("it runs").send(());
        let end = thread.join();
        assert!(
            end.is_ok() || std::thread::panicking(),
            "the server panicked"
        );
    }
}

impl<S> Drop for Running<S> {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let end = thread.join();
            assert!(
                end.is_ok() || std::thread::panicking(),
                "the server panicked"
            );
        }
    }
}

pub fn stun(config: stun::Config) -> Running<StunServer> {
    Running::start(
        move || StunServer::bind(&config).expect("free ports"),
        async |server: StunServer, stopped| server.run(async { _ = stopped.await }).await,
    )
}

pub fn turn(config: turn::Config) -> Running<TurnServer> {
    Running::start(
        move || TurnServer::bind(&config).expect("free ports"),
        async |server: TurnServer, stopped| server.run(async { _ = stopped.await }).await,
    )
}

/// On this address, with a port that the system chooses.
pub fn at(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), 0)
}

/// Whom `program::program` and `turn_client::Client::good` are.
pub fn user() -> Users {
    let credentials = Credentials::new("user", &Secret::new("secret")).expect("valid");
    Users::one(credentials)
}

/// A TURN server on loopback for that user.
pub fn closed() -> turn::Config {
    turn::Config::new(vec![at("127.0.0.1")], user())
}

/// With peers on loopback.
pub fn open() -> turn::Config {
    turn::Config {
        allow_peers: ["127.0.0.0/8", "::1"]
            .map(|network| network.parse().expect("a network"))
            .to_vec(),
        ..closed()
    }
}

/// Waits until something holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(5), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
