//! A TURN client on a connection.

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::Clock;
use super::link::Link;
use crate::report::ErrorReport;
use crate::time::Time;
use crate::turn::client::{Answer, Client, Config, Event, RequestId};
use crate::turn::credentials::Credentials;
use crate::turn::error::Failure;

/// Events that wait while a request is under way. More is a flood.
const MAX_WAITING: usize = 256;

/// How long the end of an allocation is waited for.
const RELEASE: Duration = Duration::from_millis(500);

/// A TURN client on a connection.
pub struct Session {
    client: Client,
    link: Link,
    clock: Clock,
    /// Events that came while something else was waited for.
    backlog: VecDeque<Event>,
    broken: Option<ErrorReport>,
}

/// How a request ended.
#[derive(Debug, Clone)]
pub struct Done {
    /// What it got, or why nothing.
    pub outcome: Result<Answer, Trouble>,
    /// Round trip of its last step.
    pub rtt: Option<Duration>,
}

/// Why a request got nothing.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// As a report has it.
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
    ) -> Self {
        let client = Client::new(Config {
            credentials,
            stream: link.is_stream(),
            patience,
            seed,
        });
        Self {
            client,
            link,
            clock,
            backlog: VecDeque::new(),
            broken: None,
        }
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The connection.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Begins a request; it runs while [`Session::next`] is polled.
    pub fn begin<R>(&mut self, request: impl FnOnce(&mut Client, Time) -> R) -> R {
        request(&mut self.client, self.clock.now())
    }

    /// Makes a request and waits for its end. Other events wait for [`Session::next`].
    pub async fn request(&mut self, request: impl FnOnce(&mut Client, Time) -> RequestId) -> Done {
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
                    break Done {
                        outcome: Err(Trouble {
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
    pub fn done(&self, outcome: Result<Answer, Failure>, rtt: Option<Duration>) -> Done {
        let outcome = outcome.map_err(|failure| match (&self.broken, &failure) {
            (Some(broken), Failure::Timeout) => Trouble {
                report: broken.clone(),
                failure: None,
            },
            _ => Trouble {
                report: ErrorReport::from(&failure),
                failure: Some(failure),
            },
        });
        Done { outcome, rtt }
    }

    /// Sends a datagram through the relay. `false` if it is too long.
    pub fn send(&mut self, peer: std::net::SocketAddr, payload: &[u8]) -> bool {
        self.client.send(peer, payload)
    }

    /// Runs the connection until something happens. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// If the connection has ended and nothing more can happen.
    pub async fn next(&mut self) -> Result<Event, ErrorReport> {
        loop {
            if let Some(event) = self.backlog.pop_front() {
                return Ok(event);
            }
            while let Some(bytes) = self.client.poll_transmit() {
                if self.broken.is_none()
                    && let Err(error) = self.link.send(&bytes).await
                {
                    self.note(error);
                }
            }
            if let Some(event) = self.client.poll_event() {
                return Ok(event);
            }
            if let Some(broken) = &self.broken {
                return Err(broken.clone());
            }
            // Neither a flood nor a deep buffer may hold up timers and other tasks.
            tokio::task::consume_budget().await;
            let now = self.clock.now();
            let due = self.client.poll_timeout();
            if due.is_some_and(|due| due <= now) {
                self.client.handle_timeout(now);
                continue;
            }
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(self.clock.instant(due)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                received = self.link.receive() => match received {
                    Ok(bytes) => self.client.handle_input(self.clock.now(), &bytes),
                    Err(error) => self.note(error),
                },
                () = wait => self.client.handle_timeout(self.clock.now()),
            }
        }
    }

    /// Ends the allocation and waits for a moment until the server has done so: another one may be
    /// waiting for its place in the user's quota.
    pub async fn release(mut self) {
        if self.client.allocation().is_some() && self.broken.is_none() {
            let released = self.request(|client, now| client.refresh(now, 0));
            // An allocation that is not released ends by itself.
            let _ = tokio::time::timeout(RELEASE, released).await;
        }
    }

    /// Ends the allocation without waiting for the answer.
    pub async fn abandon(mut self) {
        if self.client.allocation().is_none() || self.broken.is_some() {
            return;
        }
        self.begin(|client, now| client.refresh(now, 0));
        while let Some(bytes) = self.client.poll_transmit() {
            if self.link.send(&bytes).await.is_err() {
                return;
            }
        }
        self.link.flush(Duration::from_millis(100)).await;
    }

    /// An error of the connection. ICMP errors count as its end: the server is not there.
    fn note(&mut self, error: ErrorReport) {
        self.client.handle_closed();
        self.broken = Some(error);
    }
}
