//! What counts as a change from one round to the next.
//!
//! A fact that could not be determined says nothing: it is compared with the last one that could. So
//! a lost packet is no change, and neither is the round after it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;

use crate::base::fact::Fact;
use crate::commands::nat::rounds::report::{PathSeen, What};
use crate::proto::nat::behavior::words::{Filtering, Mapping, Udp};

/// How many addresses of a pool are remembered.
const POOL: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub what: What,
    pub from: String,
    pub to: String,
}

/// What the rounds so far have shown of a path: of each fact the last value that was determined.
#[derive(Debug, Clone)]
pub struct Baseline {
    interface: Option<String>,
    local_address: IpAddr,
    is_open: bool,
    udp: Option<Udp>,
    nat: Option<bool>,
    mapping: Option<Mapping>,
    filtering: Option<Filtering>,
    addresses: BTreeSet<IpAddr>,
    is_pooled: bool,
    /// The last round saw further addresses beside the known ones: those of a pool, or it was under
    /// way when they changed. The next round tells.
    is_mixed: bool,
}

impl Baseline {
    pub fn new(seen: &PathSeen) -> Self {
        let mut known = Self {
            interface: seen.interface.clone(),
            local_address: seen.local_address,
            is_open: seen.is_open(),
            udp: None,
            nat: None,
            mapping: None,
            filtering: None,
            addresses: BTreeSet::new(),
            is_pooled: false,
            is_mixed: false,
        };
        known.learn(seen);
        known
    }

    pub fn differences(&self, seen: &PathSeen) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut note = |what, from: String, to: String| {
            if from != to {
                found.push(Difference { what, from, to });
            }
        };
        if let (Some(from), Some(to)) = (&self.interface, &seen.interface) {
            note(What::Interface, from.clone(), to.clone());
        }
        note(
            What::LocalAddress,
            self.local_address.to_string(),
            seen.local_address.to_string(),
        );
        compare(&mut note, What::Udp, self.udp.as_ref(), &seen.udp);
        let is_told = matches!((&self.udp, seen.udp.value()), (Some(a), Some(b)) if a != b);
        if !is_told {
            let words = |open: bool| if open { "some" } else { "none" }.to_owned();
            note(What::Answers, words(self.is_open), words(seen.is_open()));
        }
        let yes_no = |nat: &bool| if *nat { "yes" } else { "no" };
        let nat = seen.nat.clone().map(|nat| yes_no(&nat));
        compare(
            &mut note,
            What::Nat,
            self.nat.as_ref().map(yes_no).as_ref(),
            &nat,
        );
        if !self.knows(seen) && !self.may_be_mixed(seen) {
            note(
                What::Address,
                listed(&self.addresses),
                listed(&seen.reflexive_addresses),
            );
        }
        compare(
            &mut note,
            What::Mapping,
            self.mapping.as_ref(),
            &seen.mapping,
        );
        compare(
            &mut note,
            What::Filtering,
            self.filtering.as_ref(),
            &seen.filtering,
        );
        found
    }

    pub fn learn(&mut self, seen: &PathSeen) {
        self.interface.clone_from(&seen.interface);
        self.local_address = seen.local_address;
        self.is_open = seen.is_open();
        take(&mut self.udp, &seen.udp);
        take(&mut self.nat, &seen.nat);
        take(&mut self.mapping, &seen.mapping);
        take(&mut self.filtering, &seen.filtering);
        if seen.reflexive_addresses.is_empty() {
            return;
        }
        if self.may_be_mixed(seen) {
            self.is_mixed = true;
            return;
        }
        let known_pool = self.is_pooled || seen.is_pooled;
        if known_pool && self.knows(seen) && self.addresses.len() < POOL {
            self.addresses.extend(&seen.reflexive_addresses);
        } else {
            self.addresses.clone_from(&seen.reflexive_addresses);
        }
        self.is_pooled = known_pool;
        self.is_mixed = false;
    }

    /// Whether a round may have seen addresses of before and after a change.
    fn may_be_mixed(&self, seen: &PathSeen) -> bool {
        let now = &seen.reflexive_addresses;
        let is_unsettled = seen.is_pooled || !seen.mapping.is_determined();
        let is_more = now.len() > self.addresses.len() && now.is_superset(&self.addresses);
        let is_first = self.addresses.is_empty() || self.is_mixed || self.is_pooled;
        is_unsettled && is_more && !is_first
    }

    /// Whether the external addresses are nothing new. Where a NAT gives one host several, those of
    /// one round need not be all of them.
    fn knows(&self, seen: &PathSeen) -> bool {
        let now = &seen.reflexive_addresses;
        if now.is_empty() || self.addresses.is_empty() {
            return true;
        }
        let pooled = self.is_pooled || seen.is_pooled;
        *now == self.addresses || (pooled && !now.is_disjoint(&self.addresses))
    }
}

fn compare<T: PartialEq + Display>(
    note: &mut impl FnMut(What, String, String),
    what: What,
    before: Option<&T>,
    now: &Fact<T>,
) {
    if let (Some(before), Some(now)) = (before, now.value()) {
        note(what, before.to_string(), now.to_string());
    }
}

fn take<T: Clone>(slot: &mut Option<T>, fact: &Fact<T>) {
    if let Some(value) = fact.value() {
        *slot = Some(value.clone());
    }
}

fn listed(addresses: &BTreeSet<IpAddr>) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}
