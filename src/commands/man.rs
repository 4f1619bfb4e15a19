//! `rtcdiag man`: the pages that `cargo install` does not bring.

pub mod args;
pub mod roff;

use crate::base::exit::Outcome;
use crate::commands::args::definition;
use crate::commands::explain::{manual, render};
use crate::commands::frame::Frame;
use crate::commands::text::{TextResult, say, suggestion};
use crate::ui::style::Style;
use args::ManArgs;

/// The pages of section 1, as they are in the tree: a test keeps them there in step with the
/// command line.
const PAGES: [(&str, &str); 13] = [
    ("rtcdiag", include_str!("../../man/rtcdiag.1")),
    ("nat", include_str!("../../man/rtcdiag-nat.1")),
    ("gather", include_str!("../../man/rtcdiag-gather.1")),
    ("turn", include_str!("../../man/rtcdiag-turn.1")),
    ("pair", include_str!("../../man/rtcdiag-pair.1")),
    ("mesh", include_str!("../../man/rtcdiag-mesh.1")),
    ("demo", include_str!("../../man/rtcdiag-demo.1")),
    ("serve", include_str!("../../man/rtcdiag-serve.1")),
    ("inspect", include_str!("../../man/rtcdiag-inspect.1")),
    ("sdp", include_str!("../../man/rtcdiag-sdp.1")),
    ("explain", include_str!("../../man/rtcdiag-explain.1")),
    (
        "completions",
        include_str!("../../man/rtcdiag-completions.1"),
    ),
    ("man", include_str!("../../man/rtcdiag-man.1")),
];

/// What the pages of section 1 are asked for by.
pub fn names() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(name, _)| *name)
}

/// A page that was asked for.
enum Page {
    /// Of section 1.
    Command(&'static str, &'static str),
    /// Of section 7.
    Topic(&'static str, &'static str),
}

pub fn run(frame: &Frame, args: &ManArgs) -> anyhow::Result<Outcome> {
    let asked = args.page.as_deref().unwrap_or("rtcdiag");
    let Some(page) = find(asked) else {
        let known = names().chain(manual::TOPICS.iter().map(|(name, _)| *name));
        let otherwise = "; pages are named after commands, which rtcdiag --help lists, and topics, which rtcdiag explain lists";
        return frame.could_not_begin(&anyhow::anyhow!(
            "there is no page '{asked}'{}",
            suggestion(asked, known, otherwise)
        ));
    };
    let result = TextResult {
        file: page.file(),
        text: page.roff(),
    };
    let summary = format!("The man page {}.", result.file);
    // A person who does not pipe it into `man -l -` wants to read.
    let is_read = frame.output.is_terminal();
    say(frame, summary, result, |document, style| {
        let file = document.result.as_ref().map(|r| r.text.clone());
        if is_read {
            page.readable(style)
        } else {
            file.unwrap_or_default()
        }
    })
}

/// By `pair`, `rtcdiag-pair`, `rtcdiag-pair.1` or `pair(1)`; commands before topics.
fn find(asked: &str) -> Option<Page> {
    let (name, section) = match asked.strip_suffix(')').and_then(|n| n.split_once('(')) {
        Some((name, section)) => (name, Some(section)),
        None => match asked.rsplit_once('.') {
            Some((name, section)) => (name, Some(section)),
            None => (asked, None),
        },
    };
    let name = name.strip_prefix("rtcdiag-").unwrap_or(name);
    let command = || {
        let page = PAGES.into_iter().find(|(page, _)| *page == name);
        page.map(|(name, roff)| Page::Command(name, roff))
    };
    let topic = || manual::topic(name).map(|(name, text)| Page::Topic(name, text));
    match section {
        None => command().or_else(topic),
        Some("1") => command(),
        Some("7") => topic(),
        Some(_) => None,
    }
}

impl Page {
    fn file(&self) -> String {
        match self {
            Self::Command("rtcdiag", _) => "rtcdiag.1".to_owned(),
            Self::Command(name, _) => format!("rtcdiag-{name}.1"),
            Self::Topic(name, _) => format!("rtcdiag-{name}.7"),
        }
    }

    fn roff(&self) -> String {
        match self {
            Self::Command(_, roff) => (*roff).to_owned(),
            Self::Topic(name, text) => roff::page(name, text),
        }
    }

    /// For a terminal: the long help of a command, a topic as `explain` shows it.
    fn readable(&self, style: Style) -> String {
        match self {
            Self::Command(name, _) => {
                let mut program = definition();
                program.build();
                let command = program
                    .find_subcommand_mut(name)
                    .map(clap::Command::render_long_help);
                command
                    .unwrap_or_else(|| program.render_long_help())
                    .to_string()
            }
            Self::Topic(_, text) => render::manual(text, style),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_several_names() {
        for (asked, file) in [
            ("pair", "rtcdiag-pair.1"),
            ("rtcdiag-pair", "rtcdiag-pair.1"),
            ("rtcdiag-pair.1", "rtcdiag-pair.1"),
            ("nat(7)", "rtcdiag-nat.7"),
            ("rtcdiag", "rtcdiag.1"),
            ("exit-codes", "rtcdiag-exit-codes.7"),
        ] {
            assert_eq!(find(asked).map(|page| page.file()).as_deref(), Some(file));
        }
        for asked in ["pear", "filtering(1)", "nat(8)", ""] {
            assert!(find(asked).is_none(), "{asked}");
        }
    }
}
