//! The router: its external address, and whether it makes mappings.

use std::net::IpAddr;

use super::deeper::Tested;
use super::surroundings::Surroundings;
use crate::fact::Reason;
use crate::report::Finding;
use crate::report::nat::PortMapping;

/// What the router has said.
pub struct Asked {
    report: PortMapping,
}

/// Asks the router, if the options say so, while the NAT is tested.
pub async fn ask(_local: IpAddr, _interface: Option<&str>, _around: &Surroundings) -> Asked {
    Asked {
        report: PortMapping::not_tested(Reason::LeftOut),
    }
}

/// Has the router make a mapping, if the options ask for it, tries it and removes it.
pub async fn test(_tested: Tested<'_>, asked: Asked) -> (PortMapping, Vec<Finding>) {
    (asked.report, Vec::new())
}
