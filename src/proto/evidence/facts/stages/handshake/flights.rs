//! Which way the packets of a handshake are lost, and whether it is the large ones, by what packets show.

use crate::proto::capture::paths::Flights;
use crate::proto::evidence::calls::JoinedCall;

/// So many of one flight are sent again since nothing came of them (RFC 9147 5.8.2).
const AGAIN: u32 = 4;
/// Larger datagrams than all paths carry (RFC 8831 5).
const LARGE: usize = 1200;

/// What is lost, and what shows it.
pub(super) fn lost(call: &JoinedCall) -> Option<(String, Vec<String>)> {
    let flights = |end: usize| call.ends[end].as_ref()?.dtls.flights;
    match (flights(0), flights(1)) {
        (Some([sent, came]), Some([sent_there, came_there])) => {
            between((sent, came_there), ["this side", "the other side"])
                .or_else(|| between((sent_there, came), ["the other side", "this side"]))
        }
        (Some([sent, came]), None) => alone([sent, came], ["this side", "the other side"]),
        (None, Some([sent, came])) => alone([sent, came], ["the other side", "this side"]),
        (None, None) => None,
    }
}

/// By the captures of both ends: what one sent, and what came of it to the other one.
fn between(
    (sent, came): (Flights, Flights),
    [who, other]: [&str; 2],
) -> Option<(String, Vec<String>)> {
    if sent.count < AGAIN {
        return None;
    }
    let seen = |came: String| {
        let sent = format!(
            "{who} sent {} datagrams of the handshake, up to {} bytes",
            sent.count, sent.largest
        );
        vec![sent, came]
    };
    if came.count == 0 {
        let message = format!(
            "ICE found a way, and the DTLS handshake over it is lost one way: what {who} sends of it does not arrive at {other}, while checks do; something on the way drops DTLS"
        );
        return Some((message, seen(format!("none of them came to {other}"))));
    }
    (came.largest < sent.largest && sent.largest >= LARGE).then(|| {
        let message = format!(
            "ICE found a way, and the large packets of the DTLS handshake over it are lost: what {who} sends arrives at {other} up to {} bytes, and not with {}; the path carries no such packets (MTU), as tunnels and VPNs do",
            came.largest, sent.largest
        );
        let came = format!("the largest that came to {other} has {} bytes", came.largest);
        (message, seen(came))
    })
}

/// By the capture of one end alone.
fn alone([sent, came]: [Flights; 2], [who, other]: [&str; 2]) -> Option<(String, Vec<String>)> {
    let seen = vec![format!(
        "in the capture of {who}: {} datagrams of the handshake sent, up to {} bytes, and {} came",
        sent.count, sent.largest, came.count
    )];
    let large = if sent.largest >= LARGE {
        ", or drops what is as large as that (MTU)"
    } else {
        ""
    };
    if sent.count >= AGAIN && came.count == 0 {
        let message = format!(
            "ICE found a way, and {who} sends its part of the DTLS handshake again and again, of which nothing comes back: {other} does not answer, or something on the way drops DTLS{large}; the capture of {other} tells which"
        );
        return Some((message, seen));
    }
    if sent.count == 0 && came.count >= AGAIN {
        let message = format!(
            "ICE found a way, and {other} sends its part of the DTLS handshake again and again, which comes to the machine of {who} and is not answered: its program does not take it, or a firewall on that machine drops it"
        );
        return Some((message, seen));
    }
    (sent.count >= AGAIN && came.count >= AGAIN).then(|| {
        let message = format!(
            "ICE found a way, and both ends send their part of the DTLS handshake over it again and again: what {who} gets does not let it go on, or what it sends does not arrive at {other}, and large packets may be what is lost (MTU); the capture of {other} tells which"
        );
        (message, seen)
    })
}
