//! What the page puts into the clipboard ("Copy Report", "Copy Report History"): the same, and statistics, as JSON.

use std::collections::HashMap;

use serde::Deserialize as _;
use serde_json::Value;

use crate::base::words::printable;
use crate::proto::evidence::about::{outcome, rows};
use crate::proto::evidence::account::{Account, Fault, FileKind, Record, StateKind};
use crate::proto::evidence::events::{add, changed};
use crate::proto::evidence::stats::{StatsBook, is_of_use};
use crate::proto::evidence::{MAX_ACCOUNTS, configuration, described, each_value};

/// How deep reports stand in what is copied: in a list, in a history of several.
const DEEPEST: usize = 4;

#[derive(Default)]
struct Reports {
    open: HashMap<String, (Account, StatsBook)>,
    order: Vec<String>,
}

pub(crate) fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::AboutWebrtc);
    record.agent = Some("Firefox".to_owned());
    let mut reports = Reports::default();
    let fault = each_value(text, |json| {
        reports.look(&Value::deserialize(json)?, DEEPEST);
        Ok(())
    });
    record.faults.extend(fault);
    for id in reports.order {
        let Some((mut account, book)) = reports.open.remove(&id) else {
            continue;
        };
        book.close(&mut account);
        rows::settle(&mut account.own);
        rows::resolve(&mut account);
        outcome::conclude(&mut account);
        if !account.own.is_empty() || !account.other.is_empty() {
            record.captured_at = record.captured_at.or(account.ended);
            record.accounts.push(account);
        }
    }
    if !record.faults.is_empty() {
        record.has_gap();
    } else if record.accounts.is_empty() {
        let message = "there is no connection with candidates or descriptions in it";
        record.faults.push(Fault::new("the whole file", message));
    }
    record
}

impl Reports {
    fn look(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(object) if object.get("pcid").is_some_and(Value::is_string) => {
                self.report(value);
            }
            Value::Object(object) if depth > 0 => {
                for value in object.values() {
                    self.look(value, depth - 1);
                }
            }
            Value::Array(all) if depth > 0 => {
                for value in all {
                    self.look(value, depth - 1);
                }
            }
            _ => {}
        }
    }

    fn report(&mut self, report: &Value) {
        let name = report["pcid"].as_str().unwrap_or_default();
        if !self.open.contains_key(name) {
            if self.open.len() >= MAX_ACCOUNTS {
                return;
            }
            self.order.push(name.to_owned());
        }
        let (account, book) = self.open.entry(name.to_owned()).or_default();
        let id = name.split_once("(id=").map_or(name, |(_, rest)| rest);
        account.label = id.split([' ', ')']).next().map(printable);
        account.is_begun = true;
        account.saw(report["timestamp"].as_f64());
        if !report["configuration"].is_null() {
            configuration::read(account, &report["configuration"]);
        }
        let members = report.as_object().into_iter().flatten();
        for object in members.filter_map(|(_, value)| value.as_array()).flatten() {
            let kind = object["type"].as_str().unwrap_or_default();
            if let (true, Some(id), Value::Object(object)) =
                (is_of_use(kind), object["id"].as_str(), object)
            {
                let at = object.get("timestamp").and_then(Value::as_f64);
                book.see(account, at.filter(|at| *at > 1e11), id, object);
            }
        }
        for (key, is_other) in [("rawLocalCandidates", false), ("rawRemoteCandidates", true)] {
            let lines = report[key].as_array().into_iter().flatten();
            for line in lines.filter_map(Value::as_str) {
                rows::read(account, &[line.to_owned()], is_other);
            }
        }
        for entry in report["sdpHistory"].as_array().into_iter().flatten() {
            describe(account, entry);
        }
        if report["closed"] == true {
            changed(account, None, StateKind::Closed, &Value::from("closed"));
        }
    }
}

fn describe(account: &mut Account, entry: &Value) {
    let (Some(text), Some(is_own)) = (entry["sdp"].as_str(), entry["isLocal"].as_bool()) else {
        return;
    };
    let mut read = described::read(text.trim());
    // RFC 8842 5.2: an offer leaves it open, an answer does not.
    read.is_offer = read.setup.as_deref().map(|setup| setup == "actpass");
    let at = entry["timestamp"].as_f64();
    account.saw(at);
    let told = rows::told(account, !is_own);
    let is_known = told
        .descriptions
        .iter()
        .any(|(_, known)| known.text == read.text);
    if !is_known && told.descriptions.len() < 1000 {
        add(told, at, read);
    }
}
