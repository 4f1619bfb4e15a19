//! Reads the files.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;

use crate::net::clock::Clock;
use crate::proto::evidence::{self, Fault, Record, gzip};

/// The largest file that is read into memory, packed or not.
const MAX_FILE: usize = gzip::MAX_UNPACKED;

/// The files with their names, as they were given.
pub(super) fn read_all(
    paths: &[PathBuf],
    patience: Duration,
    clock: Clock,
) -> anyhow::Result<Vec<(String, Record)>> {
    let dashes = paths.iter().filter(|path| path.as_os_str() == "-").count();
    anyhow::ensure!(dashes < 2, "standard input (-) can be read once only");
    let mut files = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let left = patience.saturating_sub(clock.now());
        let bytes = bytes_of(path, left).with_context(|| format!("cannot read {name}"))?;
        files.push((name, record_of(&bytes)));
    }
    Ok(files)
}

/// A pipe may be one that nobody writes to.
fn bytes_of(path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let owned = path.to_owned();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = sender.send(read_now(&owned));
    });
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "nothing arrived in time");
    receiver.recv_timeout(patience).map_err(late)?
}

fn read_now(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path)?;
        // Room for all of it at once, or it is copied again and again.
        let size = file.metadata().map_or(0, |meta| meta.len().min(limit));
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0) + 1);
        file.take(limit).read_to_end(&mut bytes)?;
    }
    if bytes.len() > MAX_FILE {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            MAX_FILE >> 20
        )));
    }
    Ok(bytes)
}

fn record_of(bytes: &[u8]) -> Record {
    if !gzip::is_packed(bytes) {
        return evidence::read(bytes);
    }
    let (unpacked, error) = gzip::unpack(bytes);
    let packed_fault = error.map(|error| Fault::new("the packed file", error.to_string()));
    if unpacked.is_empty() {
        let fault = packed_fault.unwrap_or_else(|| Fault::new("the packed file", "it is empty"));
        return Record::unreadable(None, fault);
    }
    let mut record = evidence::read(&unpacked);
    record.faults.splice(0..0, packed_fault);
    record
}
