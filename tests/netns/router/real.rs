//! miniupnpd in its ways, and what must be said of it.

use std::process::Stdio;

use super::super::expect::Want::{Because, Is, No, NotYes, Unknown, Yes};
use super::super::lab::{Lab, Plan, Router};
use super::super::scenarios::behind;
use super::{Case, PLAIN, assert_right, command, diagnose, miniupnpd, read};

const EXTERNAL: &str = "/port_mapping/router_external_address";
const PCP: &str = "/port_mapping/pcp";
const NAT_PMP: &str = "/port_mapping/nat_pmp";
const IGD: &str = "/port_mapping/upnp_igd";
const WORKS: &str = "/port_mapping/mapping_works";
const MAPPING: &[&str] = &["--port-mapping-test"];
const ALLOW: &str = "allow 1024-65535 0.0.0.0/0 1024-65535";
const ADDRESS: &str = "ext_ip=11.0.113.1";

const PLAN: Plan = Plan {
    ip: miniupnpd::ADDRESSES,
    ..behind(&[Router {
        lan4: Some("192.0.2"),
        lan6: Some("2001:db8:1"),
        rules: &[miniupnpd::RULES],
        routed: true,
    }])
};

pub const PUBLIC: Case = Case {
    name: "all protocols, public address",
    router: &["enable_natpmp=yes", ADDRESS, ALLOW],
    args: MAPPING,
    facts: &[
        (PCP, Yes),
        (NAT_PMP, Yes),
        (IGD, Yes),
        (EXTERNAL, Is(miniupnpd::EXTERNAL)),
        ("/double_nat", No),
        ("/carrier_nat", No),
        (WORKS, Yes),
    ],
    mapped_by: Some("pcp"),
    findings: &["port-mapping-offered", "port-mapping-works"],
    ..PLAIN
};

pub const IGD_ALONE: Case = Case {
    name: "UPnP IGD alone",
    router: &["enable_natpmp=no", ADDRESS, ALLOW],
    facts: &[
        (PCP, No),
        (NAT_PMP, No),
        (IGD, Yes),
        (EXTERNAL, Is(miniupnpd::EXTERNAL)),
        (WORKS, Yes),
    ],
    mapped_by: Some("upnp-igd"),
    ..PUBLIC
};

/// It has documentation addresses only, which miniupnpd takes for private ones: then it says that it has none.
pub const BEHIND_NAT: Case = Case {
    name: "no public address",
    router: &["enable_natpmp=yes", ALLOW],
    facts: &[
        (NAT_PMP, Yes),
        (EXTERNAL, Because("router-not-connected")),
        ("/double_nat", Because("router-not-connected")),
        (WORKS, Because("router-refuses")),
    ],
    mapped_by: None,
    findings: &["router-not-connected", "port-mapping-refused"],
    ..PUBLIC
};

/// It looks through all ports for one that is allowed, and may answer too late.
pub const DENYING: Case = Case {
    name: "nobody may make mappings",
    router: &[
        "enable_natpmp=no",
        ADDRESS,
        "deny 0-65535 0.0.0.0/0 0-65535",
    ],
    facts: &[(IGD, Yes), ("/double_nat", No), (WORKS, Unknown)],
    mapped_by: None,
    findings: &["port-mapping-refused"],
    no_findings: &["port-mapping-works"],
    ..PUBLIC
};

pub const OFF: Case = Case {
    name: "no protocol",
    router: &[],
    facts: &[
        (PCP, No),
        (NAT_PMP, No),
        (IGD, No),
        (EXTERNAL, Unknown),
        ("/double_nat", Unknown),
        ("/carrier_nat", Unknown),
        (WORKS, Unknown),
    ],
    mapped_by: None,
    findings: &[],
    no_findings: &["port-mapping-offered", "port-mapping-may-remain"],
    ..PUBLIC
};

const STUN: [&str; 2] = ["-s", "stun:203.0.113.10"];

fn lab(case: &Case) -> Lab {
    let mut lab = Lab::build(&PLAN);
    let namespace = lab.namespace("r0");
    if !case.router.is_empty() {
        let child = miniupnpd::start(&namespace, lab.scratch(), case.router).expect("it starts");
        let child = lab.adopt(child);
        let ports: &[u16] = if case.router.contains(&"enable_natpmp=yes") {
            &[1900, 5351]
        } else {
            &[1900]
        };
        miniupnpd::wait_until_open(child, &namespace, ports).expect("it listens");
    }
    lab
}

/// Runs a case, and looks whether a mapping has remained.
pub fn check(case: &Case) {
    let lab = lab(case);
    let args = [&STUN[..], case.args].concat();
    let (_, document) = diagnose(&lab, &args);
    assert_right(case, &lab, &document);
    let namespace = lab.namespace("r0");
    assert!(!miniupnpd::has_mapping(&namespace), "{}", lab.describe());
}

/// PCP over IPv6 only; the others are of IPv4.
pub fn ipv6() {
    let lab = lab(&PUBLIC);
    let (_, document) = diagnose(&lab, &["-s", "stun:[2001:db8:113::10]"]);
    let case = Case {
        facts: &[
            (NAT_PMP, Unknown),
            (IGD, Unknown),
            (EXTERNAL, Unknown),
            ("/double_nat", NotYes),
            ("/carrier_nat", NotYes),
        ],
        mapped_by: None,
        findings: &[],
        ..PUBLIC
    };
    assert_right(&case, &lab, &document);
    let path = &document["result"]["paths"][0]["port_mapping"];
    assert_eq!(path["router"], "2001:db8:1::1");
    assert_eq!(path["nat_pmp"]["reason"], "not-applicable");
    // Debian's miniupnpd answers PCP over IPv6 or not, by its version; either is said for sure.
    assert_eq!(path["pcp"]["status"], "determined", "{path:#}");
}

/// Ctrl-C while the mapping is there: it is removed before the end, and the result is printed.
pub fn interrupted() {
    let lab = lab(&PUBLIC);
    let namespace = lab.namespace("r0");
    let child = command(&lab, &[&STUN[..], MAPPING].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let made = (0..miniupnpd::LOOKS).any(|_| miniupnpd::has_mapping(&namespace));
    assert!(made, "no mapping was made");
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    let (code, document) = read(&output);
    assert!(!miniupnpd::has_mapping(&namespace), "{document:#}");
    // The trial may have been over just before.
    assert!(matches!(code, Some(0 | 130)), "{document:#}");
    let mapping = &document["result"]["paths"][0]["port_mapping"];
    assert_eq!(mapping["tested_mapping"]["removed"], true, "{mapping:#}");
}
