//! What the transports to one server tell of each other.

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::report::ErrorReport;
use crate::base::stage::Stage;
use crate::commands::turn::report::{TransportReport, TransportStatus, udp_works};
use crate::proto::nat::address::{SEND_FROM_RELAYED, is_global};

/// That this host has no route to one of a server's addresses is not the server's fault, if it can
/// be reached by another.
pub(super) fn no_route_is_no_fault(transports: &mut [TransportReport]) {
    let working = transports.iter().filter(|t| t.relayed_address.is_some());
    let reached: Vec<IpAddr> = working.filter_map(|t| Some(t.address?.ip())).collect();
    let works = !reached.is_empty();
    for transport in transports {
        let no_route = transport
            .error
            .as_ref()
            .is_some_and(|e| e.code == Code::Unreachable && transport.stage == Stage::Connect);
        if works && no_route {
            transport.status = TransportStatus::Absent;
            let is_reached = |ip| reached.contains(&ip);
            if transport.address.is_some_and(|a| is_reached(a.ip())) {
                transport.error = Some(rejected_beside_udp());
            }
        }
    }
}

/// What it means that a router has no way to an address that is reached by another transport.
fn rejected_beside_udp() -> ErrorReport {
    ErrorReport::new(
        Code::Rejected,
        "a router on the way rejects it (ICMP network unreachable), and lets another transport to the same address through: a firewall rule",
    )
    .with_hint("have that rule changed where this transport is needed, or use one that gets through")
}

/// Where UDP to the server works, its relayed addresses have to be reachable too: peers send to them
/// as this host did.
pub(super) fn unreachable_relays_are(transports: &mut [TransportReport]) {
    let udp_works = udp_works(transports);
    for transport in transports.iter_mut().filter(|_| udp_works) {
        let unreachable = transport.to_reflexive.works == Fact::Determined(false);
        let (Some(relayed), Some(server)) = (transport.relayed_address, transport.address) else {
            continue;
        };
        // What came in by a relayed address shows that its ports are open.
        let is_open = transport.inward.works == Fact::Determined(true);
        if !unreachable || is_open || transport.status != TransportStatus::Ok {
            continue;
        }
        // The public address of the network that both are in: its router need not lead back in.
        let relays = transport.relay_to_relay.works == Fact::Determined(true);
        if relays
            && is_global(relayed.ip())
            && !is_global(server.ip())
            && !server.ip().is_loopback()
        {
            continue;
        }
        if let Some(from) = transport.arrivals.from {
            let message = format!(
                "what the relay sends comes from {from}, not from its relayed address {relayed}: peers know nothing of that address, and drop it"
            );
            transport.status = TransportStatus::Failed;
            transport.stage = Stage::Relay;
            transport.error = Some(
                ErrorReport::new(Code::RelayUnreachable, message).with_hint(SEND_FROM_RELAYED),
            );
            continue;
        }
        if transport.may_be_closed_here() {
            let message = format!(
                "data passes between relayed addresses of the server, and nothing between {} and this host, whoever sends first: either the relay ports are closed from outside, or this network lets UDP out to few ports and not to those",
                relayed.ip()
            );
            transport.status = TransportStatus::Failed;
            transport.stage = Stage::Relay;
            transport.error = Some(ErrorReport::new(Code::RelayUnreachable, message).with_hint(
                "run it on another network: if it is the same there, open the relay ports in the server's firewall (coturn: min-port to max-port, UDP); calls from here that reach the server's own port are relayed all the same",
            ));
            continue;
        }
        let why = if relayed.ip() == server.ip() {
            "; its ports may be closed"
        } else {
            "; that may not be the server's real address"
        };
        let message = format!(
            "the server answers, but nothing passes between its relayed address {} and this host, and peers that send first are no better off{why}",
            relayed.ip()
        );
        transport.status = TransportStatus::Failed;
        transport.stage = Stage::Relay;
        transport.error = Some(ErrorReport::new(Code::RelayUnreachable, message).with_hint(
            "check the relay addresses (coturn: relay-ip, external-ip=PUBLIC/PRIVATE), and open the relay ports in the server's firewall (coturn: min-port to max-port, UDP)",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::stun::uri::Transport;

    fn transport(transport: Transport, at: &str) -> TransportReport {
        let mut report = TransportReport::new(transport, false);
        report.address = Some(at.parse().expect("an address"));
        report
    }

    /// A router that says so over TCP has a way all the same where UDP gets there.
    #[test]
    fn an_address_that_is_reached_over_udp_has_a_way() {
        let mut udp = transport(Transport::Udp, "203.0.113.9:3478");
        udp.relayed_address = Some("203.0.113.9:50000".parse().expect("an address"));
        let rejected = |at| {
            let mut tcp = transport(Transport::Tcp, at);
            tcp.fail(Stage::Connect, crate::net::stream::network_unreachable());
            tcp
        };
        let mut all = vec![
            udp,
            rejected("203.0.113.9:3478"),
            rejected("203.0.113.10:3478"),
        ];
        no_route_is_no_fault(&mut all);
        let code = |of: usize| all[of].error.as_ref().map(|error| error.code);
        assert_eq!(code(1), Some(Code::Rejected));
        assert_eq!(code(2), Some(Code::Unreachable));
    }
}
