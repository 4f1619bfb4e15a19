//! What the other host is to type, once it is known which places are reached: a command that is right
//! wherever that host is, if there is one.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::base::time::Time;
use crate::commands::pair::report::{PlaceKind, PlaceReport, PlaceStatus};

/// How long places are waited for before it is told what is known: this network's command, and which are reached.
pub(in crate::commands) const PATIENCE: Duration = Duration::from_secs(3);

/// What is needed for it.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The command's name.
    pub name: &'static str,
    pub code: String,
    /// What both commands have in common, places left out.
    pub flags: String,
    /// The places that are named, as flags; empty if the other host finds them by itself.
    pub places: String,
    /// The page for a browser, where one of the places has it.
    pub page: Option<String>,
    /// The rendezvous in this program as the other side reaches it, and whether only this network does.
    pub lan: Option<(String, bool)>,
    /// Whether this side has servers from a file, which the command does not carry: it has passwords.
    pub has_file: bool,
    pub told: Told,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invited {
    pub code: String,
    pub command: String,
    pub rendezvous: String,
    /// What a browser opens instead.
    pub link: Option<String>,
    /// Whether it is in this program, at an address that only this network can reach.
    #[serde(skip)]
    pub is_near: bool,
    /// Whether this side has servers that are not in the command.
    #[serde(skip)]
    pub lacks_servers: bool,
}

impl Invited {
    /// For a person who goes to `host`.
    pub fn text(&self, host: &str) -> String {
        let mut text = format!("code: {}\non {host}:\n  {}", self.code, self.command);
        if let Some(link) = &self.link {
            let _ = write!(text, "\nor in a browser there:\n  {link}");
        }
        if self.is_near {
            let near = "\n(that address can only be reached from this network; from another one, use --rendezvous or --manual)";
            text.push_str(near);
        }
        if self.command.contains("--turn-username") {
            let password = "\n(it needs the TURN password there, too: RTCDIAG_TURN_PASSWORD or --turn-password-file)";
            text.push_str(password);
        }
        if self.lacks_servers {
            let servers = "\n(that command names none of the servers in --ice-servers: give the other host such a file too)";
            text.push_str(servers);
        }
        text
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    #[default]
    Nothing,
    /// A command that only hosts of this network can use.
    Near,
    Everywhere,
}

impl Invitation {
    /// The invitation, when it is time for it, or for a better one.
    pub fn due(&mut self, places: &[PlaceReport], now: Time) -> Option<Invited> {
        if !self.places.is_empty() {
            let places_named = self.places.clone();
            return self.tell(Told::Everywhere, &named(places), &places_named);
        }
        let mut public = places
            .iter()
            .filter(|place| place.kind == PlaceKind::Public);
        if public.clone().next().is_none() {
            let (url, is_near) = self.lan.clone()?;
            let told = if is_near {
                Told::Near
            } else {
                Told::Everywhere
            };
            return self.tell(told, &url, &format!(" --rendezvous {url}"));
        }
        if let Some(reached) = public
            .clone()
            .find(|place| place.status == PlaceStatus::Reached)
        {
            return self.tell(Told::Everywhere, &reached.url.clone(), "");
        }
        let is_hopeless = public.all(|place| place.status == PlaceStatus::Failed);
        if !is_hopeless && now < PATIENCE {
            return None;
        }
        let (url, _) = self.lan.clone()?;
        self.tell(Told::Near, &url, &format!(" --rendezvous {url}"))
    }

    fn tell(&mut self, told: Told, rendezvous: &str, places: &str) -> Option<Invited> {
        if told <= self.told {
            return None;
        }
        self.told = told;
        Some(Invited {
            code: self.code.clone(),
            command: format!("rtcdiag {} {}{places}{}", self.name, self.code, self.flags),
            rendezvous: rendezvous.to_owned(),
            link: self.link(),
            is_near: told == Told::Near && self.lan.as_ref().is_some_and(|(_, is_near)| *is_near),
            lacks_servers: self.has_file,
        })
    }
}

impl Invitation {
    /// The code stands behind the `#`, which browsers keep for themselves.
    fn link(&self) -> Option<String> {
        let page = self.page.as_ref()?;
        Some(format!("{page}#{}", self.code))
    }
}

/// The first of the places that are named.
fn named(places: &[PlaceReport]) -> String {
    let mut named = places.iter().filter(|place| place.kind == PlaceKind::Named);
    named
        .next()
        .map(|place| place.url.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_the_command_does_not_carry_are_spoken_of() {
        let invited = |has_file| {
            let mut invitation = Invitation {
                name: "pair",
                code: "a code".to_owned(),
                flags: " -s stun:stun.example.org".to_owned(),
                places: " --rendezvous wss://rendezvous.example.org".to_owned(),
                page: None,
                lan: None,
                has_file,
                told: Told::Nothing,
            };
            invitation.due(&[], Time::ZERO).expect("a place is named")
        };
        let text = invited(true).text("the other host");
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("ice-servers"))
            .collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains("names none of the servers"), "{text}");
        assert!(
            !invited(false)
                .text("the other host")
                .contains("ice-servers")
        );
    }
}
