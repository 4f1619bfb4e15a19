//! Questions to the router: PCP and NAT-PMP over UDP, the search for its gateway device, and the
//! calls of that over HTTP.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

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

use crate::net::clock::Clock;
use crate::net::drive::{Connected, Driver, OneSocket};
use crate::net::host::{self, Source};
use crate::net::route;
use crate::proto::machine::{Machine as _, SendError};
use crate::proto::nat::router::igd::{self, Call, Service};
use crate::proto::nat::router::inquiry::{Inquiry, Outcome, Schedule};
use crate::proto::nat::router::ssdp::{LocalNetwork, Location, Search};
use crate::proto::nat::router::{PORT, Refusal};

#[derive(Clone)]
pub struct RouterPath {
    pub source: Source,
    pub local: IpAddr,
    pub router: IpAddr,
    /// The number of the interface, which link-local addresses need.
    pub scope: u32,
    pub clock: Clock,
}

impl RouterPath {
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
            Err(error) => return (Outcome::NotSent(SendError::from(&error)), 0),
        };
        let mut driver = Driver::new(Connected::new(socket), self.clock);
        loop {
            driver.flush(&mut inquiry).await;
            if let Some(outcome) = inquiry.outcome() {
                return (outcome.clone(), inquiry.transmissions());
            }
            driver.turn(&mut inquiry, None, pending::<()>()).await;
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
    /// Fails if nothing can be sent to the group from here.
    pub fn search(&self, router: Ipv4Addr, local: Ipv4Addr) -> io::Result<GatewaySearch> {
        let socket = self.source.udp(self.local)?;
        SockRef::from(&socket).set_multicast_if_v4(&local)?;
        let network = LocalNetwork {
            address: local,
            prefix: host::prefix_of(local).unwrap_or(32),
        };
        Ok(GatewaySearch {
            driver: Driver::new(OneSocket::new(socket), self.clock),
            search: Search::new(router, network, self.clock.now()),
        })
    }

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

pub struct GatewaySearch {
    driver: Driver<OneSocket<UdpSocket>>,
    pub search: Search,
}

impl GatewaySearch {
    /// The next place where the router is described; `None` when the search is over.
    pub async fn next(&mut self) -> Option<Location> {
        loop {
            if let Some(location) = self.search.poll_found() {
                return Some(location);
            }
            self.driver.flush(&mut self.search).await;
            if self.search.is_finished() {
                return None;
            }
            let turn = self.driver.turn(&mut self.search, None, pending::<()>());
            turn.await;
        }
    }
}

fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
