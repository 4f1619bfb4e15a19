//! `rtcdiag inspect`.

pub mod args;
pub mod render;
pub mod report;
mod run;
pub mod verdict;

use tokio::sync::mpsc;

use crate::base::exit::Outcome;
use crate::commands::frame::Frame;
use crate::proto::evidence::calls;
use args::InspectArgs;
use report::InspectResult;
use run::Files;

pub fn run(frame: &Frame, args: &InspectArgs) -> anyhow::Result<Outcome> {
    let message = format!(
        "reading {}",
        crate::base::words::counted(args.file.len(), "file")
    );
    let (read, stopped) = frame.work(
        message,
        async |stop, _events: mpsc::UnboundedSender<()>| {
            run::read_all(&args.file, stop, &frame.slack, frame.clock).await
        },
        |()| {},
    )?;
    let Files { files, is_cut } = match read {
        Ok(read) => read,
        Err(error) => return frame.could_not_begin(&error),
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
    let verdict = verdict::of_part(verdict, stopped.filter(|_| is_cut));
    frame.finish(verdict, result, render::text)
}
