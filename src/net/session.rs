//! A TURN client on a connection.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::net::clock::Clock;
use crate::net::drive::Driver;
use crate::net::leases::Lease;
use crate::net::link::Link;
use crate::proto::machine::{Machine, Transmit};
use crate::proto::turn::client::{Answer, Client, Config, Event, RequestId};
use crate::proto::turn::credentials::Credentials;
use crate::proto::turn::error::Failure;

/// Events that wait while a request is under way. More is a flood.
const MAX_WAITING: usize = 256;

/// How long the end of an allocation is waited for.
const RELEASE: Duration = Duration::from_millis(500);

pub struct Session {
    client: Client,
    driver: Driver<Link>,
    clock: Clock,
    lease: Lease,
    /// Events that came while something else was waited for.
    backlog: VecDeque<Event>,
}

#[derive(Debug, Clone)]
pub struct Completion {
    pub outcome: Result<Answer, SessionError>,
    /// Round trip of its last step.
    pub rtt: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct SessionError {
    pub report: ErrorReport,
    /// What the protocol says; `None` if the connection broke.
    pub failure: Option<Failure>,
}

impl Session {
    /// A client on this connection. Each request may take `patience`.
    pub fn new(
        link: Link,
        credentials: Option<Credentials>,
        patience: Duration,
        seed: u64,
        clock: Clock,
        lease: Lease,
    ) -> Self {
        let client = Client::new(Config {
            credentials,
            stream: link.is_stream(),
            patience,
            seed,
        });
        Self {
            client,
            driver: Driver::new(link, clock),
            clock,
            lease,
            backlog: VecDeque::new(),
        }
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A round trip to the server takes no longer; 0 if nothing is known.
    pub fn round_trip(&self) -> Duration {
        self.client.round_trip().unwrap_or_default()
    }

    pub const fn link(&self) -> &Link {
        &self.driver.sockets
    }

    /// Begins a request; it runs while [`Session::next`] is polled.
    pub fn begin<R>(&mut self, request: impl FnOnce(&mut Client, Time) -> R) -> R {
        request(&mut self.client, self.clock.now())
    }

    /// Makes a request and waits for its end. Other events wait for [`Session::next`].
    pub async fn request(
        &mut self,
        request: impl FnOnce(&mut Client, Time) -> RequestId,
    ) -> Completion {
        let id = self.begin(request);
        let mut others = VecDeque::new();
        let done = loop {
            match self.next().await {
                Ok(Event::Done {
                    request,
                    outcome,
                    rtt,
                }) if request == id => {
                    break self.done(outcome, rtt);
                }
                Ok(other) if others.len() < MAX_WAITING => others.push_back(other),
                Ok(_) => {}
                Err(report) => {
                    break Completion {
                        outcome: Err(SessionError {
                            report,
                            failure: None,
                        }),
                        rtt: None,
                    };
                }
            }
        };
        others.append(&mut self.backlog);
        self.backlog = others;
        done
    }

    /// The end of a request, with the connection's trouble where that is the cause.
    pub fn done(&self, outcome: Result<Answer, Failure>, rtt: Option<Duration>) -> Completion {
        let outcome = outcome.map_err(|failure| match (self.client.broken(), &failure) {
            (Some(broken), Failure::Timeout | Failure::SilentAfterChallenge) => SessionError {
                report: broken.clone(),
                failure: None,
            },
            _ => SessionError {
                report: (failure == Failure::Timeout)
                    .then(|| self.link().rejection())
                    .flatten()
                    .unwrap_or_else(|| ErrorReport::from(&failure)),
                failure: Some(failure),
            },
        });
        Completion { outcome, rtt }
    }

    /// Sends a datagram through the relay. `false` if it is too long.
    pub fn send(&mut self, peer: std::net::SocketAddr, payload: &[u8]) -> bool {
        self.client.send(peer, payload)
    }

    /// The same, over UDP whole or not at all. `false` also if it is larger than the system sends.
    pub async fn send_whole(&mut self, peer: std::net::SocketAddr, payload: &[u8]) -> bool {
        self.driver.flush(&mut self.client).await;
        if !self.client.send(peer, payload) {
            return false;
        }
        let Some(Transmit { payload: frame, .. }) = self.client.poll_transmit() else {
            return true;
        };
        match self.driver.sockets.send_whole(&frame).await {
            Ok(is_sent) => is_sent,
            Err(error) => {
                self.client.handle_error(self.clock.now(), (), error);
                true
            }
        }
    }

    /// Runs the connection until something happens. May be dropped and called again.
    /// Fails if the connection has ended and nothing more can happen.
    pub async fn next(&mut self) -> Result<Event, ErrorReport> {
        loop {
            if let Some(event) = self.backlog.pop_front() {
                return Ok(event);
            }
            self.driver.flush(&mut self.client).await;
            if let Some(event) = self.client.poll_event() {
                return Ok(event);
            }
            if let Some(broken) = self.client.broken() {
                return Err(broken.clone());
            }
            let turn = self.driver.turn(&mut self.client, None, pending::<()>());
            turn.await;
        }
    }

    /// Ends the allocation and waits for a moment until the server has done so: another one may be
    /// waiting for its place in the user's quota.
    pub async fn release(mut self) {
        if !self.begin(Client::give_back) {
            return;
        }
        let patience = RELEASE.max(self.round_trip() * 2);
        let _ = tokio::time::timeout(patience, returned(&mut self.client, &mut self.driver)).await;
        // A server that has not answered by now has been asked often enough.
        self.client.forget();
    }
}

/// However a session ends, its allocation is given back, by a task that [`crate::net::leases::Leases::all_back`] waits for.
impl Drop for Session {
    fn drop(&mut self) {
        if !self.begin(Client::give_back) {
            return;
        }
        // Without a runtime the program is at its end.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (mut client, clock) = (self.client.take(), self.clock);
        let mut driver = Driver::new(self.driver.sockets.take(), clock);
        let lease = self.lease.clone();
        runtime.spawn(async move {
            returned(&mut client, &mut driver).await;
            drop(lease);
        });
    }
}

/// Until the server has taken the allocation back, or does not answer.
async fn returned(client: &mut Client, driver: &mut Driver<Link>) {
    loop {
        driver.flush(client).await;
        if client.is_returned() {
            return;
        }
        driver.turn(client, None, pending::<()>()).await;
    }
}
