//! The file of `--html`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that the page will be written to. It is opened before the work begins, so that nobody waits for a
/// result that cannot be saved; what stands in it stays until there is a page.
#[derive(Debug)]
pub struct PageFile {
    path: PathBuf,
    file: File,
}

impl PageFile {
    /// # Errors
    ///
    /// If the path is `-`, leads to something else than a file, or cannot be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Err(io::Error::other(
                "standard output has the result itself: name a file",
            ));
        }
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("there is something else than a file"));
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the page in the place of what was in the file.
    ///
    /// # Errors
    ///
    /// Those of the file, such as a full disk.
    pub fn write(&self, page: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(page.as_bytes())
    }
}
