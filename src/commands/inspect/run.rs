//! Reads the files.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::base::fact::Reason;
use crate::commands::frame::Stop;
use crate::commands::signals::Slack;
use crate::net::clock::Clock;
use crate::proto::evidence::traffic::CaptureReader;
use crate::proto::evidence::{self, Fault, FileKind, Record, gzip, kind};

/// The largest file that is read into memory, packed or not.
const MAX_FILE: usize = gzip::MAX_UNPACKED;
/// What is read at once.
const PIECE: usize = 1 << 20;
/// Bytes by which a capture is told from everything else: its header has as many.
const HEAD: usize = 24;

/// What was read of the files.
pub(super) struct Files {
    /// With their names, as they were given.
    pub files: Vec<(String, Record)>,
    /// Whether that is not all, since the run was to end.
    pub is_cut: bool,
}

/// How long what has come may be looked at where nobody has set a time limit: nothing is waited for any more.
const LOOKING: Duration = Duration::from_secs(300);

/// Reads them in their order until `stop` comes. Where nobody has set a time limit, a capture may take as long as
/// more of it comes.
pub(super) async fn read_all(
    paths: &[PathBuf],
    mut stop: Stop,
    slack: &Slack,
    clock: Clock,
) -> anyhow::Result<Files> {
    let dashes = paths.iter().filter(|path| path.as_os_str() == "-").count();
    anyhow::ensure!(dashes < 2, "standard input (-) can be read once only");
    let mut read = Files {
        files: Vec::new(),
        is_cut: false,
    };
    for path in paths {
        let name = path.display().to_string();
        let record = if read.is_cut {
            unread("it was not begun")
        } else {
            let reading = Reading::begin(path);
            let alive = |more| slack.allow(clock.now() + more);
            let (record, is_cut) = reading
                .record(&mut stop, alive)
                .await
                .with_context(|| format!("cannot read {name}"))?;
            read.is_cut = is_cut;
            record
        };
        read.files.push((name, record));
    }
    Ok(read)
}

fn unread(why: &str) -> Record {
    Record::unreadable(None, Fault::new("the whole", why))
}

/// What the thread that reads has to say.
enum News {
    /// A part of a long file was read.
    Alive,
    /// All was read, and is looked at.
    Come,
    Whole(io::Result<Record>),
}

/// A capture that is being read; `None` before, and when nobody wants more of it.
type Capture = Mutex<Option<CaptureReader>>;

fn lock(capture: &Capture) -> MutexGuard<'_, Option<CaptureReader>> {
    capture.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that reads a file: a pipe may be one that nobody writes to.
struct Reading {
    news: mpsc::UnboundedReceiver<News>,
    capture: Arc<Capture>,
}

impl Reading {
    fn begin(path: &Path) -> Self {
        let (sender, news) = mpsc::unbounded_channel();
        let capture = Arc::new(Capture::default());
        let path = path.to_owned();
        let reader = Reader {
            capture: Arc::clone(&capture),
            sender: sender.clone(),
        };
        std::thread::spawn(move || {
            let record = reader.read_now(&path);
            // Nobody listens any more when the run was to end.
            let _ = sender.send(News::Whole(record));
        });
        Self { news, capture }
    }

    /// What it tells, and whether that is a part of it. `alive` is called for each piece that comes, with the
    /// time that is needed for it.
    async fn record(
        mut self,
        stop: &mut Stop,
        alive: impl Fn(Duration),
    ) -> io::Result<(Record, bool)> {
        loop {
            tokio::select! {
                // What never ends has news at any time.
                biased;
                reason = stopped(stop) => return self.cut(reason).map(|record| (record, true)),
                news = self.news.recv() => match news {
                    Some(News::Alive) => alive(Duration::ZERO),
                    Some(News::Come) => alive(LOOKING),
                    Some(News::Whole(record)) => return record.map(|record| (record, false)),
                    None => return Err(io::Error::other("the reading has failed")),
                },
            }
        }
    }

    /// What a capture tells as far as it was read. Of anything else, a part tells nothing.
    fn cut(&self, reason: Reason) -> io::Result<Record> {
        if let Some(capture) = lock(&self.capture).take() {
            return Ok(capture.so_far());
        }
        if reason == Reason::Interrupted {
            return Ok(unread("not all of it had come"));
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "nothing arrived in time",
        ))
    }
}

/// Until the run is to end.
async fn stopped(stop: &mut Stop) -> Reason {
    if let Ok(reason) = stop.wait_for(Option::is_some).await
        && let Some(reason) = *reason
    {
        return reason;
    }
    std::future::pending().await
}

/// What the thread has.
struct Reader {
    capture: Arc<Capture>,
    sender: mpsc::UnboundedSender<News>,
}

impl Reader {
    fn read_now(&self, path: &Path) -> io::Result<Record> {
        if path == Path::new("-") {
            return self.read_from(&mut io::stdin().lock(), 0);
        }
        let mut file = std::fs::File::open(path)?;
        let size = file.metadata().map_or(0, |meta| meta.len());
        self.read_from(&mut file, size)
    }

    fn read_from(&self, source: &mut impl Read, size: u64) -> io::Result<Record> {
        let mut bytes = Vec::new();
        source.by_ref().take(HEAD as u64).read_to_end(&mut bytes)?;
        if kind::of(&bytes) == Some(FileKind::Pcap) {
            return self.streamed(source, &bytes);
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
        // Nobody listens any more when the run was to end.
        let _ = self.sender.send(News::Come);
        Ok(record_of(&bytes))
    }

    /// A capture may be longer than memory.
    fn streamed(&self, source: &mut impl Read, head: &[u8]) -> io::Result<Record> {
        let mut reader = CaptureReader::default();
        reader.push(head);
        *lock(&self.capture) = Some(reader);
        let mut piece = vec![0; PIECE];
        loop {
            let length = source.read(&mut piece)?;
            let mut capture = lock(&self.capture);
            let Some(mut reader) = capture.take() else {
                return Err(io::ErrorKind::TimedOut.into());
            };
            if length == 0 {
                return Ok(reader.finish());
            }
            reader.push(&piece[..length]);
            *capture = Some(reader);
            drop(capture);
            // Nobody listens any more when the run was to end.
            let _ = self.sender.send(News::Alive);
        }
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
