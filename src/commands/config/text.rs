//! Text files that the user names.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::proto::evidence::gzip;

/// Far more than any such file has.
const MAX_FILE: u64 = 1 << 20;

/// Reads a text file, or standard input for `-`, which may be a pipe that nobody writes to and may
/// be endless.
///
/// # Errors
///
/// If it cannot be read, is too large, takes too long, or is no UTF-8.
pub fn read_text(path: &Path, patience: Duration) -> std::io::Result<String> {
    let bytes = read_bytes(path, patience, MAX_FILE)?;
    decoded(bytes).map_err(|why| std::io::Error::new(std::io::ErrorKind::InvalidData, why))
}

/// The same for what is not written by hand: it may be longer or packed with gzip, and wrong characters do not matter.
pub fn read_long_text(path: &Path, patience: Duration, most: u64) -> std::io::Result<String> {
    let mut bytes = read_bytes(path, patience, most)?;
    if gzip::is_packed(&bytes) {
        let (unpacked, error) = gzip::unpack(&bytes);
        if let Some(error) = error {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, error));
        }
        bytes = unpacked;
    }
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=0x7f, 0, ..] | [0, 1..=0x7f, ..] => {
            decoded(bytes.clone()).unwrap_or_else(|_| lossy(&bytes))
        }
        bytes => lossy(bytes),
    })
}

fn read_bytes(path: &Path, patience: Duration, most: u64) -> std::io::Result<Vec<u8>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let owned = path.to_owned();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = sender.send(read_now(&owned, most));
    });
    match receiver.recv_timeout(patience) {
        Ok(text) => text,
        Err(_) => Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "nothing arrived in time",
        )),
    }
}

fn read_now(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let size = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(most + 1)
            .read_to_end(&mut bytes)?
    } else {
        std::fs::File::open(path)?
            .take(most + 1)
            .read_to_end(&mut bytes)?
    };
    if size as u64 > most {
        return Err(std::io::Error::other(format!(
            "it is larger than {} MiB",
            most >> 20
        )));
    }
    Ok(bytes)
}

/// UTF-8, or UTF-16 as some editors and PowerShell save it, without the byte order mark.
fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(
            "it is compressed (gzip): unpack it first (gunzip, curl --compressed)".to_owned(),
        );
    }
    // Text that begins with an ASCII character shows by its zero byte which end comes first.
    let big_endian = match bytes[..] {
        [0xff, 0xfe, ..] | [1..=0x7f, 0, ..] => Some(false),
        [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] => Some(true),
        _ => None,
    };
    let text = match big_endian {
        None => String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = String::from_utf8_lossy(&error.as_bytes()[..valid])
                .matches('\n')
                .count()
                + 1;
            format!("it is neither UTF-8 nor UTF-16 (line {line})")
        })?,
        Some(big_endian) => {
            let units = bytes.chunks(2).map(|unit| match *unit {
                [first, second] if big_endian => u16::from_be_bytes([first, second]),
                [first, second] => u16::from_le_bytes([first, second]),
                // Half a character: it is cut off, and no text.
                _ => 0xd800,
            });
            char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .map_err(|_| "it is UTF-16 and damaged: save it as UTF-8".to_owned())?
        }
    };
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// Whether others than the owner may read a file, on systems that know this.
pub fn is_readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o044 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_that_editors_save() {
        let bytes = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
            let units = "[\u{e9}\u{1f600}]".encode_utf16().flat_map(unit);
            [mark, &units.collect::<Vec<u8>>()].concat()
        };
        let text = "[\u{e9}\u{1f600}]";
        let with_mark = format!("\u{feff}{text}");
        for saved in [
            text.as_bytes().to_vec(),
            with_mark.into_bytes(),
            bytes(&[0xff, 0xfe], u16::to_le_bytes),
            bytes(&[0xfe, 0xff], u16::to_be_bytes),
            bytes(&[], u16::to_le_bytes),
            bytes(&[], u16::to_be_bytes),
        ] {
            assert_eq!(decoded(saved).as_deref(), Ok(text));
        }
        let latin = decoded(b"a\nb\xe9".to_vec()).expect_err("not UTF-8");
        assert!(latin.contains("line 2"), "{latin}");
        let packed = decoded(vec![0x1f, 0x8b, 8, 0]).expect_err("no text");
        assert!(packed.contains("gzip"), "{packed}");
        assert!(decoded(vec![0xff, 0xfe, b'a']).is_err());
        assert_eq!(decoded(Vec::new()).as_deref(), Ok(""));
    }
}
