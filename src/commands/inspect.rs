//! `rtcdiag inspect`.

pub mod args;
pub mod render;
pub mod report;
mod run;
pub mod verdict;

use crate::base::exit::Outcome;
use crate::commands::frame::Frame;
use crate::proto::evidence::calls;
use args::InspectArgs;
use report::InspectResult;

pub fn run(frame: &Frame, args: &InspectArgs) -> anyhow::Result<Outcome> {
    frame.output.start_progress(format!(
        "reading {}",
        crate::base::words::counted(args.file.len(), "file")
    ));
    let files = match run::read_all(&args.file, frame.patience(), frame.clock) {
        Ok(files) => files,
        Err(error) => {
            frame.output.end_progress();
            return frame.could_not_begin(&error);
        }
    };
    let (names, mut records): (Vec<String>, Vec<_>) = files.into_iter().unzip();
    let accounts = records.iter_mut().map(|record| {
        let accounts = std::mem::take(&mut record.accounts);
        crate::proto::evidence::Record {
            accounts,
            ..record.clone()
        }
    });
    let joined = calls::join(accounts.collect());
    let result = InspectResult::new(&names, &records, joined);
    let verdict = verdict::verdict(&result, &names, &records);
    frame.output.end_progress();
    frame.finish(verdict, result, render::text)
}
