//! Data between this host and the relay, and a peer that the user names.

use std::net::SocketAddr;

use super::{fact_of, ping_large, request, why_not};
use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::Millis;
use crate::commands::turn::report::{DataReport, PeerReport, TransportReport};
use crate::commands::turn::run::exchange::{Direction, Ends, Size};
use crate::proto::turn::client::Allocation;

/// Data between a UDP socket of this host and the relay: inward alone first, since what the relay
/// sends out may open a firewall before it.
pub(super) async fn from_here(
    ends: &mut Ends,
    report: &mut TransportReport,
    allocation: &Allocation,
) {
    let all = |report: &mut TransportReport, reason| {
        for data in [
            &mut report.inward,
            &mut report.to_reflexive,
            &mut report.to_reflexive_large,
        ] {
            *data = DataReport::not_tested(reason);
        }
    };
    let (Some(mapped), true) = (allocation.mapped, ends.probe.is_some()) else {
        return all(report, Reason::NotApplicable);
    };
    let seen_otherwise = report.sees_otherwise();
    let permitted = request(ends, |c, now| c.permit(now, vec![mapped.ip()]), |_, _| None).await;
    if permitted.is_err() {
        let is_known = report.relay_to_relay.works.is_determined();
        return match seen_otherwise {
            // What it forbids is not this host.
            Some(_) if is_known => all(report, Reason::SourceRewritten),
            _ => all(report, why_not(&permitted)),
        };
    }
    let relayed = allocation.relayed;
    let (inward, large_came) = ends.knock(relayed).await;
    report.inward = inward;
    ends.open_from_inside(relayed, mapped).await;
    let way = Direction::FromHere(relayed);
    report.to_reflexive = ends.ping(way, Size::Small).await;
    if report.to_reflexive.works != Fact::Determined(true) {
        if seen_otherwise.is_some() {
            // The permission was for another address than this host's.
            return all(report, Reason::SourceRewritten);
        }
        if report.to_reflexive.works == Fact::Determined(false) && report.loses_by_rate() {
            // What went between the relays has used the limit up.
            report.to_reflexive.works = Fact::inconclusive(
                Reason::PacketLoss,
                "most of what goes through the relay is lost, between two relayed addresses too",
            );
        }
        if report.inward.works == Fact::Determined(false) {
            // Nothing came at all, so nothing is known of who may send first.
            report.inward.works = Fact::inconclusive(
                Reason::NoResponse,
                "nothing passes between this host and the relay",
            );
        }
        return;
    }
    report.to_reflexive_large = ping_large(ends, way).await;
    if report.inward.works == Fact::Determined(false) && report.loses_most() {
        // A limit of the rate takes what comes in as well.
        report.inward.works = Fact::inconclusive(
            Reason::PacketLoss,
            "most large datagrams are lost on every way through the relay",
        );
    }
    let lost = report.to_reflexive_large.works == Fact::Determined(false);
    if lost && !large_came && report.largest_payload.is_none() {
        report.largest_payload = ends.largest(way).await;
    }
}

/// Whether the peer that the user names is allowed, and whether it answers a Binding request.
pub(super) async fn named_peer(ends: &mut Ends, peer: SocketAddr) -> PeerReport {
    let permitted = request(ends, |c, now| c.permit(now, vec![peer.ip()]), |_, _| None).await;
    let allowed = match &permitted {
        Err(error) if error.code == Code::Forbidden => Fact::Determined(false),
        other => fact_of(other),
    };
    let mut report = PeerReport {
        address: peer,
        allowed,
        answers: Fact::not_tested(why_not(&permitted)),
        sees: None,
        rtt_ms: None,
    };
    if permitted.is_ok() {
        let answered = ends.ask_peer(peer).await;
        report.answers = match answered {
            Some(_) => Fact::Determined(true),
            None => Fact::inconclusive(
                Reason::NoResponse,
                "it did not answer a Binding request through the relay; it may be no STUN server",
            ),
        };
        report.sees = answered.map(|(sees, _)| sees);
        report.rtt_ms = answered.map(|(_, rtt)| Millis(rtt));
    }
    report
}
