//! From the URL of a rendezvous to a WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, Uri, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::host::Source;
use crate::net::misdirected;
use crate::net::rendezvous::bounded::Bounded;
use crate::net::rendezvous::client::Way;
use crate::net::rendezvous::failure::Failure;
use crate::net::rendezvous::look::Look;
use crate::net::rendezvous::steps::{Step, Steps};
use crate::net::resolve;
use crate::net::stream::io_error;
use crate::net::tls;
use crate::proto::signal::seal::MAX_ENVELOPE;
use crate::proto::signal::url::RendezvousUrl;
use crate::proto::signal::wire::SUBPROTOCOL;
use crate::proto::stun::uri::Host;

/// How long one address has before the next one is tried beside it (RFC 8305 5 says 250 ms; a
/// person waits).
const NEXT_ADDRESS: Duration = Duration::from_millis(100);

pub(super) type Socket = WebSocketStream<Bounded<Box<dyn Stream>>>;

/// What is read at once: what has come is looked at before more is.
const READ_BUFFER: usize = 16 << 10;

pub(in crate::net) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(super) async fn dial(way: &Way, by: Instant, steps: &Steps) -> Result<Socket, Failure> {
    let url = &way.url;
    let (stream, addresses) = transport(way, by, steps).await?;
    let look = Look {
        way,
        addresses: &addresses,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_ENVELOPE + bounds::RENDEZVOUS_WRITE_BUFFER)
        .max_message_size(Some(MAX_ENVELOPE))
        .max_frame_size(Some(MAX_ENVELOPE));
    steps.begin(Step::WebSocket);
    let stream = Bounded::new(stream, MAX_ENVELOPE + READ_BUFFER);
    let opened = tokio_tungstenite::client_async_with_config(request(url)?, stream, Some(config));
    match timeout_at(by, opened).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(response))) => {
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|to| to.to_str().ok());
            Err(look.at_answer(response.status(), location).await)
        }
        Ok(Err(error)) => {
            let failure = Failure::of_websocket(&error);
            // What is no answer of HTTP may be one of TLS or of MQTT.
            Err(if url.tls {
                look.at_silent(failure).await
            } else {
                look.at_plain(failure).await
            })
        }
        Err(_) => Err(Failure::timeout(format!(
            "{url} accepts the connection and does not answer"
        ))),
    }
}

/// The connection below the WebSocket, or below MQTT: TCP, with TLS where the URL says so. Gives the addresses too.
pub(super) async fn transport(
    way: &Way,
    by: Instant,
    steps: &Steps,
) -> Result<(Box<dyn Stream>, Vec<SocketAddr>), Failure> {
    let url = &way.url;
    steps.begin(Step::Name(url.host.clone()));
    let addresses = find(way, by).await?;
    steps.begin(Step::Connection {
        host: url.host.clone(),
        addresses: addresses.clone(),
    });
    let connected = timeout_at(by, connect(&addresses, &way.source)).await;
    let stream = connected
        .unwrap_or_else(|_| Err(no_connection(&addresses)))
        .map_err(|failure| of_addresses(failure, &url.host, &addresses))?;
    if !url.tls {
        return Ok((Box::new(stream), addresses));
    }
    let look = Look {
        way,
        addresses: &addresses,
    };
    steps.begin(Step::Tls);
    let shaken = timeout_at(by, tls::handshake(&url.host, stream)).await;
    let shaken = shaken.map_err(|_| Failure::timeout("the TLS handshake is not answered"))?;
    match shaken {
        Ok((stream, _)) => Ok((Box::new(stream), addresses)),
        Err((report, _)) => {
            let is_no_tls = matches!(report.code, Code::Tls | Code::Closed);
            let failure = of_tls(report);
            // What speaks plain MQTT there is not told from what speaks nothing.
            Err(if is_no_tls && !url.is_broker() {
                look.at_tls(failure).await
            } else {
                failure
            })
        }
    }
}

async fn find(way: &Way, by: Instant) -> Result<Vec<SocketAddr>, Failure> {
    let RendezvousUrl { host, port, .. } = &way.url;
    match timeout_at(by, resolve::host(host, *port, &way.families)).await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(Failure::passing(resolve::error_report(host, &error))),
        Err(_) => Err(Failure::passing(resolve::silence(host))),
    }
}

fn no_connection(addresses: &[SocketAddr]) -> Failure {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Failure::timeout(format!(
        "no connection to {}: no answer",
        addresses.join(" or ")
    ))
}

/// Where a name leads to no other machine, that is why nothing takes the connection. On the machine of the
/// rendezvous itself such a name is right, so this is not asked before.
fn of_addresses(failure: Failure, host: &Host, addresses: &[SocketAddr]) -> Failure {
    match misdirected::without(host, addresses.to_vec()) {
        Ok(_) => failure,
        Err(report) => Failure::passing(report),
    }
}

pub(super) fn request(url: &RendezvousUrl) -> Result<Request<()>, Failure> {
    let wrong = |e: &dyn std::fmt::Display| {
        let message = format!("{url} cannot be requested: {e}");
        Failure::lasting(ErrorReport::new(Code::Usage, message))
    };
    let scheme = if url.tls { "wss" } else { "ws" };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(url.authority())
        .path_and_query(url.path())
        .build()
        .map_err(|e| wrong(&e))?;
    let mut request = uri.into_client_request().map_err(|e| wrong(&e))?;
    let subprotocol = HeaderValue::from_static(if url.is_broker() { "mqtt" } else { SUBPROTOCOL });
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    Ok(request)
}

/// A wrong certificate stays wrong; a handshake may also break with the connection.
fn of_tls(report: ErrorReport) -> Failure {
    match report.code {
        Code::Tls => Failure::passing(ErrorReport {
            hint: Some("check that the rendezvous speaks TLS on this port; if not, use ws://"),
            ..report
        }),
        code if code.is_of_certificate() => Failure::lasting(report),
        _ => Failure::passing(report),
    }
}

/// The first address that takes a connection, each tried a little after the one before it
/// (RFC 8305), the families by turns.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    source: &Source,
) -> Result<TcpStream, Failure> {
    let mut left = by_turns(addresses).into_iter();
    let mut tries = JoinSet::new();
    let mut first_error = None;
    loop {
        let more = left.next().map(|address| {
            let source = source.clone();
            tries.spawn(async move { connect_to(&source, address).await });
        });
        loop {
            tokio::select! {
                Some(done) = tries.join_next() => match done {
                    Ok(Ok(stream)) => return Ok(stream),
                    Ok(Err(error)) => {
                        // The first address is the one that the system prefers.
                        first_error.get_or_insert(error);
                        if more.is_some() {
                            break;
                        }
                    }
                    // A panic in a task is a fault of ours, and shows as no connection.
                    Err(_) => {}
                },
                () = sleep(NEXT_ADDRESS), if more.is_some() => break,
                else => {
                    let error = first_error.unwrap_or_else(Failure::closed);
                    return Err(error);
                }
            }
        }
    }
}

async fn connect_to(source: &Source, address: SocketAddr) -> Result<TcpStream, Failure> {
    let connected = async {
        let local = source.local_address_to(address)?;
        let stream = source.tcp(local)?.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    connected.await.map_err(|error| {
        let report = io_error(&error);
        let message = format!("no connection to {address}: {}", report.message);
        let hint = match report.code {
            Code::Refused => Some("check host and port, and that 'rtcdiag serve' runs there"),
            _ => report.hint,
        };
        Failure::passing(ErrorReport {
            message,
            hint,
            ..report
        })
    })
}

fn by_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(|a| Family::of(a.ip())) else {
        return Vec::new();
    };
    let (one, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|a| Family::of(a.ip()) == first);
    let longest = one.len().max(other.len());
    (0..longest)
        .flat_map(|index| [one.get(index), other.get(index)])
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|a| a.parse().expect(a)).collect()
        };
        let found = addresses("[2001:db8::1]:1 [2001:db8::2]:1 192.0.2.1:1");
        let wanted = addresses("[2001:db8::1]:1 192.0.2.1:1 [2001:db8::2]:1");
        assert_eq!(by_turns(&found), wanted);
        assert!(by_turns(&[]).is_empty());
    }
}
