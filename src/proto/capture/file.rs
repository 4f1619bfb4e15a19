//! The files of tcpdump and Wireshark: pcap, and pcapng (draft-ietf-opsawg-pcapng).

/// A frame with its headers is shorter; what claims more is damaged.
const MAX_FRAME: usize = 512 << 10;
/// Blocks of pcapng: those of Wireshark's keys and names may be long.
const MAX_BLOCK: usize = 16 << 20;
const MAX_INTERFACES: usize = 4096;

/// A frame of a capture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame<'a> {
    /// Milliseconds since 1970 by the clock of the host.
    pub at: f64,
    /// `LINKTYPE_...` of tcpdump.org.
    pub link: u32,
    /// As far as it was kept.
    pub bytes: &'a [u8],
}

/// Takes a capture apart, whatever pieces it comes in.
#[derive(Debug, Default)]
pub struct CaptureFile {
    rest: Vec<u8>,
    state: State,
    interfaces: Vec<Interface>,
    /// How many bytes were consumed.
    offset: u64,
    pub frames: u64,
    /// Where it cannot be read any more, and why.
    pub fault: Option<(u64, &'static str)>,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Start,
    Pcap {
        is_big: bool,
        /// Milliseconds of a unit of the second field.
        unit: f64,
        link: u32,
    },
    Pcapng {
        is_big: bool,
    },
    Broken,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: u32,
    snap: usize,
    /// Milliseconds of a unit of time.
    unit: f64,
    /// Milliseconds to add.
    offset: f64,
}

/// How far one step came.
enum Step {
    Done(usize),
    More,
    Broken(&'static str),
}

fn u16_at(bytes: &[u8], at: usize, is_big: bool) -> Option<u16> {
    let two = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(if is_big {
        u16::from_be_bytes(two)
    } else {
        u16::from_le_bytes(two)
    })
}

fn u32_at(bytes: &[u8], at: usize, is_big: bool) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if is_big {
        u32::from_be_bytes(four)
    } else {
        u32::from_le_bytes(four)
    })
}

impl CaptureFile {
    /// Takes the next bytes, and gives the frames that are whole.
    pub fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(Frame)) {
        if matches!(self.state, State::Broken) {
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let mut at = 0;
        while at < rest.len() {
            match self.step(&rest[at..], take) {
                Step::Done(length) => {
                    at += length;
                    self.offset += length as u64;
                }
                Step::More => break,
                Step::Broken(why) => {
                    self.fault = Some((self.offset, why));
                    self.state = State::Broken;
                    return;
                }
            }
        }
        rest.drain(..at);
        self.rest = rest;
    }

    /// Nothing more comes.
    pub fn finish(&mut self) {
        if self.fault.is_none() && !self.rest.is_empty() {
            self.fault = Some((self.offset, "the file ends there, within a packet"));
        }
    }

    fn step(&mut self, bytes: &[u8], take: &mut dyn FnMut(Frame)) -> Step {
        match self.state {
            State::Start => self.begin(bytes),
            State::Pcap { is_big, unit, link } => self.record(bytes, (is_big, unit, link), take),
            State::Pcapng { is_big } => self.block(bytes, is_big, take),
            State::Broken => Step::More,
        }
    }

    fn begin(&mut self, bytes: &[u8]) -> Step {
        let Some(magic) = u32_at(bytes, 0, true) else {
            return Step::More;
        };
        let (is_big, unit) = match magic {
            0x0a0d_0d0a => {
                self.state = State::Pcapng { is_big: false };
                return Step::Done(0);
            }
            0xa1b2_c3d4 => (true, 1e-3),
            0xd4c3_b2a1 => (false, 1e-3),
            0xa1b2_3c4d => (true, 1e-6),
            0x4d3c_b2a1 => (false, 1e-6),
            _ => return Step::Broken("it is no packet capture"),
        };
        let Some(link) = u32_at(bytes, 20, is_big) else {
            return Step::More;
        };
        // The upper bits tell of checksums.
        let link = link & 0xffff;
        self.state = State::Pcap { is_big, unit, link };
        Step::Done(24)
    }

    fn record(
        &mut self,
        bytes: &[u8],
        (is_big, unit, link): (bool, f64, u32),
        take: &mut dyn FnMut(Frame),
    ) -> Step {
        let field = |at| u32_at(bytes, at, is_big);
        let (Some(seconds), Some(fraction), Some(kept), Some(_)) =
            (field(0), field(4), field(8), field(12))
        else {
            return Step::More;
        };
        let kept = kept as usize;
        if kept > MAX_FRAME {
            return Step::Broken("a packet claims to be longer than any is");
        }
        let Some(frame) = bytes.get(16..16 + kept) else {
            return Step::More;
        };
        let at = f64::from(seconds).mul_add(1000.0, f64::from(fraction) * unit);
        self.frames += 1;
        take(Frame {
            at,
            link,
            bytes: frame,
        });
        Step::Done(16 + kept)
    }

    fn block(&mut self, bytes: &[u8], is_big: bool, take: &mut dyn FnMut(Frame)) -> Step {
        let Some(kind) = u32_at(bytes, 0, is_big) else {
            return Step::More;
        };
        let mut is_big = is_big;
        // A section says its own order of bytes.
        if kind == 0x0a0d_0d0a {
            match u32_at(bytes, 8, true) {
                None => return Step::More,
                Some(0x1a2b_3c4d) => is_big = true,
                Some(0x4d3c_2b1a) => is_big = false,
                Some(_) => return Step::Broken("a section does not begin as it should"),
            }
            self.state = State::Pcapng { is_big };
        }
        let Some(length) = u32_at(bytes, 4, is_big) else {
            return Step::More;
        };
        let length = length as usize;
        if length < 12 || !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Step::Broken("a block has a length that no block has");
        }
        let Some(block) = bytes.get(..length) else {
            return Step::More;
        };
        let body = &block[8..length - 4];
        match kind {
            0x0a0d_0d0a => self.interfaces.clear(),
            1 => self.interface(body, is_big),
            2 | 6 => self.packet(kind, body, is_big, take),
            3 => self.simple(body, is_big, take),
            _ => {}
        }
        Step::Done(length)
    }

    fn interface(&mut self, body: &[u8], is_big: bool) {
        let (Some(link), Some(snap)) = (u16_at(body, 0, is_big), u32_at(body, 4, is_big)) else {
            return;
        };
        let mut interface = Interface {
            link: u32::from(link),
            snap: if snap == 0 { MAX_FRAME } else { snap as usize },
            unit: 1e-3,
            offset: 0.0,
        };
        let mut options = &body[8.min(body.len())..];
        while let (Some(code), Some(length)) =
            (u16_at(options, 0, is_big), u16_at(options, 2, is_big))
        {
            let length = usize::from(length);
            let Some(value) = options.get(4..4 + length).filter(|_| code != 0) else {
                break;
            };
            match (code, value) {
                (9, [resolution, ..]) => interface.unit = unit(*resolution),
                (14, value) if value.len() == 8 => {
                    let mut eight = [0; 8];
                    eight.copy_from_slice(value);
                    let seconds = if is_big {
                        i64::from_be_bytes(eight)
                    } else {
                        i64::from_le_bytes(eight)
                    };
                    #[expect(clippy::cast_precision_loss, reason = "seconds of the calendar")]
                    let milliseconds = seconds as f64 * 1000.0;
                    interface.offset = milliseconds;
                }
                _ => {}
            }
            options = options
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        }
    }

    fn packet(&mut self, kind: u32, body: &[u8], is_big: bool, take: &mut dyn FnMut(Frame)) {
        let id = if kind == 6 {
            u32_at(body, 0, is_big)
        } else {
            u16_at(body, 0, is_big).map(u32::from)
        };
        let field = |at| u32_at(body, at, is_big);
        let (Some(id), Some(high), Some(low), Some(kept)) = (id, field(4), field(8), field(12))
        else {
            return;
        };
        let interface = self.interfaces.get(id as usize).copied();
        let frame = body.get(20..20 + (kept as usize).min(MAX_FRAME));
        if let (Some(interface), Some(frame)) = (interface, frame) {
            #[expect(clippy::cast_precision_loss, reason = "to a quarter of a microsecond")]
            let units = ((u64::from(high) << 32) | u64::from(low)) as f64;
            self.frames += 1;
            take(Frame {
                at: units.mul_add(interface.unit, interface.offset),
                link: interface.link,
                bytes: frame,
            });
        }
    }

    /// Without a time.
    fn simple(&mut self, body: &[u8], is_big: bool, take: &mut dyn FnMut(Frame)) {
        let interface = self.interfaces.first().copied();
        let (Some(interface), Some(length)) = (interface, u32_at(body, 0, is_big)) else {
            return;
        };
        let kept = (length as usize).min(interface.snap).min(body.len() - 4);
        self.frames += 1;
        take(Frame {
            at: 0.0,
            link: interface.link,
            bytes: &body[4..4 + kept],
        });
    }
}

/// `if_tsresol`: a power of ten, or of two with the highest bit.
fn unit(resolution: u8) -> f64 {
    let power = i32::from(resolution & 0x7f);
    let base: f64 = if resolution & 0x80 == 0 { 10.0 } else { 2.0 };
    1000.0 * base.powi(-power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture of frames at times in milliseconds.
    fn pcap(is_big: bool, frames: &[(u32, &[u8])]) -> Vec<u8> {
        let word = |n: u32| {
            if is_big {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let mut file: Vec<u8> = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65535, 1]
            .into_iter()
            .flat_map(word)
            .collect();
        for (at, frame) in frames {
            let length = u32::try_from(frame.len()).expect("it is short");
            file.extend(
                [at / 1000, at % 1000 * 1000, length, length + 100]
                    .into_iter()
                    .flat_map(word),
            );
            file.extend(*frame);
        }
        file
    }

    fn pcapng(frames: &[(u64, &[u8])]) -> Vec<u8> {
        fn block(kind: u32, body: &[u8]) -> Vec<u8> {
            let length = u32::try_from(12 + body.len().next_multiple_of(4)).expect("it is short");
            let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
            block.extend(body);
            block.resize(length as usize - 4, 0);
            block.extend(length.to_le_bytes());
            block
        }
        let section = [
            &0x1a2b_3c4d_u32.to_le_bytes()[..],
            &[1, 0, 0, 0],
            &[0xff; 8],
        ]
        .concat();
        let mut file = block(0x0a0d_0d0a, &section);
        // Ethernet, with nanoseconds.
        file.extend(block(
            1,
            &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0],
        ));
        file.extend(block(0xbad, &[1, 2, 3]));
        for (at, frame) in frames {
            let units = at * 1_000_000;
            let low = u32::try_from(units & 0xffff_ffff).expect("32 bits");
            let high = u32::try_from(units >> 32).expect("32 bits");
            let length = u32::try_from(frame.len()).expect("it is short");
            let mut body: Vec<u8> = [0, high, low, length, length]
                .into_iter()
                .flat_map(u32::to_le_bytes)
                .collect();
            body.extend(*frame);
            file.extend(block(6, &body));
        }
        file
    }

    type Read = (Vec<(f64, Vec<u8>)>, Option<(u64, &'static str)>);

    fn frames(file: &[u8], piece: usize) -> Read {
        let mut reader = CaptureFile::default();
        let mut frames = Vec::new();
        for bytes in file.chunks(piece) {
            reader.push(bytes, &mut |frame| {
                frames.push((frame.at.round(), frame.bytes.to_vec()));
            });
        }
        reader.finish();
        (frames, reader.fault)
    }

    #[test]
    fn all_forms_have_the_same_frames_in_whatever_pieces_they_come() {
        let wanted = vec![(1500.0, b"abc".to_vec()), (2000.0, b"defg".to_vec())];
        for file in [
            pcap(true, &[(1500, b"abc"), (2000, b"defg")]),
            pcap(false, &[(1500, b"abc"), (2000, b"defg")]),
            pcapng(&[(1500, b"abc"), (2000, b"defg")]),
        ] {
            for piece in [1, 7, 10_000] {
                assert_eq!(frames(&file, piece), (wanted.clone(), None), "{piece}");
            }
            let cut = frames(&file[..file.len() - 2], 64);
            assert_eq!(cut.0.len(), 1);
            assert!(cut.1.is_some_and(|(_, why)| why.contains("ends there")));
        }
    }

    #[test]
    fn damage_ends_it_with_its_place() {
        let mut file = pcap(false, &[(1500, b"abc")]);
        file.extend([0xff; 64]);
        let (frames, fault) = frames(&file, 10_000);
        assert_eq!(frames.len(), 1);
        assert_eq!(fault.map(|(at, _)| at), Some(43));
        let mut reader = CaptureFile::default();
        reader.push(b"GIF89a..", &mut |_| panic!("no frame"));
        assert_eq!(reader.fault, Some((0, "it is no packet capture")));
    }
}
