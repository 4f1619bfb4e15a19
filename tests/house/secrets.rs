//! No secret is ever printed: not in a result, not in an event, not in a message, not in a panic,
//! neither as it is nor encoded.

#![allow(clippy::disallowed_methods)] // minted credentials depend on the time

mod cases;
mod mistakes;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::support::program::{server, tcp, udp, with_input};
use crate::support::turn_server::{TurnConfig, minted_password};
use cases::{Cases, Uris, runs_that_begin, user};

const PASSWORD: &str = "Kr4ken-Pa55phrase";
const WRONG: &str = "Wr0ng-Otter-Phrase";
const SECRET: &str = "0ctopus-5hared-Key";
const ICE: &str = "5quid-1ce-Credential";
const USER: &str = "ann";
/// Minted credentials end a day after the start.
const DAY_S: u64 = 86_400;

/// Everything that must not be seen: the text, and how it looks encoded.
struct Forbidden(Vec<(String, String)>);

impl Forbidden {
    fn new(secrets: &[String]) -> Self {
        let mut all = Vec::new();
        for secret in secrets {
            let mut add = |text: String| all.push((secret.clone(), text));
            add(secret.clone());
            add(secret.to_lowercase());
            add(secret.to_uppercase());
            add(secret.chars().rev().collect());
            add(hex(secret.as_bytes()));
            add(format!("{:?}", secret.as_bytes())
                .trim_matches(['[', ']'])
                .to_owned());
            // Base64 of it wherever it begins within three bytes.
            for engine in [STANDARD, URL_SAFE_NO_PAD] {
                for start in 0..3 {
                    let text = engine.encode(&secret.as_bytes()[start..]);
                    let text = text.trim_end_matches('=');
                    // The last character depends on what follows.
                    add(text[..text.len() - 1].to_owned());
                }
            }
        }
        Self(all)
    }

    fn found_in(&self, text: &str) -> Vec<&str> {
        let shown = self
            .0
            .iter()
            .filter(|(_, form)| text.contains(form.as_str()));
        shown.map(|(secret, _)| secret.as_str()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

#[test]
fn no_secret_is_ever_shown() {
    let began = unix_now();
    let good = server(user(PASSWORD));
    let of_ice = server(user(ICE));
    let minting = server(TurnConfig {
        auth_secret: Some(SECRET.to_owned()),
        ..TurnConfig::default()
    });
    let refusing = server(TurnConfig {
        error_on_allocate: Some((486, "Allocation Quota Reached")),
        ..user(PASSWORD)
    });
    let unsigned = server(TurnConfig {
        bad_integrity: true,
        ..user(PASSWORD)
    });
    let uris = Uris {
        good: udp(&good),
        good_tcp: tcp(&good),
        ice: udp(&of_ice),
        minting: udp(&minting),
        refusing: udp(&refusing),
        unsigned: tcp(&unsigned),
    };
    let mut cases = Cases::default();
    runs_that_begin(&mut cases, &uris);
    mistakes::add(&mut cases, &uris);

    let outputs: Vec<(String, Option<bool>, std::process::Output)> = run_all(cases);
    let mut secrets: Vec<String> = [PASSWORD, WRONG, SECRET, ICE]
        .map(ToOwned::to_owned)
        .to_vec();
    // The second in which each command began is not known.
    for expires in began + DAY_S - 2..=unix_now() + DAY_S + 2 {
        secrets.push(minted_password(SECRET, &expires.to_string()));
        secrets.push(minted_password(SECRET, &format!("{expires}:{USER}")));
    }
    let forbidden = Forbidden::new(&secrets);
    let mut faults = Vec::new();
    for (name, works, output) in &outputs {
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let shown = forbidden.found_in(&text);
        if !shown.is_empty() {
            faults.push(format!("{name} shows {shown:?}:\n{text}"));
        }
        if text.contains("panicked") {
            faults.push(format!("{name} panics:\n{text}"));
        }
        // What does not do what it is here for proves nothing.
        if works.is_some_and(|works| works != output.status.success()) {
            faults.push(format!("{name} ends with {}:\n{text}", output.status));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n\n")
    );
    assert!(outputs.len() > 150, "{}", outputs.len());
}

/// A few at a time: most of them wait.
fn run_all(cases: Cases) -> Vec<(String, Option<bool>, std::process::Output)> {
    let queue = std::sync::Mutex::new(cases.0);
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panics").pop();
                    let Some(mut case) = next else {
                        return;
                    };
                    case.command.env("RUST_BACKTRACE", "1");
                    let output = match &case.input {
                        Some(input) => with_input(case.command, input.as_bytes()),
                        None => case.command.output().expect("it runs"),
                    };
                    let ended = (case.name, case.works, output);
                    done.lock().expect("nobody panics").push(ended);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics")
}

/// The search itself finds what it is for.
#[test]
fn the_search_finds_a_secret_in_every_form() {
    let forbidden = Forbidden::new(&[PASSWORD.to_owned()]);
    let encoded = STANDARD.encode(format!("user:{PASSWORD}:x"));
    let bytes = format!("{:?}", PASSWORD.as_bytes());
    for text in [PASSWORD, &encoded, &bytes, &hex(PASSWORD.as_bytes())] {
        let text = format!("before {text} behind");
        assert!(!forbidden.found_in(&text).is_empty(), "{text}");
    }
    assert!(forbidden.found_in("nothing of the kind").is_empty());
}
