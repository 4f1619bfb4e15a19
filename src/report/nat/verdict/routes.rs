//! Which of this host's ways out the verdict is about.

use crate::ice::interface::InterfaceKind;
use crate::report::nat::PathReport;
use crate::report::{Finding, Severity};

/// Says so where the way that was tested is not the one that a reader may take it for.
pub(super) fn findings(paths: &[PathReport], several: bool, findings: &mut Vec<Finding>) {
    for path in paths {
        let Some(interface) = &path.interface else {
            continue;
        };
        let family = path.family.name();
        let is_vpn = path.interface_kind == Some(InterfaceKind::Vpn);
        match path.default_route {
            Some(true) if is_vpn && several => findings.push(Finding::new(
                "default-route-vpn",
                Severity::Info,
                format!("{family} leaves by {interface}, a VPN by its name: what is said of {interface} is about the VPN's exit, and programs go that way"),
                "what is said of the other interfaces holds for programs that choose them, and without the VPN",
            )),
            Some(true) if is_vpn => findings.push(Finding::new(
                "default-route-vpn",
                Severity::Info,
                format!("{family} leaves by {interface}, a VPN by its name: what is said here is about the VPN's exit"),
                "name the other interface with --interface to test it, or test every one with --all-interfaces",
            )),
            Some(false) if !several && !path.local_address.is_loopback() => {
                findings.push(Finding::new(
                    "not-default-route",
                    Severity::Info,
                    format!("{family} was tested from {} over {interface}, which is not the way that the system itself chooses to the internet", path.local_address),
                    "programs that do not choose go by the default route, if there is one: leave out --interface and --local if you gave them, or test every way with --all-interfaces",
                ));
            }
            _ => {}
        }
    }
}
