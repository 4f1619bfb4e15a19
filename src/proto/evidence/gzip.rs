//! Files that are packed with gzip (RFC 1952).

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

/// What a file may be when it is unpacked.
pub const MAX_UNPACKED: usize = 512 << 20;
/// Small files may grow freely up to here.
const FREE: usize = 16 << 20;
/// Above that, how many times the packed size: dumps of a day grow thirty times, bombs a thousand.
const MAX_RATIO: usize = 150;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GzipError {
    #[error("it unpacks to more than {0} bytes, which no dump does")]
    TooLarge(usize),
    #[error("it is damaged: no more than {0} bytes could be unpacked")]
    Damaged(usize),
}

pub fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The content, and what stopped it from being whole.
pub fn unpack(bytes: &[u8]) -> (Vec<u8>, Option<GzipError>) {
    let limit = MAX_UNPACKED.min(FREE.max(bytes.len().saturating_mul(MAX_RATIO)));
    let mut decoder = MultiGzDecoder::new(bytes);
    let mut out = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match decoder.read(&mut part) {
            Ok(0) => return (out, None),
            Ok(count) if out.len() + count > limit => {
                return (Vec::new(), Some(GzipError::TooLarge(limit)));
            }
            Ok(count) => out.extend_from_slice(&part[..count]),
            // What was unpacked before is read all the same.
            Err(_) => {
                let length = out.len();
                return (out, Some(GzipError::Damaged(length)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    #[test]
    fn what_is_cut_short_is_read_so_far() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = packed(&text);
        assert_eq!(unpack(&whole), (text.clone(), None));
        let (part, error) = unpack(&whole[..whole.len() / 2]);
        assert_eq!(error, Some(GzipError::Damaged(part.len())));
        assert!(text.starts_with(&part) && !part.is_empty());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let (out, error) = unpack(&bomb);
        assert!(out.is_empty());
        assert_eq!(error, Some(GzipError::TooLarge(FREE)));
    }
}
