//! A second look at a TCP port that takes connections and does not answer as it should: what does it
//! speak, if not what was asked for?
//!
//! Each question goes over a connection of its own. Nothing that is sent is secret.

mod clock;
pub mod other_ports;
mod probe;
mod trusting;
mod udp;
mod words;

pub use udp::{Passage, Reply, passage_over_udp, stun_over_udp, turn_over_udp};

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::base::codes::Code;
use crate::base::long_way::long;
use crate::base::report::ErrorReport;
use crate::base::stage::Stage;
use crate::base::words::OVER_TCP;
use crate::net::host::Source;
use crate::net::link::Target;
use crate::proto::stun::uri::{Host, Transport};
use crate::proto::tls::Flight;

/// How long all questions together may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long the first connection may take.
const FIRST_PATIENCE: Duration = Duration::from_millis(2500);
/// What the longest chain of questions takes: two connections, two handshakes, and an answer.
const ROUND_TRIPS: u32 = 8;
/// Of them, one connection with its handshake and its question.
const ROUND_TRIPS_INSIDE: u32 = 5;
const WEB_PORT: u16 = 443;
/// When the questions are asked that most servers take for noise.
const RARE_AFTER: Duration = Duration::from_millis(300);

/// What is looked at, and for what.
#[derive(Debug, Clone)]
pub struct Look {
    pub target: Target,
    pub source: Source,
    pub local: std::net::IpAddr,
    /// Whether TURN is wanted there, or STUN alone.
    pub is_turn: bool,
    /// By which a browser would connect.
    pub proxy: Option<Proxy>,
    /// What a long way adds to the time for an answer: a round trip.
    pub way: Duration,
}

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What names it, and its address.
    pub name: String,
    pub host: Host,
    pub port: u16,
}

/// What a connection to the port shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    /// It answers STUN or TURN without TLS.
    Stun,
    /// What it says to a `ClientHello`, and what answers inside.
    Tls(Flight, Option<Inside>),
    /// It does not answer a `ClientHello` with TLS.
    NotTls,
    /// The same, and it does to one without the server's name.
    TlsWithoutName,
    /// It answers a `ClientHello` over a connection whose segments are small.
    TlsInSmallSegments,
    /// It answers STUN with something else.
    Noise,
    Web(Web),
    /// It speaks first: this.
    Banner(Vec<u8>),
    /// Only behind a header of the PROXY protocol it answers.
    BehindProxyHeader,
    /// It closes the connection though nothing was sent.
    ClosesUnasked,
}

/// What answers inside TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inside {
    Stun,
    Web(Web),
    /// It asks for a certificate of the client, and answers nothing without.
    WantsCertificate,
    /// It closes the connection without an answer.
    Closes,
    Silent,
}

/// A web server, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Web {
    server: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
struct Signs(Vec<Sign>);

impl Signs {
    fn has(&self, sign: &Sign) -> bool {
        self.0.contains(sign)
    }

    fn tls(&self) -> Option<(&Flight, Option<&Inside>)> {
        self.0.iter().find_map(|sign| match sign {
            Sign::Tls(flight, inside) => Some((flight, inside.as_ref())),
            _ => None,
        })
    }

    fn web(&self) -> Option<&Web> {
        self.0.iter().find_map(|sign| match sign {
            Sign::Web(web) => Some(web),
            _ => None,
        })
    }

    fn banner(&self) -> Option<&[u8]> {
        self.0.iter().find_map(|sign| match sign {
            Sign::Banner(bytes) => Some(&bytes[..]),
            _ => None,
        })
    }

    /// Whether no other sign could change what is said.
    fn are_enough(&self, over_tls: bool) -> bool {
        // Some servers tell by the first bytes what they are asked, and speak both.
        let tls_is_known =
            self.tls().is_some() || self.has(&Sign::NotTls) || self.has(&Sign::TlsWithoutName);
        self.0.iter().any(|sign| match sign {
            Sign::Stun => !over_tls || tls_is_known,
            Sign::Web(_) => self.has(&Sign::NotTls),
            Sign::Banner(_) => true,
            Sign::Tls(Flight::Alert(_), _) | Sign::TlsWithoutName => over_tls,
            Sign::Tls(_, inside) => matches!(inside, Some(Inside::Stun | Inside::Web(_))),
            Sign::NotTls
            | Sign::TlsInSmallSegments
            | Sign::Noise
            | Sign::BehindProxyHeader
            | Sign::ClosesUnasked => false,
        })
    }
}

/// What there is beside a port that does not answer.
#[derive(Debug, Clone)]
pub enum Beside {
    /// Over TCP the same port answers.
    SamePort(ErrorReport),
    Elsewhere(ErrorReport),
}

impl Beside {
    fn report(self) -> ErrorReport {
        match self {
            Self::SamePort(report) | Self::Elsewhere(report) => report,
        }
    }
}

impl Look {
    /// Whether a failure may come from another protocol on that port.
    pub fn is_worth_it(&self, stage: Stage, error: &ErrorReport) -> bool {
        let odd = matches!(
            error.code,
            Code::Timeout | Code::Closed | Code::NotStun | Code::Tls | Code::Malformed
        );
        let connected = matches!(stage, Stage::Tls | Stage::Binding | Stage::Allocate);
        self.target.transport != Transport::Udp && connected && odd
    }

    /// The error in better words, if the port tells what it speaks.
    pub async fn explain(&self, stage: Stage, error: &ErrorReport) -> Option<ErrorReport> {
        if matches!(
            error.code,
            Code::CertificateExpired | Code::CertificateNotYetValid
        ) {
            return Box::pin(clock::compare(self, error)).await;
        }
        if !self.is_worth_it(stage, error) {
            return None;
        }
        let signs = Box::pin(self.signs(true)).await?;
        words::explain(self, stage, error, &signs)
    }

    /// The error in better words if there are any: what this port speaks, or for a silent one what a
    /// proxy reaches, or what there is on the port of the web (`beside`).
    pub async fn better(
        &self,
        stage: Stage,
        error: ErrorReport,
        beside: impl Future<Output = Option<Beside>>,
    ) -> ErrorReport {
        if let Some(better) = self.explain(stage, &error).await {
            return better;
        }
        let silent = matches!(
            error.code,
            Code::Timeout | Code::Refused | Code::Unreachable | Code::Rejected
        ) && (stage == Stage::Connect || self.target.transport == Transport::Udp);
        if !silent {
            return error;
        }
        let found = match self.by_proxy().await {
            None if self.is_turn => beside.await,
            found => found.map(Beside::Elsewhere),
        };
        // Who rejects UDP has been named: that TCP works says nothing more of it, nor of the server.
        if error.code == Code::Rejected && matches!(found, Some(Beside::SamePort(_))) {
            return ErrorReport {
                message: format!("{}; {OVER_TCP}", error.message),
                ..error
            };
        }
        // Of UDP silence is the news, whatever TCP does.
        let code = match &found {
            Some(Beside::SamePort(_)) => Some(error.code),
            _ => None,
        };
        match found.map(Beside::report) {
            Some(found) => ErrorReport {
                code: code.unwrap_or(found.code),
                message: format!("{}; {}", error.message, found.message),
                ..found
            },
            None => error,
        }
    }

    /// What the proxy of the environment says to a connection there.
    async fn by_proxy(&self) -> Option<ErrorReport> {
        let proxy = self.proxy.as_ref()?;
        let until = Instant::now() + PATIENCE;
        let status = timeout_at(until, probe::connect_by(self, proxy))
            .await
            .ok()??;
        Some(words::by_proxy(proxy, status))
    }

    /// What the same address has over TCP on the same port, where UDP was asked for, or else on the port of the web.
    pub async fn beside(&self) -> Option<Beside> {
        let (over_tcp, of_web) = tokio::join!(self.over_tcp(), self.on_web_port());
        over_tcp
            .map(Beside::SamePort)
            .or_else(|| of_web.map(Beside::Elsewhere))
    }

    async fn over_tcp(&self) -> Option<ErrorReport> {
        if self.target.transport != Transport::Udp || !self.is_turn {
            return None;
        }
        let mut look = self.clone();
        look.target.transport = Transport::Tcp;
        let signs = Box::pin(look.signs(false)).await?;
        words::over_tcp(&signs)
    }

    async fn on_web_port(&self) -> Option<ErrorReport> {
        if self.target.address.port() == WEB_PORT {
            return None;
        }
        let mut look = self.clone();
        look.target.address.set_port(WEB_PORT);
        look.target.transport = Transport::Tls;
        let signs = Box::pin(look.signs(false)).await?;
        words::beside(&signs)
    }

    /// `None` if there is no connection to ask over.
    async fn signs(&self, with_rare: bool) -> Option<Signs> {
        let began = Instant::now();
        let first = timeout_at(began + FIRST_PATIENCE, probe::connect(self)).await;
        let first = first.ok()?.ok()?;
        let look = Self {
            way: long(began.elapsed()),
            ..self.clone()
        };
        let until = began + PATIENCE + look.way * ROUND_TRIPS;
        let mut tasks: JoinSet<Option<Sign>> = JoinSet::new();
        tasks.spawn(probe::listen(first));
        tasks.spawn(probe::stun(look.clone()));
        tasks.spawn(probe::tls(look.clone()));
        tasks.spawn(probe::web(look.clone()));
        if with_rare {
            for header in probe::proxy_headers(&look) {
                tasks.spawn(probe::behind(look.clone(), header));
            }
        }
        let over_tls = self.target.transport == Transport::Tls;
        if over_tls && with_rare {
            tasks.spawn(probe::tls_in_small_segments(look.clone()));
        }
        let mut signs = Signs::default();
        while !signs.are_enough(over_tls)
            && let Ok(Some(done)) = timeout_at(until, tasks.join_next()).await
        {
            signs.0.extend(done.ok().flatten());
        }
        Some(signs)
    }
}
