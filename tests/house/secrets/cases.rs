//! The commands that are run: those that succeed and those that servers let down.

use std::process::Command;

use super::{ICE, PASSWORD, SECRET, USER, WRONG};
use crate::support::program::{anonymous, file, private_file, with_env};
use crate::support::turn_server::TurnConfig;

/// The servers.
pub struct Uris {
    pub good: String,
    pub good_tcp: String,
    pub ice: String,
    pub minting: String,
    pub refusing: String,
    pub unsigned: String,
}

/// A command, what goes to its standard input, and whether it has to succeed.
pub struct Case {
    pub name: String,
    pub command: Command,
    pub input: Option<String>,
    pub works: Option<bool>,
}

#[derive(Default)]
pub struct Cases(pub Vec<Case>);

impl Cases {
    pub fn add(&mut self, name: &str, works: impl Into<Option<bool>>, command: Command) {
        self.0.push(Case {
            name: name.to_owned(),
            command,
            input: None,
            works: works.into(),
        });
    }

    pub fn add_with_input(&mut self, name: &str, command: Command, input: String) {
        self.add(name, true, command);
        if let Some(case) = self.0.last_mut() {
            case.input = Some(input);
        }
    }
}

/// With the password in the environment.
pub fn known<T: AsRef<str>>(args: &[T]) -> Command {
    let command = anonymous(args);
    with_env(
        with_env(command, "RTCDIAG_TURN_USERNAME", USER),
        "RTCDIAG_TURN_PASSWORD",
        PASSWORD,
    )
}

pub fn ice_servers(uri: &str, credential: &str) -> String {
    format!(r#"[{{"urls": "{uri}", "username": "{USER}", "credential": "{credential}"}}]"#)
}

pub fn user(password: &str) -> TurnConfig {
    TurnConfig {
        username: USER.to_owned(),
        password: password.to_owned(),
        ..TurnConfig::default()
    }
}

pub fn runs_that_begin(cases: &mut Cases, uris: &Uris) {
    let password = private_file("password", format!("{PASSWORD}\n"));
    let open = file("open-password", format!("{PASSWORD}\n"));
    let secret = private_file("shared", format!("{SECRET}\n"));
    let ice = private_file("ice.json", ice_servers(&uris.ice, ICE));
    for mode in [
        "--json",
        "--jsonl",
        "--verbose",
        "--quiet",
        "--color=always",
    ] {
        for command in ["gather", "turn"] {
            let args = |uri: &str, more: &[&str]| -> Vec<String> {
                let first: &[&str] = match command {
                    "gather" => &["gather", mode, "-s", uri],
                    _ => &["turn", mode, uri],
                };
                let all = first.iter().chain(more);
                all.map(ToString::to_string).collect()
            };
            let with_password = |uri: &str| known(&args(uri, &[]));
            let with_file = |uri: &str, more: &[&str]| anonymous(&args(uri, more));
            let name = |what: &str| format!("{command} {mode} {what}");
            cases.add(&name("right"), true, with_password(&uris.good));
            cases.add(&name("right over TCP"), true, with_password(&uris.good_tcp));
            let wrong = with_env(with_password(&uris.good), "RTCDIAG_TURN_PASSWORD", WRONG);
            cases.add(&name("wrong"), false, wrong);
            cases.add(&name("refused"), false, with_password(&uris.refusing));
            cases.add(&name("bad integrity"), false, with_password(&uris.unsigned));
            let from_file = ["--turn-username", USER, "--turn-password-file", &password];
            cases.add(
                &name("password file"),
                true,
                with_file(&uris.good, &from_file),
            );
            let readable = ["--turn-username", USER, "--turn-password-file", &open];
            cases.add(
                &name("readable file"),
                true,
                with_file(&uris.good, &readable),
            );
            let minted = ["--turn-secret-file", &secret];
            cases.add(&name("minted"), true, with_file(&uris.minting, &minted));
            let named = ["--turn-secret-file", &secret, "--turn-username", USER];
            cases.add(
                &name("minted for a user"),
                true,
                with_file(&uris.minting, &named),
            );
            cases.add(
                &name("minted, refused"),
                false,
                with_file(&uris.good, &minted),
            );
            if command == "gather" {
                let args = ["gather", mode, "--ice-servers", &ice];
                cases.add(&name("ice-servers"), true, anonymous(&args));
                let args = ["gather", mode, "--ice-servers", "-"];
                let text = ice_servers(&uris.ice, ICE);
                cases.add_with_input(&name("ice-servers piped"), anonymous(&args), text);
            } else {
                let args = ["turn", mode, &uris.ice, "--ice-servers", &ice];
                cases.add(&name("ice-servers"), true, anonymous(&args));
            }
        }
    }
    let piped = anonymous(format!(
        "gather -s {} --turn-username {USER} --turn-password-file -",
        uris.good
    ));
    cases.add_with_input("piped password", piped, format!("{PASSWORD}\n"));
}
