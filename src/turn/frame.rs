//! Where a message ends: STUN messages and ChannelData on datagrams and on streams
//! (RFC 8656 12.4, 12.5).

use crate::stun::message::{HEADER_LEN, looks_like_stun};

/// First and last channel number (RFC 8656 12).
pub const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// Number and length.
pub const CHANNEL_HEADER_LEN: usize = 4;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A STUN message.
    Stun(&'a [u8]),
    /// ChannelData: channel number and application data, without padding.
    ChannelData(u16, &'a [u8]),
}

/// The stream carries something else than STUN and TURN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTurn {
    /// A web server.
    #[error("an HTTP server answers there, not TURN")]
    Http,
    /// Something else.
    #[error("what answers there is neither STUN nor TURN")]
    Other,
}

/// Tells what a datagram, or a frame of a stream, is. `None` if it is neither.
pub fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    if looks_like_stun(bytes) {
        return Some(Frame::Stun(bytes));
    }
    let (number, length) = channel_header(bytes)?;
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
}

impl FrameReader {
    /// Takes what came. The buffer never grows beyond one frame (64 KiB) and one read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    ///
    /// If what came is neither STUN nor ChannelData; nothing behind it can be understood.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, NotTurn> {
        let Some((length, padded)) = self.length()? else {
            return Ok(None);
        };
        let Some(frame) = self.buffer.get(self.taken..self.taken + padded) else {
            return Ok(None);
        };
        let frame = frame[..length].to_vec();
        self.taken += padded;
        Ok(Some(frame))
    }

    /// Whether part of a frame has come.
    pub const fn has_partial(&self) -> bool {
        self.buffer.len() > self.taken
    }

    /// Length of the frame at the front, without and with padding, once its header is there.
    fn length(&self) -> Result<Option<(usize, usize)>, NotTurn> {
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
                        Err(NotTurn::Http)
                    };
                }
                if bytes.len() < CHANNEL_HEADER_LEN {
                    return Ok(None);
                }
                let (_, length) = channel_header(bytes).ok_or(NotTurn::Other)?;
                let length = CHANNEL_HEADER_LEN + length;
                Ok(Some((length, length.next_multiple_of(4))))
            }
            _ => Err(NotTurn::Other),
        }
    }
}

fn channel_header(bytes: &[u8]) -> Option<(u16, usize)> {
    let number = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    let length = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    CHANNELS
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
        let error = |bytes: &[u8]| {
            let mut reader = FrameReader::default();
            reader.push(bytes);
            reader.next_frame()
        };
        assert_eq!(error(b"HTTP/1.1 400 Bad Request\r\n"), Err(NotTurn::Http));
        assert_eq!(error(b"HTT"), Ok(None));
        assert_eq!(error(b"SSH-2.0-OpenSSH"), Err(NotTurn::Other));
        assert_eq!(error(b"220 mail.example.org ESMTP"), Err(NotTurn::Other));
        assert_eq!(error(&[0x15, 3, 1, 0, 2]), Ok(None));
    }
}
