//! What two hosts with the same port behind one NAT mean for each other.

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::Finding;
use crate::commands::nat::report::PathReport;
use crate::proto::nat::behavior::words::Mapping;

pub fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    let family = path.family.name();
    if path.collision.overloading == Fact::Determined(true) {
        findings.push(Finding::new(
            Code::PortOverloading,
            format!("the {family} NAT gives two hosts the same external port at the same time (port overloading, RFC 4787 4.2.1; RFC 7857 allows it where destinations differ): others who send to that port reach one of the hosts, or neither"),
            "where an application has a fixed port, give each host a port of its own",
        ));
    }
    match &path.collision.mapping {
        Fact::Determined(Mapping::EndpointIndependent)
        | Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        } => {}
        Fact::Determined(mapping) => findings.push(collides(path, &mapping.to_string())),
        Fact::Inconclusive {
            reason: Reason::EndpointDependent,
            ..
        } => findings.push(collides(path, "endpoint-dependent")),
        Fact::Inconclusive { reason, detail } => findings.push(Finding::new(
            Code::CollisionInconclusive,
            format!("what the {family} NAT does when two hosts have the same port could not be determined: {detail}"),
            hint(*reason),
        )),
        Fact::NotTested {
            reason: Reason::NoSecondAddress,
        } => {
            let interface = path.interface.as_deref().unwrap_or("INTERFACE");
            let length = if path.local_address.is_ipv4() { 24 } else { 64 };
            findings.push(Finding::new(
                Code::NoSecondAddress,
                format!("the collision test needs a second {family} address on {interface}, and there is none"),
                format!("add a free one in the same network (on Linux: ip address add ADDRESS/{length} dev {interface}), test again, and remove it (ip address del)"),
            ));
        }
        Fact::NotTested { .. } => {}
    }
}

fn collides(path: &PathReport, mapping: &str) -> Finding {
    let family = path.family.name();
    let when = if path.collision.order_matters == Fact::Determined(true) {
        "the order in which the second host asks its destinations decides whether it works"
    } else {
        "what works alone fails when a second host runs the same application with the same fixed port"
    };
    Finding::new(
        Code::MappingCollides,
        format!(
            "when another host behind the same NAT holds the port, the {family} mapping is {mapping}, no longer endpoint-independent: {when}"
        ),
        "let each host use a port of its own (a random one, or one configured in the application or the game console); a host that cannot needs a relay",
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
        _ => "run it again when the network is less busy; -v shows every answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::nat::behavior::words::PathFacts;

    fn codes(mapping: Fact<Mapping>, by_order: bool) -> Vec<(Code, bool)> {
        let local = "192.0.2.2".parse().expect("an address");
        let facts = PathFacts::not_tested(Reason::LeftOut);
        let mut path = PathReport::new(local, Some("eth0".to_owned()), facts);
        path.collision.mapping = mapping;
        path.collision.order_matters = Fact::Determined(by_order);
        let mut findings = Vec::new();
        of_path(&path, &mut findings);
        findings
            .iter()
            .map(|f| (f.code, f.message.contains("order")))
            .collect()
    }

    #[test]
    fn a_mapping_that_breaks_is_a_finding_and_one_that_stays_is_none() {
        let breaks = || Fact::Determined(Mapping::AddressDependent);
        assert_eq!(codes(breaks(), false), [(Code::MappingCollides, false)]);
        assert_eq!(codes(breaks(), true), [(Code::MappingCollides, true)]);
        let depends = Fact::inconclusive(Reason::EndpointDependent, "on something");
        assert_eq!(codes(depends, false), [(Code::MappingCollides, false)]);
        assert_eq!(
            codes(Fact::Determined(Mapping::EndpointIndependent), false),
            []
        );
        assert_eq!(codes(Fact::not_tested(Reason::NotAskedFor), false), []);
        assert_eq!(
            codes(Fact::inconclusive(Reason::Timeout, "late"), false),
            []
        );
    }

    #[test]
    fn who_asked_for_the_test_learns_why_there_is_no_answer() {
        let kept = Fact::inconclusive(Reason::PortNotPreserved, "so");
        assert_eq!(codes(kept, false), [(Code::CollisionInconclusive, false)]);
        let none = Fact::not_tested(Reason::NoSecondAddress);
        assert_eq!(codes(none, false), [(Code::NoSecondAddress, false)]);
    }
}
