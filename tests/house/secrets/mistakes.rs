//! Where people put secrets by mistake, and what goes wrong with them at their proper place.

use super::cases::{Cases, Uris, known};
use super::{ICE, PASSWORD, SECRET, USER};
use crate::support::program::{anonymous, file, private_file, with_env};

/// All of them, in each way of printing.
pub fn add(cases: &mut Cases, uris: &Uris) {
    for mode in ["--json", "--jsonl", "-v"] {
        on_the_command_line(cases, uris, mode);
        unusable(cases, uris, mode);
        in_configuration_files(cases, uris, mode);
        in_ice_servers(cases, uris, mode);
    }
    cases.add("help", true, known(&["turn", "--help"]));
    cases.add("short help", true, known(&["gather", "-h"]));
}

fn typed() -> String {
    format!("turn:{USER}:{PASSWORD}@turn.example.org")
}

fn on_the_command_line(cases: &mut Cases, uris: &Uris, mode: &str) {
    let good = &uris.good;
    let typed = typed();
    let flag = format!("--turn-password={PASSWORD}");
    let secret = format!("--turn-secret={SECRET}");
    for args in [
        &["turn", mode, good, &flag][..],
        &["turn", mode, good, "--turn-password", PASSWORD],
        &["gather", mode, "-s", good, &flag],
        &["gather", mode, "-s", good, &secret],
        &["turn", mode, &typed],
        &["gather", mode, "-s", &typed],
    ] {
        cases.add("a secret among the arguments", None, anonymous(args));
    }
    let variable = with_env(anonymous(&["gather", mode]), "RTCDIAG_SERVER", &typed);
    cases.add("a URI in a variable", None, variable);
    for args in [
        &["turn", mode, good, "--timeout", "0"][..],
        &[mode],
        &["nat", mode, "-s", good, "--timeout", "0.3"],
    ] {
        cases.add("a mistake beside a password", None, known(args));
    }
}

fn unusable(cases: &mut Cases, uris: &Uris, mode: &str) {
    let good = &uris.good;
    let bell = private_file("bell", format!("{PASSWORD}\u{7}\n"));
    let lonely = anonymous(&["turn", mode, good]);
    let lonely = with_env(lonely, "RTCDIAG_TURN_PASSWORD", PASSWORD);
    cases.add("no user", None, lonely);
    let forbidden = anonymous(&["turn", mode, good, "--turn-username", USER]);
    let forbidden = with_env(
        forbidden,
        "RTCDIAG_TURN_PASSWORD",
        format!("{PASSWORD}\u{7}"),
    );
    cases.add("a forbidden character", false, forbidden);
    let base = ["gather", mode, "-s", good];
    for more in [
        ["--turn-password-file", &bell, "--turn-username", USER],
        ["--turn-secret-file", &bell, "--turn-username", "\u{7}"],
        ["--turn-secret-file", &bell, "--turn-password-file", &bell],
    ] {
        let args = [&base[..], &more].concat();
        cases.add("an unusable file", false, anonymous(&args));
    }
}

fn in_configuration_files(cases: &mut Cases, uris: &Uris, mode: &str) {
    for (name, text) in [
        ("config.toml", format!("turn-password = \"{PASSWORD}\"\n")),
        ("broken.toml", format!("turn-password = \"{PASSWORD}\n")),
        ("bare.toml", format!("{PASSWORD}\n")),
        ("listed.toml", format!("server = [\"{}\"]\n", typed())),
    ] {
        let path = file(name, text);
        for command in [
            anonymous(&["gather", mode, "--config", &path]),
            anonymous(&["turn", mode, &uris.good, "--config", &path]),
        ] {
            cases.add(name, false, command);
        }
    }
}

fn in_ice_servers(cases: &mut Cases, uris: &Uris, mode: &str) {
    let good = &uris.good;
    let entry = |rest: &str| format!("[{{\"urls\": \"{good}\", {rest}}}]");
    for (name, text) in [
        // The password file in place of the other, and credentials at a wrong depth.
        ("as-text.json", format!("\"{ICE}\"")),
        ("as-word.json", ICE.to_owned()),
        ("as-entry.json", format!("[\"{ICE}\"]")),
        ("as-servers.json", format!("{{\"iceServers\": \"{ICE}\"}}")),
        (
            "as-urls.json",
            format!("[{{\"urls\": {{\"credential\": \"{ICE}\"}}}}]"),
        ),
        (
            "twice.json",
            entry(&format!(
                "\"credential\": \"{ICE}\", \"credential\": \"{ICE}\""
            )),
        ),
        ("no-user.json", entry(&format!("\"credential\": \"{ICE}\""))),
        (
            "object.json",
            entry(&format!(
                "\"username\": \"u\", \"credential\": {{\"k\": \"{ICE}\"}}"
            )),
        ),
        (
            "bell.json",
            entry(&format!(
                "\"username\": \"u\", \"credential\": \"{ICE}\\u0007\""
            )),
        ),
        (
            "cut.json",
            format!("[{{\"urls\": \"{good}\", \"credential\": \"{ICE}"),
        ),
        (
            "typed.json",
            format!("[{{\"urls\": \"turn:u:{ICE}@a.example\"}}]"),
        ),
    ] {
        let path = private_file(name, text);
        for command in [
            anonymous(&["gather", mode, "--ice-servers", &path]),
            anonymous(&["turn", mode, good, "--ice-servers", &path]),
        ] {
            cases.add(name, false, command);
        }
    }
}
