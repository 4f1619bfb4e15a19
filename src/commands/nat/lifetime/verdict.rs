//! What is worth knowing about the lifetime of bindings, and which keep-alive follows from it.

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::Finding;
use crate::commands::nat::report::PathReport;
use crate::proto::nat::lifetime::Range;
use crate::proto::nat::lifetime::keepalive::{REQUIRED, USUAL};

/// Says what was measured, what it means, or why it could not be measured.
pub fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    // Where nobody answers at all, that has been said.
    if !path.is_open() {
        return;
    }
    let family = path.family.name();
    let lifetime = &path.lifetime;
    let kinds = [
        ("after a single packet", &lifetime.one_packet),
        ("in two-way flows", &lifetime.two_way),
    ];
    if let Some(interval) = lifetime.keepalive_s.value() {
        let measured: Vec<String> = kinds
            .iter()
            .filter_map(|(which, fact)| Some(format!("{} {which}", span(fact.value()?))))
            .collect();
        let hint = format!(
            "a keep-alive every {interval} s keeps both, even if one is lost{}",
            of_ice(&lifetime.two_way)
        );
        findings.push(Finding::new(
            Code::BindingLifetime,
            format!("{family}: an unused binding {}", measured.join(" and ")),
            hint,
        ));
    }
    below_requirement(family, &lifetime.two_way, findings);
    unknown(family, &kinds, findings);
}

/// What it means for the keep-alives of ICE, whose flows are two-way.
fn of_ice(two_way: &Fact<Range>) -> String {
    let Some(bounds) = two_way.value() else {
        return String::new();
    };
    let (usual, most) = (USUAL.as_secs_f64(), bounds.at_most_s());
    let default = format!("ICE's default of {usual} s (RFC 8445 11)");
    if bounds.at_least_s() > 2.0 * usual {
        format!("; {default} is enough for its two-way flows")
    } else if most.is_some_and(|most| most <= usual) {
        format!("; {default} is too long here")
    } else if most.is_some() && bounds.at_least_s() < usual {
        format!("; {default} may be too long here: a binding may have ended by then")
    } else if most.is_some_and(|most| most <= 2.0 * usual) {
        format!("; with {default} not one may be lost here")
    } else {
        format!("; a longer measurement tells whether {default} is enough (--lifetime 60)")
    }
}

/// RFC 4787 REQ-5: two minutes, for whatever traffic.
fn below_requirement(family: &str, two_way: &Fact<Range>, findings: &mut Vec<Finding>) {
    let required = REQUIRED.as_secs_f64();
    let Some(most) = two_way.value().and_then(Range::at_most_s) else {
        return;
    };
    if most < required {
        findings.push(Finding::new(
            Code::BindingLifetimeShort,
            format!("{family}: bindings of two-way flows live {most} s at most, and RFC 4787 (REQ-5) requires {required} s"),
            "raise the UDP timeout of the NAT or firewall if it is yours (on Linux net.netfilter.nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream); otherwise send keep-alives more often",
        ));
    }
}

fn unknown(family: &str, kinds: &[(&str, &Fact<Range>); 2], findings: &mut Vec<Finding>) {
    let mut told: Option<&str> = None;
    for (which, fact) in kinds {
        let Fact::Inconclusive { reason, detail } = fact else {
            continue;
        };
        if told == Some(detail) {
            continue;
        }
        told = Some(detail);
        if matches!(reason, Reason::Interrupted | Reason::Timeout) {
            findings.push(Finding::new(
                Code::BindingLifetimeSoFar,
                format!("{family}: how long a binding lives {which} is not known yet: {detail}"),
                "let it run to its end, or measure less with --lifetime",
            ));
            continue;
        }
        let hint = match reason {
            Reason::NoResponsePort => {
                "name a server with RESPONSE-PORT with -s (coturn has it), or `rtcdiag serve --stun` on a host outside"
            }
            Reason::AddressPooling => {
                "name a server of your own with -s: `rtcdiag serve --stun` on a host outside"
            }
            Reason::Contradiction | Reason::MappingChanged => {
                "run it again when the network is less busy; until then send keep-alives every few seconds"
            }
            Reason::PacketLoss => "run it again when the network is less busy, or over a cable",
            _ => "run it again, with another server with -s",
        };
        findings.push(Finding::new(
            Code::BindingLifetimeUnknown,
            format!("{family}: how long a binding lives {which} could not be measured: {detail}"),
            hint,
        ));
    }
}

fn span(bounds: &Range) -> String {
    let least = bounds.at_least_s();
    match bounds.at_most_s() {
        Some(most) => format!("ends between {least:.1} and {most:.1} s"),
        None => format!("outlives {least:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_keep_alives_of_ice_are_held_against_two_way_flows() {
        for (at_least, at_most, says) in [
            (112.1, Some(122.8), "is enough for its two-way flows"),
            (31.0, None, "is enough for its two-way flows"),
            (20.0, None, "a longer measurement tells"),
            (28.0, Some(33.0), "a longer measurement tells"),
            (18.9, Some(20.3), "not one may be lost"),
            (9.0, Some(10.0), "is too long here"),
            // At 15 s it may have ended or not.
            (13.8, Some(15.4), "may be too long here"),
        ] {
            let text = of_ice(&Fact::Determined(Range {
                at_least: Duration::from_secs_f64(at_least),
                at_most: at_most.map(Duration::from_secs_f64),
            }));
            assert!(text.contains(says), "{at_least}, {at_most:?}: {text}");
        }
        assert_eq!(of_ice(&Fact::not_tested(Reason::NotAskedFor)), "");
    }
}
