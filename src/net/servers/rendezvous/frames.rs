//! Frames of a WebSocket (RFC 6455 5.2), kept until they are whole.
//!
//! The WebSocket reserves as much as the head of a frame announces, of which little may ever come, and keeps the room
//! when it has come. Here a frame takes no more than what has come of it, and long ones are handed on in fragments.

use std::io::Cursor;

use tokio::io::ReadBuf;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

/// How much more is reserved than is there, as a part of it: so that a long frame is not copied with each piece.
const SPARE: usize = 8;
/// The longest payload of a frame that the WebSocket sees, in either direction: it keeps a buffer of that size. The mask
/// (RFC 6455 5.3) begins anew with each fragment, so this is a multiple of its length.
const LONGEST: usize = 4096;
/// With the length in eight bytes, and the mask.
const LONGEST_HEAD: usize = 14;

/// What has come and is not handed on.
#[derive(Debug)]
pub(super) struct Frames {
    kept: Vec<u8>,
    /// How many bytes at the head of it are handed on already, and how many may be.
    given: usize,
    whole: usize,
    /// The payload of the longest frame that is waited for.
    longest: usize,
    /// The rest is handed on as it comes: the WebSocket refuses it, or there is no more.
    passes: bool,
}

impl Frames {
    /// `came` is what has come already.
    pub(super) fn new(longest: usize, came: &[u8]) -> Self {
        let mut frames = Self {
            kept: Vec::new(),
            given: 0,
            whole: 0,
            longest,
            passes: false,
        };
        frames.add(came);
        frames
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let more = bytes.len().max(self.kept.len() / SPARE);
        if self.kept.capacity() - self.kept.len() < bytes.len() {
            self.kept.reserve_exact(more);
        }
        self.kept.extend_from_slice(bytes);
        self.find_whole();
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        self.passes = true;
        self.find_whole();
    }

    /// Hands on what is whole, as much as there is room for. Says whether that was anything.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let bytes = (self.whole - self.given).min(buffer.remaining());
        buffer.put_slice(&self.kept[self.given..self.given + bytes]);
        self.given += bytes;
        if self.given == self.whole && bytes > 0 {
            self.kept = self.kept.split_off(self.given);
            (self.given, self.whole) = (0, 0);
        }
        bytes > 0
    }

    /// Bytes that are not handed on.
    pub(super) const fn held(&self) -> usize {
        self.kept.len() - self.given
    }

    fn find_whole(&mut self) {
        while !self.passes {
            let mut rest = Cursor::new(&self.kept[self.whole..]);
            match FrameHeader::parse(&mut rest) {
                Ok(None) => return,
                Ok(Some((header, payload))) => {
                    let head = usize::try_from(rest.position()).unwrap_or(usize::MAX);
                    let payload = usize::try_from(payload).unwrap_or(usize::MAX);
                    if payload > self.longest {
                        self.passes = true;
                    } else if self.kept.len() - self.whole < head + payload {
                        return;
                    } else {
                        self.divide(&header, head, payload);
                    }
                }
                Err(_) => self.passes = true,
            }
        }
        self.whole = self.kept.len();
    }

    /// Makes fragments (RFC 6455 5.4) of the frame behind what is whole, which is whole too, if it is a long one.
    fn divide(&mut self, header: &FrameHeader, head: usize, payload: usize) {
        let end = self.whole + head + payload;
        if payload <= LONGEST || matches!(header.opcode, OpCode::Control(_)) {
            self.whole = end;
            return;
        }
        let parts = payload.div_ceil(LONGEST);
        let mut divided = Vec::with_capacity(self.kept.len() + parts * LONGEST_HEAD);
        divided.extend_from_slice(&self.kept[..self.whole]);
        let bytes = &self.kept[self.whole + head..end];
        for (at, part) in bytes.chunks(LONGEST).enumerate() {
            let mut header = header.clone();
            header.is_final &= at + 1 == parts;
            if at > 0 {
                header.opcode = OpCode::Data(Data::Continue);
                (header.rsv1, header.rsv2, header.rsv3) = (false, false, false);
            }
            // A vector takes all that is written to it.
            let _ = header.format(part.len() as u64, &mut divided);
            divided.extend_from_slice(part);
        }
        self.whole = divided.len();
        divided.extend_from_slice(&self.kept[end..]);
        self.kept = divided;
    }
}

/// A binary message in frames none of which is long.
pub(super) fn fragments(message: &Bytes) -> impl Iterator<Item = Frame> {
    let parts = message.len().div_ceil(LONGEST).max(1);
    (0..parts).map(move |at| {
        let end = message.len().min((at + 1) * LONGEST);
        let opcode = if at == 0 {
            Data::Binary
        } else {
            Data::Continue
        };
        let part = message.slice(at * LONGEST..end);
        Frame::message(part, OpCode::Data(opcode), at + 1 == parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1000;

    /// What is handed on of what has come so far.
    fn given(frames: &mut Frames) -> Vec<u8> {
        let mut given = Vec::new();
        let mut space = [0; 7];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            if !frames.give(&mut buffer) {
                return given;
            }
            given.extend_from_slice(buffer.filled());
        }
    }

    /// A masked frame of a client.
    fn frame(payload: u16) -> Vec<u8> {
        let mut frame = vec![0x82, 0xfe];
        frame.extend(payload.to_be_bytes());
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + usize::from(payload), 7);
        frame
    }

    #[test]
    fn a_frame_is_handed_on_when_it_is_whole_however_it_comes() {
        let sent = [frame(300), frame(0), frame(999)].concat();
        for piece in [1, 3, 100, 5000] {
            let mut frames = Frames::new(MOST, &[]);
            let mut come = Vec::new();
            for bytes in sent.chunks(piece) {
                frames.add(bytes);
                let more = given(&mut frames);
                come.extend(more);
                assert!([0, 308, 316, sent.len()].contains(&come.len()), "{piece}");
            }
            assert_eq!(come, sent, "{piece}");
            assert_eq!((frames.held(), frames.kept.capacity()), (0, 0));
        }
    }

    #[test]
    fn a_long_frame_is_handed_on_in_fragments() {
        let all: Vec<u8> = (0..=250).cycle().take(LONGEST * 2 + 11).collect();
        let mask = [1_u8, 2, 3, 4];
        let masked = |bytes: &[u8]| -> Vec<u8> {
            let bytes = bytes.iter().enumerate();
            bytes.map(|(at, byte)| byte ^ mask[at % 4]).collect()
        };
        let mut sent = vec![0x82, 0xfe];
        sent.extend(u16::try_from(all.len()).expect("it is short").to_be_bytes());
        sent.extend(mask);
        sent.extend(masked(&all));
        // A ping, and a part of something else.
        sent.extend([0x89, 0x80, 0, 0, 0, 0, 0x82]);
        let mut frames = Frames::new(LONGEST * 3, &[]);
        frames.add(&sent);
        let come = given(&mut frames);
        let mut rest = &come[..];
        for (first, bytes) in [
            (0x02, &all[..LONGEST]),
            (0x00, &all[LONGEST..LONGEST * 2]),
            (0x80, &all[LONGEST * 2..]),
        ] {
            let head = if bytes.len() < 126 { 6 } else { 8 };
            assert_eq!(rest[0], first);
            assert_eq!(rest[head..head + bytes.len()], masked(bytes));
            rest = &rest[head + bytes.len()..];
        }
        assert_eq!((rest, frames.held()), (&[0x89, 0x80, 0, 0, 0, 0][..], 1));
    }

    #[test]
    fn what_is_sent_is_in_fragments_too() {
        for length in [0, 1, LONGEST, LONGEST + 1, LONGEST * 3] {
            let message = Bytes::from(vec![7; length]);
            let all: Vec<Frame> = fragments(&message).collect();
            let sizes: usize = all.iter().map(|frame| frame.payload().len()).sum();
            assert_eq!(sizes, length);
            assert!(all.iter().all(|frame| frame.payload().len() <= LONGEST));
            let last = all.iter().filter(|frame| frame.header().is_final);
            assert!(last.count() == 1 && all[all.len() - 1].header().is_final);
        }
    }

    #[test]
    fn little_more_is_taken_than_has_come() {
        let mut sent = frame(999);
        sent.truncate(500);
        let mut frames = Frames::new(MOST, &sent[..10]);
        for piece in sent[10..].chunks(10) {
            frames.add(piece);
        }
        assert_eq!((given(&mut frames), frames.held()), (vec![], 500));
        assert!(frames.kept.capacity() <= 500 + 500 / SPARE, "{frames:?}");
        // The stream ended.
        frames.end();
        assert_eq!(given(&mut frames), sent);
    }

    #[test]
    fn what_will_be_refused_is_handed_on_at_once() {
        for sent in [frame(1001), vec![0x83, 0x80, 1, 2, 3, 4]] {
            let mut frames = Frames::new(MOST, &sent[..2]);
            frames.add(&sent[2..]);
            assert_eq!(given(&mut frames), sent);
        }
    }
}
