//! What a scripted router does, and what must be said of it. It is seen as 203.0.113.1 by servers.

use super::super::expect::Want::{Because, Is, No, NotTested, NotYes, Unknown, Yes};
use super::{Case, PLAIN};

const MAPPING: &[&str] = &["--port-mapping-test"];
const EXTERNAL: &str = "/port_mapping/router_external_address";
const PCP: &str = "/port_mapping/pcp";
const NAT_PMP: &str = "/port_mapping/nat_pmp";
const IGD: &str = "/port_mapping/upnp_igd";
const WORKS: &str = "/port_mapping/mapping_works";

pub const CASES: &[Case] = &[
    Case {
        name: "one NAT",
        router: &["pmp=addr:203.0.113.1", "igd=addr:203.0.113.1"],
        facts: &[
            (PCP, No),
            (NAT_PMP, Yes),
            (IGD, Yes),
            (EXTERNAL, Is("203.0.113.1")),
            ("/double_nat", No),
            ("/carrier_nat", No),
            (WORKS, Unknown),
        ],
        findings: &["port-mapping-offered"],
        no_findings: &["double-nat", "carrier-nat", "external-address-mismatch"],
        ..PLAIN
    },
    Case {
        name: "carrier NAT",
        router: &["pmp=addr:100.64.7.8"],
        facts: &[("/double_nat", Yes), ("/carrier_nat", Yes)],
        findings: &["carrier-nat"],
        ..PLAIN
    },
    Case {
        name: "double NAT",
        router: &["igd=addr:192.168.178.20"],
        facts: &[
            ("/double_nat", Yes),
            ("/carrier_nat", Because("owner-unknown")),
        ],
        findings: &["double-nat"],
        no_findings: &["carrier-nat"],
        ..PLAIN
    },
    Case {
        name: "another public address",
        router: &["pmp=addr:198.51.100.7"],
        facts: &[
            ("/double_nat", Because("address-mismatch")),
            ("/carrier_nat", Because("address-mismatch")),
        ],
        findings: &["external-address-mismatch"],
        no_findings: &["double-nat"],
        ..PLAIN
    },
    Case {
        name: "contradicting protocols",
        router: &["pmp=addr:203.0.113.1", "igd=addr:198.51.100.7"],
        facts: &[
            (EXTERNAL, Because("contradiction")),
            ("/double_nat", Because("contradiction")),
        ],
        findings: &["router-contradicts"],
        ..PLAIN
    },
    Case {
        name: "not connected",
        router: &["pmp=addr:0.0.0.0", "igd=code:501"],
        facts: &[
            (NAT_PMP, Yes),
            (IGD, Yes),
            (EXTERNAL, Because("router-not-connected")),
            ("/double_nat", Because("router-not-connected")),
        ],
        findings: &["router-not-connected"],
        ..PLAIN
    },
    Case {
        name: "not authorized",
        router: &["pcp=code:2", "pmp=code:2", "igd=code:606"],
        facts: &[
            (PCP, No),
            (NAT_PMP, No),
            (IGD, No),
            (EXTERNAL, Because("router-refuses")),
        ],
        findings: &["router-not-authorized"],
        no_findings: &["port-mapping-offered"],
        ..PLAIN
    },
    Case {
        name: "PCP alone, and NAT-PMP answered as it does",
        router: &["pcp=ok", "pmp=v2"],
        facts: &[
            (PCP, Yes),
            (NAT_PMP, No),
            (EXTERNAL, Because("not-asked-for")),
        ],
        ..PLAIN
    },
    Case {
        name: "NAT-PMP alone, and PCP answered as it does",
        router: &["pcp=v0", "pmp=addr:203.0.113.1"],
        facts: &[(PCP, No), (NAT_PMP, Yes)],
        no_findings: &["router-other-version"],
        ..PLAIN
    },
    Case {
        name: "behind a NAT before the router",
        router: &["pcp=code:12"],
        facts: &[(PCP, No)],
        findings: &["router-behind-nat"],
        ..PLAIN
    },
    Case {
        name: "garbage",
        router: &["pmp=garbage", "igd=html"],
        facts: &[(NAT_PMP, Because("unusable")), (IGD, Because("unusable"))],
        findings: &["router-answer-unusable"],
        ..PLAIN
    },
    Case {
        name: "a description without end",
        router: &["igd=huge"],
        facts: &[(IGD, Because("unusable"))],
        ..PLAIN
    },
    Case {
        name: "a redirect is not followed",
        router: &["igd=redirect"],
        facts: &[(IGD, Because("unusable"))],
        ..PLAIN
    },
    Case {
        name: "a description that hangs",
        router: &["igd=hang"],
        facts: &[(IGD, Because("unusable"))],
        ..PLAIN
    },
    Case {
        name: "a location elsewhere",
        router: &["igd=location:http://203.0.113.99:80/root.xml"],
        facts: &[(IGD, No)],
        findings: &["gateway-location-foreign"],
        ..PLAIN
    },
    Case {
        name: "a mapping that leads nowhere",
        router: &["pcp=map"],
        args: MAPPING,
        mapped_by: Some("pcp"),
        facts: &[
            (WORKS, No),
            (EXTERNAL, Is("203.0.113.1")),
            ("/double_nat", No),
        ],
        findings: &["port-mapping-does-not-work"],
        ..PLAIN
    },
    Case {
        name: "a mapping at an inner NAT, as only PCP says",
        router: &["pcp=map:10.1.2.3"],
        args: MAPPING,
        mapped_by: Some("pcp"),
        facts: &[(WORKS, NotTested("second-nat")), ("/double_nat", Yes)],
        findings: &["double-nat"],
        ..PLAIN
    },
    Case {
        name: "no mapping is made where it could not be tried",
        router: &["pcp=map:10.1.2.3", "pmp=addr:10.1.2.3"],
        args: MAPPING,
        facts: &[(WORKS, NotTested("second-nat"))],
        findings: &["double-nat"],
        no_findings: &["port-mapping-not-shown", "port-mapping-may-remain"],
        ..PLAIN
    },
    Case {
        name: "a mapping that is not removed",
        router: &["pcp=keep"],
        args: MAPPING,
        facts: &[(WORKS, NotYes)],
        findings: &["port-mapping-may-remain"],
        no_findings: &[],
        ..PLAIN
    },
    Case {
        name: "an answer that comes too late",
        router: &["pcp=late"],
        args: MAPPING,
        facts: &[(WORKS, Because("no-response"))],
        findings: &["port-mapping-refused"],
        no_findings: &[],
        ..PLAIN
    },
    Case {
        name: "all refuse a mapping",
        router: &["pcp=ok", "pmp=addr:203.0.113.1"],
        args: MAPPING,
        facts: &[(WORKS, Because("router-refuses"))],
        findings: &["port-mapping-refused"],
        ..PLAIN
    },
    Case {
        name: "a device that makes permanent mappings only",
        router: &["igd=permanent"],
        args: MAPPING,
        mapped_by: Some("upnp-igd"),
        facts: &[(WORKS, No), (IGD, Yes)],
        findings: &["port-mapping-does-not-work"],
        ..PLAIN
    },
    Case {
        name: "a device whose port is taken",
        router: &["igd=conflict"],
        args: MAPPING,
        mapped_by: Some("upnp-igd"),
        facts: &[(WORKS, No), (IGD, Yes)],
        findings: &["port-mapping-does-not-work"],
        ..PLAIN
    },
    Case {
        name: "left out",
        router: &["pmp=addr:203.0.113.1"],
        args: &["--no-port-mapping"],
        facts: &[(PCP, Unknown), (NAT_PMP, Unknown), (EXTERNAL, Unknown)],
        no_findings: &["port-mapping-offered"],
        ..PLAIN
    },
];
