//! `rtcdiag sdp`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use tokio::sync::mpsc;

use crate::base::exit::Outcome;
use crate::commands::frame::Frame;
use args::SdpArgs;

pub fn run(frame: &Frame, args: &SdpArgs) -> anyhow::Result<Outcome> {
    let message = "reading the descriptions".to_owned();
    let (texts, _) = frame.work(
        message,
        async |stop, _events: mpsc::UnboundedSender<()>| {
            run::texts(args, frame.patience(), stop).await
        },
        |()| {},
    )?;
    let Some(texts) = texts else {
        return frame.interrupted("Interrupted before all had been read.");
    };
    let question = match run::read(frame, args, &texts) {
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
