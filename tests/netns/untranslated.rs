//! No translation on the way, with and without a filter.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::scenarios::*;

pub const OPEN_INTERNET: Scenario = Scenario {
    plan: behind(&[public4(&[])]),
    args: IPV4,
    expected: good(
        &[direct4(
            &[
                OPEN,
                NO_NAT,
                EIM,
                EIF,
                ("alg", NotYes),
                ("carrier_nat", NotYes),
            ],
            "open-internet",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const ROUTER_FIREWALL: Scenario = Scenario {
    plan: behind(&[public4(&[filters::STATEFUL_FILTER])]),
    args: IPV4,
    expected: good(
        &[direct4(&[OPEN, NO_NAT, EIM, APDF], "symmetric-firewall")],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// The verdict is for the path, the host's own filter included.
pub const HOST_FIREWALL: Scenario = Scenario {
    plan: Plan {
        client_rules: &[filters::HOST_FIREWALL],
        ..behind(&[public4(&[])])
    },
    args: IPV4,
    expected: good(
        &[direct4(&[OPEN, NO_NAT, EIM, APDF], "symmetric-firewall")],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const FIREWALL_BY_ADDRESS: Scenario = Scenario {
    plan: behind(&[public4(&[filters::STATEFUL_BY_ADDRESS])]),
    args: IPV4,
    expected: good(
        &[Path {
            legacy_name: None,
            ..direct4(&[OPEN, NO_NAT, EIM, ADF], "")
        }],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};
