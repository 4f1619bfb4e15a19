//! `rtcdiag sdp`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use crate::base::exit::Outcome;
use crate::commands::frame::Frame;
use args::SdpArgs;

pub fn run(frame: &Frame, args: &SdpArgs) -> anyhow::Result<Outcome> {
    let question = match run::read(frame, args) {
        Ok(question) => question,
        Err(error) => return frame.could_not_begin(&error),
    };
    let result = report::result(&question);
    let verdict = verdict::verdict(&question, &result);
    let is_alone = matches!(question.with, report::With::Nothing);
    frame.finish(verdict, result, |document, style, detail| {
        render::text(document, is_alone, style, detail)
    })
}
