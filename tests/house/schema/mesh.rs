//! Documents and events of `mesh`.

use rtcdiag::commands::mesh::report::{HostState, WayOutcome, WaySide};
use rtcdiag::commands::mesh::verdict::{Context, WantedWays, verdict};
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{assert_valid, assert_valid_event, enum_is_in_schema, event, refuses_each};
use crate::support::mesh_results::{alone, half_relayed, mixed};

#[test]
fn the_enums_are_those_of_the_source() {
    enum_is_in_schema::<HostState>("mesh_host_fields/properties/state");
    enum_is_in_schema::<WayOutcome>("mesh_way_fields/properties/outcome");
    enum_is_in_schema::<WaySide>("mesh_way_fields/properties/causes/items/properties/side");
}

#[test]
fn every_value() {
    let mut result = mixed();
    let sides = WaySide::VARIANTS.iter().cycle();
    for (outcome, side) in WayOutcome::VARIANTS.iter().zip(sides) {
        for state in HostState::VARIANTS {
            result.hosts[0].state = *state;
            result.ways[0].outcome = *outcome;
            result.ways[2].causes[0].side = *side;
            let verdict = verdict(&result, &Context::default());
            assert_valid(&super::document("mesh", verdict, result.clone()));
        }
    }
    let verdict = verdict(&alone(), &Context::default());
    assert_valid(&super::document("mesh", verdict, alone()));
}

/// Neither of two causes is more the cause than the other one.
#[test]
fn two_causes_of_as_many_ways_are_both_said() {
    let said = verdict(&half_relayed(), &Context::default());
    assert_eq!(said.caveat, None, "most ways are direct");
    assert_eq!(
        said.summary,
        "4 hosts, 6 ways: 4 direct, 2 relayed. alpha's NAT (203.0.113.1) is symmetric (1 way). The NAT of host3 lets in only ports it has sent to (1 way)."
    );
    let document = super::document("mesh", said, half_relayed());
    assert_valid(&document);
}

#[test]
fn events_of_mesh() {
    for line in events() {
        assert_valid_event(&line);
    }
}

#[test]
fn wrong_values_are_refused() {
    let wrong = json!({
        "": {
            "result/hosts/0/state": ["gone"], "result/hosts/0/own": [null],
            "result/ways/0/outcome": ["relay", null], "result/ways/0/rtt_ms": [-1],
            "result/ways/2/causes/0/side": ["local"], "result/ways/2/causes/0/host": [""],
        },
    });
    refuses_each(&everything(), &wrong);
}

/// A document in which every list has something and every `null` has a twin that is none.
pub fn everything() -> Value {
    let mut result = mixed();
    result.refused = vec!["what another member says cannot be read".into()];
    let context = Context {
        wanted: Some(WantedWays::Direct),
        ..Context::default()
    };
    let verdict = verdict(&result, &context);
    super::document("mesh", verdict, result)
}

/// One event of each kind that `pair` has not.
pub fn events() -> Vec<Value> {
    let result = mixed();
    vec![
        event("host", &result.hosts[1]),
        event("way", &result.ways[0]),
        event("way", &result.ways[2]),
    ]
}
