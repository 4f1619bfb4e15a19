//! Questions to the router: PCP and NAT-PMP over UDP, the search for its gateway device, and the
//! calls of that over HTTP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use url::Url;

use super::clock::Clock;
use super::driver::send_error;
use super::host::{self, Source};
use super::route;
use crate::nat::port_control::igd::{self, Call, Service};
use crate::nat::port_control::inquiry::{Inquiry, Outcome, Schedule};
use crate::nat::port_control::ssdp::{Bystander, LocalNetwork, Location, Search};
use crate::nat::port_control::{PORT, Refusal};

/// Larger than any packet of these protocols.
const BUFFER: usize = 2048;

/// The way to a router.
#[derive(Clone)]
pub struct Way {
    /// Where packets leave from.
    pub source: Source,
    /// The local address.
    pub local: IpAddr,
    /// The router.
    pub router: IpAddr,
    /// The number of the interface, which link-local addresses need.
    pub scope: u32,
    /// The clock of the run.
    pub clock: Clock,
}

impl Way {
    /// The way to the default router, if there is one.
    pub fn to_router(
        source: &Source,
        local: IpAddr,
        interface: Option<&str>,
        clock: Clock,
    ) -> Option<Self> {
        let router = route::router_of(interface, local)?;
        // Over a router of the other family it cannot be asked from this address.
        (router.is_ipv4() == local.is_ipv4()).then(|| Self {
            source: source.clone(),
            local,
            router,
            scope: interface.and_then(route::index_of).unwrap_or_default(),
            clock,
        })
    }

    /// Asks at the port of PCP and NAT-PMP until there is an outcome; also says how many packets
    /// that took.
    pub async fn ask<A: Clone, R: Fn(&[u8]) -> Option<A>>(
        &self,
        packet: Vec<u8>,
        schedule: Schedule,
        read: R,
    ) -> (Outcome<A>, usize) {
        let mut inquiry = Inquiry::new(packet, schedule, read, self.clock.now());
        let socket = match self.connected().await {
            Ok(socket) => socket,
            Err(error) => return (Outcome::NotSent(send_error(&error)), 0),
        };
        let mut buffer = vec![0; BUFFER];
        loop {
            if let Some(outcome) = inquiry.outcome() {
                return (outcome.clone(), inquiry.transmissions());
            }
            let now = self.clock.now();
            if let Some(packet) = inquiry.poll_transmit(now) {
                if let Err(error) = socket.send(packet).await {
                    inquiry.handle_error(send_error(&error));
                }
                continue;
            }
            let deadline = inquiry.poll_timeout().unwrap_or(now);
            tokio::select! {
                received = socket.recv(&mut buffer) => match received {
                    Ok(length) => inquiry.handle_input(&buffer[..length]),
                    Err(error) => inquiry.handle_error(send_error(&error)),
                },
                () = tokio::time::sleep_until(self.clock.instant(deadline)) => {
                    inquiry.handle_timeout(self.clock.now());
                }
            }
        }
    }

    /// Connected, so that only the router is heard, and ICMP errors are.
    async fn connected(&self) -> io::Result<UdpSocket> {
        let socket = self.source.udp(self.local)?;
        let router = match self.router {
            IpAddr::V4(_) => SocketAddr::new(self.router, PORT),
            IpAddr::V6(ip) => {
                let scope = if ip.is_unicast_link_local() {
                    self.scope
                } else {
                    0
                };
                SocketAddrV6::new(ip, PORT, 0, scope).into()
            }
        };
        socket.connect(router).await?;
        Ok(socket)
    }

    /// Begins the search for the router's gateway device.
    ///
    /// # Errors
    ///
    /// If nothing can be sent to the group from here.
    pub fn search(&self, router: Ipv4Addr, local: Ipv4Addr) -> io::Result<Searching> {
        let socket = self.source.udp(self.local)?;
        SockRef::from(&socket).set_multicast_if_v4(&local)?;
        let network = LocalNetwork {
            address: local,
            prefix: host::prefix_of(local).unwrap_or(32),
        };
        Ok(Searching {
            socket,
            clock: self.clock,
            search: Search::new(router, network, self.clock.now()),
            failure: None,
        })
    }

    /// Reads a description.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub async fn describe(&self, location: &Location) -> Result<Vec<Service>, String> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(path_of(&location.url));
        let (status, text) = self
            .http(location.address, &location.url, request, String::new())
            .await?;
        if status != StatusCode::OK {
            return Err(format!("its description is answered with HTTP {status}"));
        }
        igd::services(&text, &location.url)
    }

    /// Makes a call. The inner error is the router's own.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the answer, or that there is none.
    pub async fn call(
        &self,
        service: &Service,
        call: Call,
    ) -> Result<Result<String, Refusal>, String> {
        let url = &service.control;
        let port = url.port_or_known_default().unwrap_or(80);
        let address = match url.host() {
            Some(url::Host::Ipv4(ip)) => SocketAddr::new(ip.into(), port),
            _ => return Err("its description names no host".to_owned()),
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(path_of(url))
            .header(CONTENT_TYPE, "text/xml; charset=\"utf-8\"")
            .header(HeaderName::from_static("soapaction"), call.action);
        let (status, text) = self.http(address, url, request, call.body).await?;
        if status == StatusCode::OK {
            return Ok(Ok(text));
        }
        match igd::refusal(&text) {
            Some(refusal) => Ok(Err(refusal)),
            None => Err(format!("a call is answered with HTTP {status}")),
        }
    }

    /// One request on a connection of its own. Redirects are not followed: nobody says where to
    /// connect to but the answer to the search.
    async fn http(
        &self,
        address: SocketAddr,
        url: &Url,
        request: hyper::http::request::Builder,
        body: String,
    ) -> Result<(StatusCode, String), String> {
        let said = |error: &dyn std::fmt::Display| format!("{address} over HTTP: {error}");
        let socket = self.source.tcp(self.local).map_err(|e| said(&e))?;
        let stream = socket.connect(address).await.map_err(|e| said(&e))?;
        let (mut sender, connection) = http1::Builder::new()
            // Some devices know header names only as the standard writes them.
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| said(&e))?;
        // Dropped with this call, which ends the connection.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let host = url.host_str().unwrap_or_default();
        let request = request
            .header(HOST, format!("{host}:{}", address.port()))
            .header(hyper::header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| said(&e))?;
        let response = sender.send_request(request).await.map_err(|e| said(&e))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), igd::LARGEST)
            .collect()
            .await
            .map_err(|e| said(&e))?
            .to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// A search that runs.
pub struct Searching {
    socket: UdpSocket,
    clock: Clock,
    search: Search,
    failure: Option<io::Error>,
}

impl Searching {
    /// The next place where the router is described; `None` when the search is over.
    pub async fn next(&mut self) -> Option<Location> {
        let mut buffer = vec![0; BUFFER];
        loop {
            if let Some(location) = self.search.poll_found() {
                return Some(location);
            }
            let now = self.clock.now();
            if let Some((destination, packet)) = self.search.poll_transmit(now) {
                if let Err(error) = self.socket.send_to(&packet, destination).await {
                    self.failure = Some(error);
                }
                continue;
            }
            let deadline = self.search.poll_timeout()?;
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    // An error is of an earlier packet: the router may answer to the group still.
                    if let Ok((length, source)) = received {
                        self.search.handle_input(source, &buffer[..length]);
                    }
                }
                () = tokio::time::sleep_until(self.clock.instant(deadline)) => {
                    self.search.handle_timeout(self.clock.now());
                }
            }
        }
    }

    /// Those that answered and are not asked.
    pub fn bystanders(&self) -> Vec<Bystander> {
        self.search.bystanders().cloned().collect()
    }

    /// Why something could not be sent, if so.
    pub const fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// Datagrams sent.
    pub const fn transmissions(&self) -> usize {
        self.search.transmissions()
    }
}

/// How long a document of the router is waited for.
pub const DOCUMENT_PATIENCE: Duration = Duration::from_millis(700);

fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
