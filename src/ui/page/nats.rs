//! What stands between the hosts and the internet, drawn as boxes from top to bottom.

use std::fmt::Write as _;

use serde_json::Value;

use super::markup::{WIDTH, cut, escape, figure};
use super::words::{determined, endpoint, fact, label, list, text};

struct Block {
    title: String,
    /// In lines, each as wide as a box at most.
    detail: String,
    class: &'static str,
}

/// With one line of details, and for each one more.
const HEIGHT: u32 = 40;
const LINE: u32 = 14;
const GAP: u32 = 18;

/// Both sides of a call, as far as their NATs are known.
pub(super) fn of_call(out: &mut String, result: &Value) {
    let sides = [&result["local"], &result["remote"]];
    if sides.iter().all(|side| !side["nat"].is_object()) {
        return;
    }
    let mut blocks = Vec::new();
    let is_why = |side: &str| {
        let first = list(result, "causes").first();
        first.is_some_and(
            |cause| matches!(text(cause, "side"), Some(whose) if whose == side || whose == "both"),
        )
    };
    blocks.extend(of_side(sides[0], "This side", is_why("local")));
    blocks.push(Block {
        title: "Internet".to_owned(),
        detail: String::new(),
        class: "quiet",
    });
    let there = of_side(sides[1], "The other side", is_why("remote"));
    blocks.extend(there.into_iter().rev());
    draw(out, "What stands between them", &blocks);
}

/// A host and its NAT, from the inside out. `is_why` where the first cause is on this side.
fn of_side(side: &Value, name: &str, is_why: bool) -> Vec<Block> {
    let hosts: Vec<String> = list(side, "candidates")
        .iter()
        .filter(|candidate| text(candidate, "type") == Some("host"))
        .map(endpoint)
        .collect();
    let mut blocks = vec![Block {
        title: name.to_owned(),
        detail: hosts.first().cloned().unwrap_or_default(),
        class: "host",
    }];
    let nat = &side["nat"];
    if !nat.is_object() {
        blocks.push(Block {
            title: "NAT not known".to_owned(),
            detail: String::new(),
            class: "quiet",
        });
    } else if fact(&nat["udp"]) == "blocked" {
        blocks.push(Block {
            title: "UDP is blocked".to_owned(),
            detail: String::new(),
            class: "bad",
        });
    } else {
        let block = of_nat(nat, is_why);
        blocks.push(Block {
            class: if is_why { "bad" } else { block.class },
            ..block
        });
    }
    blocks
}

/// A NAT. `is_why` where the first cause is there.
fn of_nat(nat: &Value, is_why: bool) -> Block {
    let seen: Vec<&str> = list(nat, "reflexive_addresses")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let seen = match seen.first() {
        Some(address) => format!(", seen as {address}"),
        None => String::new(),
    };
    let title = match fact(&nat["nat"]).as_str() {
        "yes" => format!("NAT{seen}"),
        "no" => format!("No NAT{seen}"),
        _ => format!("NAT not known{seen}"),
    };
    let mapping = determined(nat, "mapping");
    let detail = match (mapping, determined(nat, "filtering")) {
        // What the call itself showed is in the cause, not among the facts.
        (None, None) if is_why => {
            "not measured; what the call showed of it stands above".to_owned()
        }
        (None, None) => "mapping and filtering not known".to_owned(),
        (mapping, filtering) => format!(
            "mapping {},\nfiltering {}",
            mapping.unwrap_or("not known"),
            filtering.unwrap_or("not known")
        ),
    };
    Block {
        title,
        detail,
        class: match mapping {
            Some("endpoint-independent") => "good",
            Some(_) => "open",
            None => "quiet",
        },
    }
}

/// The paths that `nat` found, each by itself.
pub(super) fn of_paths(out: &mut String, result: &Value) {
    for path in list(result, "paths") {
        let family = text(path, "family").unwrap_or_default();
        let mut blocks = vec![Block {
            title: "This host".to_owned(),
            detail: format!(
                "{} {}",
                text(path, "local_address").unwrap_or_default(),
                text(path, "interface").unwrap_or_default()
            ),
            class: "host",
        }];
        if fact(&path["udp"]) == "blocked" {
            blocks.push(Block {
                title: "UDP is blocked".to_owned(),
                detail: String::new(),
                class: "bad",
            });
        } else {
            blocks.push(of_nat(path, false));
        }
        for (key, name) in [
            ("double_nat", "A second NAT"),
            ("carrier_nat", "The provider's NAT"),
        ] {
            if fact(&path[key]) == "yes" {
                blocks.push(Block {
                    title: name.to_owned(),
                    detail: label(key),
                    class: "open",
                });
            }
        }
        blocks.push(Block {
            title: "Internet".to_owned(),
            detail: String::new(),
            class: "quiet",
        });
        let family = family.replace("ipv", "IPv");
        draw(out, &format!("Path over {family}"), &blocks);
    }
}

fn draw(out: &mut String, title: &str, blocks: &[Block]) {
    let mut drawing = String::new();
    let mut words = Vec::new();
    let mut y = 2;
    let middle = WIDTH / 2;
    for (number, block) in blocks.iter().enumerate() {
        if number > 0 {
            let _ = write!(
                drawing,
                "<line class=link x1={middle} y1={y} x2={middle} y2={} />",
                y + GAP
            );
            y += GAP;
        }
        let more = block.detail.lines().count().saturating_sub(1);
        let height = HEIGHT + LINE * u32::try_from(more).unwrap_or(0);
        let _ = write!(
            drawing,
            "<g class=\"box {}\"><rect x=2 y={y} width={} height={height} rx=6 />\
             <text class=title x={middle} y={} text-anchor=middle>{}</text>",
            block.class,
            WIDTH - 4,
            y + if block.detail.is_empty() { 25 } else { 17 },
            escape(&cut(&block.title, 52))
        );
        for (line, at) in block.detail.lines().zip((y + 32..).step_by(LINE as usize)) {
            let _ = write!(
                drawing,
                "<text x={middle} y={at} text-anchor=middle>{}</text>",
                escape(&cut(line, 60))
            );
        }
        drawing.push_str("</g>");
        y += height;
        words.push(if block.detail.is_empty() {
            block.title.clone()
        } else {
            format!("{}: {}", block.title, block.detail.replace('\n', " "))
        });
    }
    figure(out, title, y + 2, &drawing, &words);
}
