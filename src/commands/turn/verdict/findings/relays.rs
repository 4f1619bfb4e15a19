//! Relays: whom they let in, how fast they are, and whom the server lets them reach.

use std::collections::BTreeMap;

use super::way_names;
use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::{Finding, Severity};
use crate::commands::loss::Losing;
use crate::commands::turn::report::{
    DataReport, HALF_PERCENT, MUCH_LOSS_PERCENT, PolicyReport, TransportReport, TransportStatus,
    TurnResult,
};
use crate::commands::turn::verdict::is;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;
use crate::proto::turn::policy::{Concern, PeerClass};

/// The policy forbids the relayed address itself and this host; whether it allows others is open.
pub(super) fn of_forbidden_peers(transport: &TransportReport) -> Finding {
    let tried = "its policy forbids the peers that were tried, its own relayed address and the address at which it sees this host; it may be meant for certain peers alone";
    let peer = transport
        .peer
        .as_ref()
        .filter(|peer| is(&peer.allowed, true));
    match peer {
        Some(peer) if is(&peer.answers, true) => Finding::without_hint(
            Code::PeersNotAllowed,
            format!(
                "{tried}: the peer {} is allowed, and answers through the relay",
                peer.address
            ),
        )
        .severity(Severity::Info),
        Some(peer) => Finding::new(
            Code::PeersNotAllowed,
            format!(
                "{tried}: the peer {} is allowed, and did not answer a Binding request",
                peer.address
            ),
            "name a peer that is a STUN server, which answers",
        ),
        None => Finding::new(
            Code::PeersNotAllowed,
            tried,
            "name a peer that it is meant to reach with --peer ADDR:PORT; if it is meant for all, look at its rules (coturn: allowed-peer-ip, denied-peer-ip)",
        ),
    }
}

/// What was lost one by one by way of the relay.
pub(super) fn of_losses(
    transport: &TransportReport,
    name: &str,
    is_limited: bool,
    findings: &mut Vec<Finding>,
) {
    // Where half of all is lost, that none came through is chance.
    let is_sound = transport
        .to_reflexive
        .loss_percent
        .is_some_and(|loss| loss < HALF_PERCENT);
    // A stream, or a channel, goes the same way: what comes by it shows that the others were lost.
    let passes_else = transport.by_channel.received > 0
        || transport.throughput.is_some_and(|s| s.bytes_received > 0);
    if is(&transport.relay_to_relay.works, false)
        && is(&transport.to_reflexive.works, true)
        && is_sound
        && !passes_else
    {
        findings.push(Finding::new(
            Code::RelayToRelayFails,
            format!("{name}: data passes between this host and the relay, but not between two relayed addresses, so two clients that both use this server cannot meet"),
            "let the server send to its own address: NAT loopback (hairpinning) at its site, or its firewall",
        ));
    }
    let is_between = |data: &DataReport| std::ptr::eq(data, &raw const transport.relay_to_relay);
    let is_sound = |data: &DataReport| data.sent > 0 && data.received == data.sent;
    for (data, small, what) in [
        (
            &transport.relay_to_relay,
            None,
            "between two relayed addresses",
        ),
        (
            &transport.to_reflexive,
            None,
            "between this host and the relay",
        ),
        (
            &transport.relay_to_relay_large,
            Some(&transport.relay_to_relay),
            "with 1,200 bytes between two relayed addresses",
        ),
        (
            &transport.to_reflexive_large,
            Some(&transport.to_reflexive),
            "with 1,200 bytes between this host and the relay",
        ),
    ] {
        if let Some(loss) = data.loss_percent.filter(|l| *l >= MUCH_LOSS_PERCENT)
            && (data.received > 0 || (passes_else && is_between(data)))
            && !is_limited
            // The first large one may be lost to the discovery of the path MTU, which works then.
            && !(data.received + 1 == data.sent && small.is_some_and(is_sound))
        {
            findings.push(Finding::new(
                Code::RelayLoss,
                format!(
                    "{name}: {loss} % of {} datagrams {what} were lost",
                    data.sent
                ),
                Losing::Untold { operators: 1 }.hint(),
            ));
        }
    }
}

/// Data that is lost at a steady rate, and not one by one; whether there is such a limit.
pub(super) fn of_rate(
    transport: &TransportReport,
    name: &str,
    findings: &mut Vec<Finding>,
) -> bool {
    let Some(stream) = transport.throughput.filter(|_| transport.is_rate_limited()) else {
        return false;
    };
    let loss = stream.loss_percent();
    let though = if transport.is_lossless() {
        "single datagrams are not lost"
    } else {
        "most small datagrams come through"
    };
    let seconds = stream.duration_ms.as_f64() / 1000.0;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let offered = stream.bytes_sent as f64 * 8.0 / 1e6 / seconds.max(0.001);
    findings.push(Finding::new(
        Code::RelayRateLimited,
        format!(
            "{name}: of a stream of {offered:.1} Mbit/s over {seconds:.1} s {:.1} Mbit/s came out of the relay ({loss:.0} % lost), though {though}: the server limits the rate, or the way to it carries no more",
            stream.kbit_per_s / 1000.0
        ),
        "look at the server's limits (coturn: max-bps, bps-capacity), and at what the line of this host carries",
    ));
    true
}

/// Relays that let in only whom they have sent to.
pub(super) fn of_closed_ports(result: &TurnResult, findings: &mut Vec<Finding>) {
    let with: Vec<&TransportReport> = result
        .transports
        .iter()
        .filter(|t| t.status == TransportStatus::Ok && t.opens_from_inside())
        .collect();
    if let Some(first) = with.first() {
        findings.push(Finding::new(
            Code::RelayOpensFromInside,
            format!(
                "{}: the relay ports are open only for whom the relay has sent to: none of {} datagrams from this host came in before that, and they did afterwards; peers whose address the other side cannot know, as behind a symmetric NAT, do not reach the relay",
                way_names(&with, &result.transports),
                first.inward.sent * 2,
            ),
            "open the relay ports in the firewall before the server for everybody (coturn: min-port to max-port, UDP 49152 to 65535 by default)",
        ));
    }
}

/// Relays that work and cannot be reached from here, where UDP may be to blame.
pub(super) fn of_unreachable_relays(result: &TurnResult, findings: &mut Vec<Finding>) {
    let with: Vec<&TransportReport> = result
        .transports
        .iter()
        .filter(|t| t.status == TransportStatus::Ok)
        .filter(|t| is(&t.to_reflexive.works, false) && is(&t.relay_to_relay.works, true))
        // What a limit of the rate swallows is said there.
        .filter(|t| !is(&t.inward.works, true) || !t.is_rate_limited())
        .collect();
    if with.is_empty() {
        return;
    }
    let is_outer = |t: &&TransportReport| {
        t.relayed_address.is_some_and(|a| is_global(a.ip()))
            && t.address.is_some_and(|a| !is_global(a.ip()))
    };
    if with.iter().all(is_outer) {
        findings.push(Finding::new(
            Code::RelayUnreachableFromHere,
            format!(
                "{}: the server is in a private network and gives public relayed addresses, and nothing passes between those and this host: its router may not lead its own public address back in (hairpinning), or the relay ports are not forwarded",
                way_names(&with, &result.transports)
            ),
            "run it from outside that network, where the peers are",
        ));
        return;
    }
    let way = if with.iter().all(|t| is(&t.inward.works, true)) {
        "from the relay to this host's UDP socket, whose own data does come in by the relay"
    } else {
        "between this host's UDP socket and the relay"
    };
    // A firewall here or on the way that says so of the server's port may say so of others.
    let is_rejected = result.transports.iter().any(|t| {
        t.transport == Transport::Udp
            && with.iter().any(|one| one.family == t.family)
            && (t.error.as_ref())
                .is_some_and(|e| matches!(e.code, Code::Forbidden | Code::Rejected))
    });
    let hint = if is_rejected {
        "look first at the firewall that rejects UDP to the server; if data does not pass without it either, open the relay ports in the server's firewall (coturn: min-port to max-port, UDP)"
    } else {
        "UDP may be blocked on this path; otherwise open the relay ports in the server's firewall (coturn: min-port to max-port, UDP)"
    };
    findings.push(Finding::new(
        Code::RelayUnreachableFromHere,
        format!(
            "{}: data passes between two relayed addresses, but not {way}",
            way_names(&with, &result.transports)
        ),
        hint,
    ));
}

/// Something before the server in whose name it is asked: then this host is none of its peers.
pub(super) fn of_what_is_seen(result: &TurnResult, findings: &mut Vec<Finding>) {
    let odd =
        |t: &&TransportReport| t.to_reflexive.works == Fact::not_tested(Reason::SourceRewritten);
    let with: Vec<&TransportReport> = result.transports.iter().filter(odd).collect();
    let Some((first, seen, how)) = with
        .first()
        .and_then(|t| t.sees_otherwise().map(|(seen, how)| (t, seen, how)))
    else {
        return;
    };
    let cause = first.local_address.map_or("", |local| how.cause(local));
    let over_udp = with.iter().any(|t| t.transport == Transport::Udp);
    let relays = if with.iter().all(|t| t.is_verified()) {
        "relays work all the same, and "
    } else {
        ""
    };
    let (severity, effect) = if over_udp {
        (
            Severity::Warning,
            "; where something rewrites, the reflexive candidates that it gives over UDP are none of its clients'",
        )
    } else {
        (Severity::Info, "")
    };
    findings.push(
        Finding::new(
            Code::ServerSourceRewritten,
            format!(
                "{}: the server sees {seen} in place of this host, {}: {cause}{effect}; {relays}whether this host's own UDP reaches its relays was not to be told",
                way_names(&with, &result.transports),
                how.text()
            ),
            "have what stands before the server keep the source address, if clients use it for STUN too (Kubernetes: externalTrafficPolicy: Local; HAProxy: transparent)",
        )
        .severity(severity),
    );
}

pub(super) fn of_policy(result: &TurnResult, findings: &mut Vec<Finding>) {
    let allowed = || result.policy.iter().filter(|p| is(&p.allowed, true));
    // A server in a private network is there for the peers in it.
    let is_private = result
        .transports
        .iter()
        .filter_map(|t| t.address)
        .any(|server| !is_global(server.ip()));
    let by_class = |concern: Concern| {
        let mut classes: BTreeMap<PeerClass, Vec<String>> = BTreeMap::new();
        for PolicyReport { class, peer, .. } in allowed() {
            if class.concern() == concern {
                classes.entry(*class).or_default().push(peer.to_string());
            }
        }
        classes
    };
    // On loopback, as in a demonstration, loopback is where its peers are.
    let is_loopback = result
        .transports
        .iter()
        .filter_map(|t| t.address)
        .any(|server| server.ip().is_loopback());
    for (class, peers) in by_class(Concern::Unsafe) {
        findings.push(Finding::new(
            Code::UnsafePeersAllowed,
            format!(
                "it grants permission for {class} peers ({}), so a client may reach what only the server itself should",
                peers.join(", ")
            ),
            class.remedy()).severity(if is_loopback {
                Severity::Info
            } else {
                Severity::Error
            }));
    }
    for (class, peers) in by_class(Concern::Useless) {
        findings.push(Finding::new(
            Code::UselessPeersAllowed,
            format!(
                "it grants permission for {class} peers ({}), which no call needs{}",
                peers.join(", "),
                if class == PeerClass::LinkLocal {
                    "; in clouds the metadata service is there"
                } else {
                    ""
                }
            ),
            class.remedy(),
        ));
    }
    for (class, peers) in by_class(Concern::Depends) {
        let (severity, remark) = if is_private {
            (Severity::Info, ", as a server in a private network may")
        } else {
            (
                Severity::Warning,
                ": machines in the server's own network may be open to its clients",
            )
        };
        findings.push(
            Finding::new(
                Code::PrivatePeersAllowed,
                format!(
                    "it grants permission for {class} peers ({}){remark}",
                    peers.join(", ")
                ),
                class.remedy(),
            )
            .severity(severity),
        );
    }
}
