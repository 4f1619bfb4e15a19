//! What two hosts with the same port behind one NAT mean for each other.

use crate::fact::{Fact, Reason};
use crate::nat::behavior::Mapping;
use crate::report::nat::PathReport;
use crate::report::{Finding, Severity};

/// What is worth knowing of collisions on a path.
pub(super) fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    let family = path.family.name();
    if path.port_overloading == Fact::Determined(true) {
        findings.push(Finding::new(
            "port-overloading",
            Severity::Warning,
            format!("the {family} NAT gives two hosts the same external port at the same time (port overloading, RFC 4787 4.2.1): who else sends to that port cannot know which of them it reaches"),
            "give each host a port of its own where an application has a fixed one; RFC 4787 REQ-3 forbids this, other NATs do without",
        ));
    }
    match &path.mapping_under_collision {
        Fact::Determined(Mapping::EndpointIndependent) => {}
        Fact::Determined(mapping) => findings.push(collides(path, &mapping.to_string())),
        Fact::Inconclusive {
            reason: Reason::EndpointDependent,
            ..
        } => findings.push(collides(path, "endpoint-dependent")),
        Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        } => {}
        Fact::Inconclusive { reason, detail } => findings.push(Finding::new(
            "collision-inconclusive",
            Severity::Info,
            format!("what the {family} NAT does when two hosts have the same port could not be determined: {detail}"),
            hint(*reason),
        )),
        Fact::NotTested {
            reason: Reason::NoSecondAddress,
        } => {
            let interface = path.interface.as_deref().unwrap_or("INTERFACE");
            let length = if path.local_address.is_ipv4() { 24 } else { 64 };
            findings.push(Finding::new(
                "no-second-address",
                Severity::Warning,
                format!("the collision test needs a second {family} address on {interface}, and there is none"),
                format!("add one of the same network that nobody else has (on Linux: ip address add ADDRESS/{length} dev {interface}), test again, and remove it (ip address del)"),
            ));
        }
        Fact::NotTested { .. } => {}
    }
}

fn collides(path: &PathReport, mapping: &str) -> Finding {
    let family = path.family.name();
    let when = if path.collision_order_matters == Fact::Determined(true) {
        "the order in which the second host asks its destinations decides whether it works"
    } else {
        "what works alone fails when a second host runs the same application with the same fixed port"
    };
    Finding::new(
        "mapping-collides",
        Severity::Warning,
        format!(
            "when another host behind the same NAT holds the port, the {family} mapping is {mapping}, no longer endpoint-independent: {when}"
        ),
        "let each host use a port of its own (a random one, or one configured in the application or the game console); who cannot needs a relay",
    )
}

const fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::PortNotPreserved => {
            "nothing to do: where external ports do not follow local ones, equal local ports do no harm"
        }
        Reason::NoSecondAddress => {
            "give this machine a second address that is translated like the first, in the same network"
        }
        _ => "run it again, when the network is less busy; -v shows every answer",
    }
}
