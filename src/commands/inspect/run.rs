//! Reads the files.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;

use crate::net::clock::Clock;
use crate::proto::evidence::traffic::CaptureReader;
use crate::proto::evidence::{self, Fault, FileKind, Record, gzip, kind};

/// The largest file that is read into memory, packed or not.
const MAX_FILE: usize = gzip::MAX_UNPACKED;
/// What is read at once.
const PIECE: u64 = 1 << 20;

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
        let record = record_in(path, left).with_context(|| format!("cannot read {name}"))?;
        files.push((name, record));
    }
    Ok(files)
}

/// What the thread that reads has to say.
enum News {
    /// A part of a long file was read.
    Alive,
    Whole(io::Result<Content>),
}

/// What was read: a capture at once, of everything else its bytes.
enum Content {
    Bytes(Vec<u8>),
    Capture(Box<Record>),
}

/// A pipe may be one that nobody writes to.
fn record_in(path: &Path, patience: Duration) -> io::Result<Record> {
    let (sender, receiver) = mpsc::channel();
    let owned = path.to_owned();
    std::thread::spawn(move || {
        let content = read_now(&owned, &sender);
        // Nobody listens any more when it took too long.
        let _ = sender.send(News::Whole(content));
    });
    loop {
        match receiver.recv_timeout(patience) {
            Ok(News::Alive) => {}
            Ok(News::Whole(content)) => {
                return content.map(|content| match content {
                    Content::Bytes(bytes) => record_of(&bytes),
                    Content::Capture(record) => *record,
                });
            }
            Err(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "nothing arrived in time",
                ));
            }
        }
    }
}

fn read_now(path: &Path, sender: &mpsc::Sender<News>) -> io::Result<Content> {
    if path == Path::new("-") {
        return read_from(&mut io::stdin().lock(), 0, sender);
    }
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata().map_or(0, |meta| meta.len());
    read_from(&mut file, size, sender)
}

fn read_from(
    source: &mut impl Read,
    size: u64,
    sender: &mpsc::Sender<News>,
) -> io::Result<Content> {
    let mut bytes = Vec::new();
    source.by_ref().take(PIECE).read_to_end(&mut bytes)?;
    if kind::of(&bytes) == Some(FileKind::Pcap) {
        let record = streamed(source, &bytes, sender)?;
        return Ok(Content::Capture(Box::new(record)));
    }
    let limit = MAX_FILE as u64 + 1;
    // Room for all of it at once, or it is copied again and again.
    bytes.reserve_exact(
        usize::try_from(size.min(limit))
            .unwrap_or(0)
            .saturating_sub(bytes.len())
            + 1,
    );
    source
        .by_ref()
        .take(limit - bytes.len() as u64)
        .read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            MAX_FILE >> 20
        )));
    }
    Ok(Content::Bytes(bytes))
}

/// A capture may be longer than memory.
fn streamed(
    source: &mut impl Read,
    head: &[u8],
    sender: &mpsc::Sender<News>,
) -> io::Result<Record> {
    let mut reader = CaptureReader::default();
    reader.push(head);
    let mut piece = vec![0; usize::try_from(PIECE).unwrap_or(1 << 20)];
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            return Ok(reader.finish());
        }
        reader.push(&piece[..length]);
        // Nobody listens any more when it took too long.
        let _ = sender.send(News::Alive);
    }
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
    // A capture that ends early is one.
    if packed_fault.is_some() && record.kind != Some(FileKind::Pcap) {
        record.has_gap();
    }
    record.faults.splice(0..0, packed_fault);
    record
}
