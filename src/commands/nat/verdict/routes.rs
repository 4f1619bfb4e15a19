//! Which of this host's ways out the verdict is about.

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::base::words::listed;
use crate::commands::nat::report::PathReport;
use crate::proto::ice::interface::InterfaceKind;

/// Says so where the way that was tested is not the one that a reader may take it for.
pub(super) fn findings(paths: &[PathReport], several: bool, findings: &mut Vec<Finding>) {
    for path in paths {
        let Some(interface) = &path.interface else {
            continue;
        };
        let family = path.family.name();
        let is_vpn = path.interface_kind == Some(InterfaceKind::Vpn);
        let kind = if is_vpn {
            ", a VPN judging by its name,"
        } else {
            ""
        };
        if path.is_aside {
            findings.push(Finding::new(
                Code::NotDefaultRoute,
                format!("servers that this machine reaches from {} over {interface}{kind} are told apart: that is not its way to the internet, so they do not count for the verdict", path.local_address),
                "what is said about the default route holds for calls with the internet",
            ));
            continue;
        }
        match path.default_route {
            Some(true) if is_vpn && several => findings.push(Finding::new(
                Code::DefaultRouteVpn,
                format!("{family} leaves through {interface}, a VPN judging by its name: what is said about {interface} is about the VPN's exit, and programs go that way"),
                "what is said about the other interfaces holds for programs that choose them, and without the VPN",
            )),
            Some(true) if is_vpn => findings.push(Finding::new(
                Code::DefaultRouteVpn,
                format!("{family} leaves through {interface}, a VPN judging by its name: what is said here is about the VPN's exit"),
                "name the other interface with --interface to test it, or test every one with --all-interfaces",
            )),
            Some(true) if !several && !path.other_default_routes.is_empty() => {
                findings.push(Finding::new(
                    Code::NotDefaultRoute,
                    format!("{family} leaves through {interface}, and {} has a default route, too, which the system does not prefer: what is said here is about {interface} alone", listed(&path.other_default_routes)),
                    "test every way with --all-interfaces; where the system changes over to another one, calls break off and have to connect anew",
                ));
            }
            Some(false) if !several && is_vpn => findings.push(Finding::new(
                Code::NotDefaultRoute,
                format!("{family} was tested from {} over {interface}, a VPN judging by its name, to which a route for these servers leads: that is not the way to the internet that the system itself chooses", path.local_address),
                "to learn of that way, ask a server that is reached by it with -s, or name its interface with --interface",
            )),
            Some(false) if !several && !path.local_address.is_loopback() => {
                findings.push(Finding::new(
                    Code::NotDefaultRoute,
                    format!("{family} was tested from {} over {interface}, which is not the way to the internet that the system itself chooses", path.local_address),
                    "programs that do not choose an interface use the default route, if there is one: leave out --interface and --local if you gave them, or test every way with --all-interfaces",
                ));
            }
            _ => {}
        }
    }
}
