//! Where a message ends: STUN messages and ChannelData on datagrams and on streams
//! (RFC 8656 12.4, 12.5).

use std::ops::RangeInclusive;

use crate::proto::stun::message::{HEADER_LEN, looks_like_stun};

/// First and last channel number (RFC 8656 12): what a client takes.
pub const CHANNELS: RangeInclusive<u16> = 0x4000..=0x4fff;
/// The same of RFC 5766 11, which the RFC after it made smaller: what a server takes, for clients of that
/// time.
pub const CHANNELS_OF_CLIENTS: RangeInclusive<u16> = 0x4000..=0x7fff;

/// Number and length.
pub const CHANNEL_HEADER_LEN: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    Stun(&'a [u8]),
    /// ChannelData: channel number and application data, without padding.
    ChannelData(u16, &'a [u8]),
}

/// The stream carries something else than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("an HTTP server answers there, not TURN")]
    HttpForTurn,
    #[error("what answers there is neither STUN nor TURN")]
    NeitherStunNorTurn,
    #[error("an HTTP server answers there, not STUN")]
    HttpForStun,
    #[error("what answers there is not STUN")]
    NotStun,
}

/// Tells what a server's datagram, or a frame of its stream, is. `None` if it is neither.
pub fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    parse_with(&CHANNELS, bytes)
}

/// The same of a client's.
pub fn parse_of_client(bytes: &[u8]) -> Option<Frame<'_>> {
    parse_with(&CHANNELS_OF_CLIENTS, bytes)
}

fn parse_with<'a>(channels: &RangeInclusive<u16>, bytes: &'a [u8]) -> Option<Frame<'a>> {
    if looks_like_stun(bytes) {
        return Some(Frame::Stun(bytes));
    }
    let (number, length) = channel_header(channels, bytes)?;
    let payload = bytes.get(CHANNEL_HEADER_LEN..CHANNEL_HEADER_LEN + length)?;
    Some(Frame::ChannelData(number, payload))
}

/// Encodes ChannelData; on a stream it is padded to a multiple of four bytes.
pub fn channel_data(number: u16, payload: &[u8], stream: bool) -> Option<Vec<u8>> {
    let length = u16::try_from(payload.len()).ok()?;
    let mut bytes = Vec::with_capacity(CHANNEL_HEADER_LEN + payload.len() + 3);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(payload);
    if stream {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    Some(bytes)
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// How much of it has been read.
    taken: usize,
    /// Whether ChannelData is not expected.
    only_stun: bool,
    /// Whether it is a client's.
    of_client: bool,
    /// Whether a frame was read.
    has_begun: bool,
}

impl FrameReader {
    /// One that takes what clients send.
    pub fn of_client() -> Self {
        Self {
            of_client: true,
            ..Self::default()
        }
    }

    /// One that takes STUN messages alone.
    pub fn of_stun() -> Self {
        Self {
            only_stun: true,
            ..Self::default()
        }
    }

    /// Takes what came. The buffer never grows beyond one frame (64 KiB) and one read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    /// Fails if what came is neither STUN nor ChannelData; nothing behind it can be understood.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, Foreign> {
        let Some((length, padded)) = self.length()? else {
            return Ok(None);
        };
        let Some(frame) = self.buffer.get(self.taken..self.taken + padded) else {
            return Ok(None);
        };
        let frame = frame[..length].to_vec();
        self.taken += padded;
        self.has_begun = true;
        Ok(Some(frame))
    }

    pub const fn has_partial(&self) -> bool {
        self.buffer.len() > self.taken
    }

    /// Whether the stream has ended with what cannot be the beginning of a STUN message.
    pub const fn ends_foreign(&self) -> bool {
        self.only_stun && self.has_partial() && self.buffer.len() - self.taken < HEADER_LEN
    }

    const fn foreign(&self, is_http: bool) -> Foreign {
        match (self.only_stun, is_http) {
            (true, true) => Foreign::HttpForStun,
            (true, false) => Foreign::NotStun,
            (false, true) => Foreign::HttpForTurn,
            (false, false) => Foreign::NeitherStunNorTurn,
        }
    }

    /// Length of the frame at the front, without and with padding, once its header is there.
    fn length(&self) -> Result<Option<(usize, usize)>, Foreign> {
        let bytes = &self.buffer[self.taken..];
        let Some(first) = bytes.first() else {
            return Ok(None);
        };
        match first & 0xc0 {
            0 if bytes.len() < HEADER_LEN => Ok(None),
            0 if looks_like_stun(bytes) => {
                let length = HEADER_LEN + usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                Ok(Some((length, length)))
            }
            0x40 => {
                // "HTTP" is a channel number too, but no server begins with a channel.
                if b"HTTP/".starts_with(&bytes[..bytes.len().min(5)]) {
                    return if bytes.len() < 5 {
                        Ok(None)
                    } else {
                        Err(self.foreign(true))
                    };
                }
                if self.only_stun {
                    return Err(self.foreign(false));
                }
                let Some(header) = bytes.get(..CHANNEL_HEADER_LEN) else {
                    return Ok(None);
                };
                // The number and the length of a channel would be letters, and that length some kilobytes.
                let is_text =
                    |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\r' | b'\n');
                if !self.has_begun && !self.of_client && header.iter().all(is_text) {
                    return Err(self.foreign(false));
                }
                let channels = if self.of_client {
                    CHANNELS_OF_CLIENTS
                } else {
                    CHANNELS
                };
                let (_, length) =
                    channel_header(&channels, bytes).ok_or(Foreign::NeitherStunNorTurn)?;
                let length = CHANNEL_HEADER_LEN + length;
                Ok(Some((length, length.next_multiple_of(4))))
            }
            _ => Err(self.foreign(false)),
        }
    }
}

fn channel_header(channels: &RangeInclusive<u16>, bytes: &[u8]) -> Option<(u16, usize)> {
    let number = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    let length = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    channels
        .contains(&number)
        .then_some((number, usize::from(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 3, 0, u8::try_from(body.len()).expect("short")];
        bytes.extend([0x21, 0x12, 0xa4, 0x42]);
        bytes.extend([9; 12]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_stream_comes_apart_wherever_it_is_cut() {
        let mut stream = stun(&[0; 8]);
        stream.extend(channel_data(0x4001, b"hello", true).expect("short"));
        stream.extend(stun(&[]));
        for size in 1..=stream.len() {
            let mut reader = FrameReader::default();
            let mut frames = Vec::new();
            for piece in stream.chunks(size) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame().expect("valid") {
                    frames.push(frame);
                }
            }
            assert_eq!(frames.len(), 3, "pieces of {size}");
            assert_eq!(
                parse(&frames[1]),
                Some(Frame::ChannelData(0x4001, b"hello"))
            );
            assert!(!reader.has_partial());
        }
    }

    #[test]
    fn foreign_protocols_are_told() {
        let read = |mut reader: FrameReader, bytes: &[u8]| {
            reader.push(bytes);
            reader.next_frame()
        };
        let error = |bytes: &[u8]| read(FrameReader::default(), bytes);
        assert_eq!(
            error(b"HTTP/1.1 400 Bad Request\r\n"),
            Err(Foreign::HttpForTurn)
        );
        assert_eq!(error(b"HTT"), Ok(None));
        assert_eq!(error(b"SSH-2.0-OpenSSH"), Err(Foreign::NeitherStunNorTurn));
        assert_eq!(
            error(b"220 mail.example.org ESMTP"),
            Err(Foreign::NeitherStunNorTurn)
        );
        // As the header of a channel it would announce some kilobytes, and be waited for in vain.
        for greeting in [&b"HELLO\r\n"[..], b"OK\r\n", b"@RSYNCD: 31", b"NOTICE AUTH"] {
            assert_eq!(error(greeting), Err(Foreign::NeitherStunNorTurn));
        }
        assert_eq!(error(b"HE"), Ok(None));
        assert_eq!(error(&[0x15, 3, 1, 0, 2]), Ok(None));
        let error = |bytes: &[u8]| read(FrameReader::of_stun(), bytes);
        assert_eq!(error(b"HTTP/1.1 400"), Err(Foreign::HttpForStun));
        assert_eq!(error(b"HT"), Ok(None));
        assert_eq!(error(b"ERROR"), Err(Foreign::NotStun));
        assert_eq!(error(b"+OK\r\n"), Ok(None));
    }
}
