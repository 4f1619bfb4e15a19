//! miniupnpd in its ways, and what must be said of it.

use std::process::Stdio;

use super::super::data;
use super::super::lab::{Lab, Plan};
use super::{Case, assert_right, command, diagnose, miniupnpd, read};

const STUN: &str = "-s stun:203.0.113.10";

fn lab(case: &Case) -> Lab {
    let mut lab = Lab::build(&Plan::named("miniupnpd"));
    let namespace = lab.namespace("r0");
    if !case.router.is_empty() {
        let child = miniupnpd::start(&namespace, lab.scratch(), &case.router).expect("it starts");
        let child = lab.adopt(child);
        let ports: &[u16] = if case.router.iter().any(|line| line == "enable_natpmp=yes") {
            &[1900, 5351]
        } else {
            &[1900]
        };
        miniupnpd::wait_until_open(child, &namespace, ports).expect("it listens");
    }
    lab
}

/// Runs a case, and looks whether a mapping has remained.
pub fn check(name: &str, case: &Case) {
    let lab = lab(case);
    let (_, document) = diagnose(&lab, &format!("{STUN} {}", case.args));
    assert_right(name, case, &lab, &document);
    let namespace = lab.namespace("r0");
    assert!(!miniupnpd::has_mapping(&namespace), "{}", lab.describe());
}

/// PCP over IPv6 only; the others are of IPv4.
pub fn ipv6() {
    let case: Case = data::table("staged/router", "ipv6");
    let lab = lab(&case);
    let (_, document) = diagnose(&lab, &case.args);
    assert_right("ipv6", &case, &lab, &document);
    let path = &document["result"]["paths"][0]["port_mapping"];
    assert_eq!(path["router"], "2001:db8:1::1");
    assert_eq!(path["nat_pmp"]["reason"], "not-applicable");
    // Debian's miniupnpd answers PCP over IPv6 or not, by its version; either is said for sure.
    assert_eq!(path["pcp"]["status"], "determined", "{path:#}");
}

/// Ctrl-C while the mapping is there: it is removed before the end, and the result is printed.
pub fn interrupted() {
    let lab = lab(&data::table("router/miniupnpd", "public"));
    let namespace = lab.namespace("r0");
    let child = command(&lab, &format!("{STUN} --port-mapping-test"))
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
