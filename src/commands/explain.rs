//! `rtcdiag explain`.

pub mod args;
pub mod manual;
pub mod markdown;
pub mod render;
pub mod report;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::commands::frame::Frame;
use crate::commands::text::{say, suggestion};
use args::ExplainArgs;
use report::ExplainResult;

pub fn run(frame: &Frame, args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let result = match &args.what {
        None => ExplainResult::all(),
        Some(asked) => match ExplainResult::of(asked) {
            Some(result) => result,
            None => return frame.could_not_begin(&unknown(asked)),
        },
    };
    say(frame, summary(args, &result), result, |document, style| {
        let result = document.result.as_ref();
        result.map_or_else(String::new, |result| match &args.what {
            None => render::list(result, style),
            Some(_) => render::text(result, style),
        })
    })
}

fn summary(args: &ExplainArgs, result: &ExplainResult) -> String {
    match (
        &args.what,
        result.codes.as_slice(),
        result.topics.as_slice(),
    ) {
        (Some(_), [entry, ..], _) => format!("{}: {}", entry.code, entry.meaning),
        (Some(_), [], [topic, ..]) => topic.description.clone(),
        _ => format!(
            "There are {} topics and {} codes.",
            result.topics.len(),
            result.codes.len()
        ),
    }
}

fn unknown(asked: &str) -> anyhow::Error {
    let codes = <Code as strum::IntoEnumIterator>::iter().map(Code::name);
    let topics = manual::TOPICS.iter().map(|(name, _)| *name);
    anyhow::anyhow!(
        "no code and no topic is called '{asked}'{}",
        suggestion(asked, codes.chain(topics), "; rtcdiag explain lists them")
    )
}
