//! What all that was seen of one transport comes to.

use std::time::Duration;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::report::ErrorReport;
use crate::base::stage::Stage;
use crate::commands::turn::report::{DataReport, PAYLOAD, TransportReport, TransportStatus};
use crate::commands::turn::run::exchange::Size;
use crate::proto::nat::address::SEND_FROM_RELAYED;
use crate::proto::stun::uri::Transport;
use crate::proto::turn::error::{INCOMPLETE, OddDefault, incomplete};

/// A large datagram in a Send indication over IPv4.
const LARGE_PACKET: usize = 1200 + 36 + 28;

/// What a server does not understand that has just understood the same client.
const UNLIKE_BEFORE: &str = "it gives an allocation, and does not understand the next request (error 400): its requests seem to reach several servers, as behind a load balancer, or something on the way changes the packets";

/// A connection that ends while it is in use.
pub(super) fn closed_in_use(error: ErrorReport, age: Duration) -> ErrorReport {
    if error.code != Code::Closed {
        return error;
    }
    let message = format!(
        "the connection was closed after {:.1} s in use: what stands before the server has an idle limit or a time limit, or the server ended it",
        age.as_secs_f64()
    );
    ErrorReport::new(Code::Closed, message).with_hint(
        "raise the limits of the proxy or load balancer before the server (HAProxy: timeout client, timeout server; nginx: proxy_timeout), and look at the server's log",
    )
}

/// How far a flow got that then carries nothing more, for whatever is sent.
enum Until {
    /// Permissions were granted, and nothing else was answered.
    Permission,
    Data,
    /// So many datagrams of a steady stream.
    Stream(usize),
}

fn cut_off(until: &Until) -> ErrorReport {
    let after = match until {
        Until::Permission => {
            "it allocates and grants permissions, and then answers nothing any more".to_owned()
        }
        Until::Data => {
            "it allocates, grants permissions and relays, and then answers nothing any more"
                .to_owned()
        }
        Until::Stream(first) => format!(
            "the first {first} datagrams of a steady stream came out of the relay, and then nothing any more"
        ),
    };
    let message = format!(
        "{after}: something on the way, or the server, cuts the flow off after so many packets or so long a time"
    );
    ErrorReport::new(Code::NoData, message).with_hint(
        "run it on another network: if it is well there, a firewall here cuts such flows; TURN over TLS on port 443 often gets through",
    )
}

pub(super) fn judge(
    report: &mut TransportReport,
    channel: Option<ErrorReport>,
    refresh: Option<ErrorReport>,
) {
    let between = report.relay_to_relay.works.value().copied();
    let is_here = report.to_reflexive.works == Fact::Determined(true);
    let is_timeout =
        |error: &Option<ErrorReport>| error.as_ref().is_some_and(|e| e.code == Code::Timeout);
    let is_dead = is_timeout(&channel) && is_timeout(&refresh);
    let is_cut_here = is_timeout(&refresh) && between == Some(true) && is_cut_from_here(report);
    let wrong = if report.arrivals.are_changed() {
        Some(changed(report))
    } else if between != Some(false) || is_here {
        None
    } else if is_dead {
        Some(cut_off(&Until::Permission))
    } else {
        Some(nothing_comes(report))
    };
    let wrong = wrong
        .or_else(|| large_lost(report).filter(|_| !is_cut_here))
        .map(|error| (Stage::Relay, error));
    let stops = report.throughput.filter(|stream| stream.stops);
    let cut = if between == Some(true) && is_dead {
        Some((Stage::Channel, cut_off(&Until::Data)))
    } else if is_cut_here {
        Some((Stage::Refresh, cut_off(&Until::Data)))
    } else {
        stops.map(|stream| {
            let first = stream.bytes_received / PAYLOAD;
            (Stage::Relay, cut_off(&Until::Stream(first)))
        })
    };
    let is_else_well = between == Some(true) && refresh.is_none();
    let channel = channel.map(|error| (Stage::Channel, no_channel(&error, is_else_well)));
    let channel = channel.or_else(|| {
        (report.channel == Fact::Determined(false)).then(|| {
            let error = ErrorReport::new(
                Code::NoChannelData,
                "a channel was bound, but nothing comes through it",
            )
            .with_hint("the server, or something on the way, breaks ChannelData (RFC 8656 12)");
            (Stage::Channel, error)
        })
    });
    let wrong = wrong
        .or(cut)
        .or(channel)
        .or_else(|| {
            let error = refresh?;
            Some((Stage::Refresh, no_refresh(&error, report.lifetime_s)))
        })
        .or_else(|| not_for_browsers(report).map(|error| (Stage::Allocate, error)));
    if let Some((stage, error)) = wrong {
        report.status = TransportStatus::Failed;
        report.stage = stage;
        report.error = Some(error);
    }
}

/// Whether what went between the relay and this host came at first, and the later part of it, however large, did not.
fn is_cut_from_here(report: &TransportReport) -> bool {
    let yes = Fact::Determined(true);
    let (small, large) = (&report.to_reflexive, &report.to_reflexive_large);
    report.relay_to_relay_large.works == yes
        && small.works == yes
        && large.sent > 0
        && large.received == 0
}

/// Data comes, and is not what was sent.
fn changed(report: &TransportReport) -> ErrorReport {
    ErrorReport::new(Code::DataChanged, report.arrivals.change()).with_hint(
        "the server changes data, or something on the way to it that looks into packets: over TLS nothing on the way can, so try that; else look at the server's version and log",
    )
}

/// Nothing comes through the relay as it has to, neither between two relayed addresses nor between one and this host.
fn nothing_comes(report: &TransportReport) -> ErrorReport {
    let (arrivals, yes) = (&report.arrivals, Fact::Determined(true));
    let relayed = report.relayed_address;
    let relayed = relayed.map_or_else(String::new, |relayed| format!(" {relayed}"));
    if let Some(named) = arrivals.named {
        let message = format!(
            "data comes through the relay in the name of {named} and not of the relayed address{relayed} that sent it, so an answer goes astray"
        );
        return ErrorReport::new(Code::NoData, message).with_hint(
            "where the relay's packets leave through a NAT, have the server told its public address (coturn: external-ip=PUBLIC/PRIVATE); else it is a fault of the server",
        );
    }
    if report.by_channel.works == yes {
        let message = format!(
            "it carries data by channels alone: {} of {} datagrams came through by a channel, and none in Send indications",
            report.by_channel.received, report.by_channel.sent
        );
        return ErrorReport::new(Code::NoData, message).with_hint(
            "the server, or something on the way, drops Send indications (RFC 8656 11.1): programs that bind no channel get nothing through, and others lose what they send before; look at its log and version",
        );
    }
    if let Some(from) = arrivals.from {
        let message = format!(
            "what the relay sends comes from {from}, not from its relayed address{relayed}: peers know nothing of that address, and drop it"
        );
        return ErrorReport::new(Code::NoData, message).with_hint(SEND_FROM_RELAYED);
    }
    if report.inward.works == yes && !arrivals.is_outward {
        let message = format!(
            "what is sent to the relayed address comes in ({} of {} datagrams from this host), and nothing that is sent through the relay goes out",
            report.inward.received, report.inward.sent
        );
        return ErrorReport::new(Code::NoData, message).with_hint(
            "let the server send UDP from its relay ports to everybody, in its own firewall too (coturn: min-port to max-port); else it is a fault of the server",
        );
    }
    let what = if arrivals.is_outward && report.inward.works != yes {
        "it allocates and grants permissions, and what is sent through the relay goes out, but nothing comes in to the relayed address"
    } else {
        "it allocates and grants permissions, but nothing comes through the relay"
    };
    ErrorReport::new(Code::NoData, what)
        .with_hint("open the relay ports in the server's firewall (coturn: min-port to max-port, UDP), and check relay-ip and external-ip")
}

/// A permission that is not given, where the same server has just given an allocation to the same credentials.
pub(super) fn after_allocation(error: &ErrorReport) -> ErrorReport {
    const ONE_SERVER: &str = "look at the server's log; behind a load balancer, all requests of a client have to reach the same server";
    match error.code {
        Code::Timeout => ErrorReport::new(
            Code::Timeout,
            "it gives an allocation, and is silent to the next request",
        )
        .with_hint(ONE_SERVER),
        Code::Unauthorized => ErrorReport::new(
            Code::PermissionFailed,
            "it gives an allocation, and refuses a permission to the same credentials (error 401): its requests seem to reach several servers, or it is a fault of the server",
        )
        .with_hint(ONE_SERVER),
        Code::AllocationMismatch => ErrorReport::new(
            Code::AllocationMismatch,
            "it gives an allocation, and knows nothing of it at the next request (error 437): its requests seem to reach several servers, as behind a load balancer that does not keep clients to one",
        )
        .with_hint(ONE_SERVER),
        Code::BadRequest => ErrorReport::new(Code::BadRequest, UNLIKE_BEFORE).with_hint(ONE_SERVER),
        _ => error.clone(),
    }
}

/// A channel that is not bound, though the same server gives allocations and permissions: that it runs
/// and speaks TURN is known.
fn no_channel(error: &ErrorReport, is_else_well: bool) -> ErrorReport {
    let message = match error.code {
        Code::BadRequest if is_else_well => {
            return ErrorReport::new(
                Code::BadRequest,
                format!("it allocates, grants permissions, relays and refreshes, and refuses each channel ({}): this server does not do channels, or not as RFC 8656 12 has them", error.message),
            )
            .with_hint("browsers bind a channel for each peer, and Chrome gives a path up where that is refused: use a server that has channels, or look at this one's version and settings");
        }
        Code::Timeout => {
            "it allocates and grants permissions, and is silent when a channel is to be bound: the server drops that request, or something on the way does"
                .to_owned()
        }
        Code::NoIntegrity | Code::BadIntegrity | Code::Refused | Code::Closed => {
            return error.clone();
        }
        Code::BadRequest | Code::AllocationMismatch => format!(
            "it allocates and grants permissions, and binds no channel: {}; its requests seem to reach several servers, as behind a load balancer, or something on the way changes the packets",
            error.message
        ),
        _ => format!(
            "it allocates and grants permissions, and binds no channel: {}",
            error.message
        ),
    };
    ErrorReport::new(error.code, message).with_hint(
        "browsers bind a channel for each peer (RFC 8656 12): look at the server's log and version; on a line that loses much, try again",
    )
}

/// A refresh that fails lets the allocation end, and with it the call.
fn no_refresh(error: &ErrorReport, lifetime_s: Option<u32>) -> ErrorReport {
    let until = lifetime_s.map_or_else(String::new, |s| format!(", so it ends after {s} s"));
    let message = match error.code {
        Code::Timeout => format!("it is silent when its allocation is to be refreshed{until}"),
        Code::NoIntegrity | Code::BadIntegrity | Code::Refused | Code::Closed => {
            return error.clone();
        }
        _ => format!(
            "it does not refresh its allocation{until}: {}",
            error.message
        ),
    };
    ErrorReport::new(error.code, message).with_hint(
        "look at the server's log; behind a load balancer, all requests of a client have to reach the same server",
    )
}

/// An allocation that browsers do not get, though this program has one.
fn not_for_browsers(report: &TransportReport) -> Option<ErrorReport> {
    let of_default = || {
        let odd = report
            .odd_default
            .filter(|odd| *odd == OddDefault::Refused)?;
        let error = ErrorReport::new(Code::OtherFamilyByDefault, odd.text());
        Some(error.with_hint(odd.hint()))
    };
    let lacking = report.lacks.map(|lacks| {
        ErrorReport::new(Code::AnswerIncomplete, incomplete(lacks)).with_hint(INCOMPLETE)
    });
    lacking.or_else(of_default)
}

/// Large datagrams do not come through where most small ones do: where those are lost too, it is not the size. Over a stream it is not the client's own
/// way that loses those of its UDP socket.
fn large_lost(report: &TransportReport) -> Option<ErrorReport> {
    if report.passes_by_channel_alone() {
        return None;
    }
    let lost = |small: &DataReport, large: &DataReport| {
        small.mostly_passes() && large.works == Fact::Determined(false)
    };
    let between = lost(&report.relay_to_relay, &report.relay_to_relay_large);
    let here = lost(&report.to_reflexive, &report.to_reflexive_large);
    let (small, large, what) = if between {
        (
            &report.relay_to_relay,
            &report.relay_to_relay_large,
            "between two relayed addresses",
        )
    } else if here && report.transport == Transport::Udp {
        (
            &report.to_reflexive,
            &report.to_reflexive_large,
            "between this host and the relay",
        )
    } else {
        return None;
    };
    let limit = report.largest_payload.map_or_else(String::new, |bytes| {
        format!(", and the largest that came of those tried has {bytes} bytes")
    });
    let own = report.mtu.filter(|mtu| *mtu < LARGE_PACKET);
    let own = own.map_or_else(String::new, |mtu| {
        format!(
            "; this host itself sends no packet there with more than {mtu} bytes, the MTU of its own interface or what ICMP has told it"
        )
    });
    let message = format!(
        "{} of {} datagrams with {} bytes of data came through {what}, {} of {} with {}{limit}: DTLS handshakes and video are lost{own}",
        large.received,
        large.sent,
        Size::Large.bytes(),
        small.received,
        small.sent,
        Size::Small.bytes(),
    );
    let error = ErrorReport::new(Code::LargeDatagramsLost, message);
    Some(error.with_hint("something on the way has a smaller MTU (a tunnel, PPPoE) and drops fragments or ICMP: have the MTU or the firewall corrected there, or use TURN over TCP or TLS"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fact::Reason;

    /// Data of ten datagrams, of which so many came.
    fn data(received: usize) -> DataReport {
        let round_trips = vec![Duration::from_millis(1); received];
        DataReport::measured(10, round_trips, Fact::Determined(received > 0))
    }

    /// Whatever is sent after a while is lost, be it a request or data: that is no fault of refreshing.
    #[test]
    fn a_flow_that_ends_before_the_refresh_is_cut_off() {
        let silence = || ErrorReport::new(Code::Timeout, "no answer");
        let judged = |from_here: usize, large: DataReport| {
            let mut report = TransportReport::new(Transport::Udp, true);
            report.relay_to_relay = data(10);
            report.relay_to_relay_large = data(10);
            report.to_reflexive = data(from_here);
            report.to_reflexive_large = large;
            report.channel = Fact::Determined(true);
            judge(&mut report, None, Some(silence()));
            report.error.expect("it fails").code
        };
        assert_eq!(judged(3, data(0)), Code::NoData);
        assert_eq!(judged(10, data(0)), Code::NoData);
        assert_eq!(judged(10, data(10)), Code::Timeout);
        let not_tested = DataReport::not_tested(Reason::EarlierFailure);
        assert_eq!(judged(0, not_tested), Code::Timeout);
    }

    #[test]
    fn an_own_mtu_below_the_large_datagrams_is_told() {
        let judged = |mtu| {
            let mut report = TransportReport::new(Transport::Udp, true);
            report.relay_to_relay = data(10);
            report.relay_to_relay_large = data(0);
            report.mtu = Some(mtu);
            judge(&mut report, None, None);
            report.error.expect("it fails").message
        };
        let own = judged(1200);
        assert!(own.contains("no packet there with more than 1200"), "{own}");
        let other = judged(1500);
        assert!(!other.contains("this host itself"), "{other}");
    }
}
