//! RTCP as far as an echo needs it: reports (RFC 3550 6.4), and requests for keyframes (RFC 4585 6.3.1, 5104 4.3.1).

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Picture Loss Indication.
const PLI: u8 = 1;
/// Full Intra Request.
const FIR: u8 = 4;
/// Packets of one datagram that are looked at: a browser sends some five.
const MAX_PACKETS: usize = 64;

/// What was found in a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    Sent(SenderReport),
    /// What a receiver says of a source.
    Seen(Block),
    /// The decoder of this source cannot go on without a keyframe.
    KeyframeRequest {
        ssrc: u32,
    },
}

/// What a source says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    pub ssrc: u32,
    /// When, in the format of NTP, and in the clock of its media.
    pub ntp: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

/// A report block (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    pub ssrc: u32,
    /// Since the last report, in 256ths.
    pub fraction_lost: u8,
    /// In all; 24 bits with a sign.
    pub lost: i32,
    /// With the cycles of the sequence number in the upper half.
    pub highest: u32,
    /// In units of the clock of the media.
    pub jitter: u32,
    /// The middle of the time in the last sender report; 0 if there was none.
    pub last_report: u32,
    /// How long ago that was, in 65,536ths of a second.
    pub since_report: u32,
}

/// The packets of a compound that mean something here. What is damaged ends it.
pub fn read(datagram: &[u8]) -> Vec<Packet> {
    let mut found = Vec::new();
    let mut rest = datagram;
    for _ in 0..MAX_PACKETS {
        let Some((packet, behind)) = split(rest) else {
            break;
        };
        take(packet, &mut found);
        rest = behind;
    }
    found
}

/// The first packet, and what follows.
fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, _, high, low, ..] = *rest else {
        return None;
    };
    let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    (first >> 6 == 2).then(|| rest.split_at_checked(length))?
}

fn take(packet: &[u8], found: &mut Vec<Packet>) {
    let count = packet[0] & 0x1f;
    match packet[1] {
        SENDER_REPORT => {
            if let Some(report) = sender_report(packet) {
                found.push(Packet::Sent(report));
            }
            blocks(packet.get(28..), count, found);
        }
        RECEIVER_REPORT => blocks(packet.get(8..), count, found),
        PAYLOAD_FEEDBACK if count == PLI => {
            found.extend(number(packet, 8).map(|ssrc| Packet::KeyframeRequest { ssrc }));
        }
        // Sources stand in its entries (RFC 5104 4.3.1.1), of eight bytes each.
        PAYLOAD_FEEDBACK if count == FIR => {
            let entries = packet.get(12..).unwrap_or_default().chunks_exact(8);
            let sources = entries.take(MAX_PACKETS).filter_map(|it| number(it, 0));
            found.extend(sources.map(|ssrc| Packet::KeyframeRequest { ssrc }));
        }
        _ => {}
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*four))
}

fn sender_report(packet: &[u8]) -> Option<SenderReport> {
    Some(SenderReport {
        ssrc: number(packet, 4)?,
        ntp: u64::from(number(packet, 8)?) << 32 | u64::from(number(packet, 12)?),
        timestamp: number(packet, 16)?,
        packets: number(packet, 20)?,
        bytes: number(packet, 24)?,
    })
}

fn blocks(bytes: Option<&[u8]>, count: u8, found: &mut Vec<Packet>) {
    let all = bytes.unwrap_or_default().chunks_exact(24);
    for block in all.take(count.into()) {
        let word = |at: usize| number(block, at).unwrap_or_default();
        let loss = word(4);
        found.push(Packet::Seen(Block {
            ssrc: word(0),
            fraction_lost: block[4],
            // The sign is carried down.
            lost: (loss << 8).cast_signed() >> 8,
            highest: word(8),
            jitter: word(12),
            last_report: word(16),
            since_report: word(20),
        }));
    }
}

/// A compound of one source (RFC 3550 6.1): its report of itself, if it has one, what it has seen of another, and its name.
pub fn compound(own: u32, sent: Option<SenderReport>, seen: Option<Block>, name: &str) -> Vec<u8> {
    let mut body = own.to_be_bytes().to_vec();
    if let Some(sent) = sent {
        body.extend(sent.ntp.to_be_bytes());
        for word in [sent.timestamp, sent.packets, sent.bytes] {
            body.extend(word.to_be_bytes());
        }
    }
    if let Some(seen) = seen {
        body.extend(seen.ssrc.to_be_bytes());
        let lost = seen.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned();
        body.extend((u32::from(seen.fraction_lost) << 24 | lost & 0xff_ffff).to_be_bytes());
        for word in [
            seen.highest,
            seen.jitter,
            seen.last_report,
            seen.since_report,
        ] {
            body.extend(word.to_be_bytes());
        }
    }
    let kind = if sent.is_some() {
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    let mut datagram = packet(u8::from(seen.is_some()), kind, &body);
    // CNAME is item 1; a zero ends the list, and fills up.
    let mut names = own.to_be_bytes().to_vec();
    let name = &name.as_bytes()[..name.len().min(255)];
    names.extend([1, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    names.extend(name);
    names.push(0);
    names.resize(names.len().next_multiple_of(4), 0);
    datagram.extend(packet(1, DESCRIPTION, &names));
    datagram
}

/// Asks a source for a keyframe.
pub fn keyframe_request(own: u32, of: u32) -> Vec<u8> {
    let body = [own.to_be_bytes(), of.to_be_bytes()].concat();
    packet(PLI, PAYLOAD_FEEDBACK, &body)
}

/// `body` is a multiple of four bytes.
fn packet(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let words = u16::try_from(body.len() / 4).unwrap_or(u16::MAX);
    let mut packet = vec![0x80 | count, kind];
    packet.extend(words.to_be_bytes());
    packet.extend(body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: SenderReport = SenderReport {
        ssrc: 7,
        ntp: 0x0102_0304_0506_0708,
        timestamp: 9,
        packets: 10,
        bytes: 11,
    };
    const BLOCK: Block = Block {
        ssrc: 8,
        fraction_lost: 128,
        lost: -3,
        highest: 0x1_0002,
        jitter: 40,
        last_report: 0x0304_0506,
        since_report: 65_536,
    };

    #[test]
    fn reports_survive_the_way() {
        let both = compound(7, Some(REPORT), Some(BLOCK), "rtcdiag");
        assert_eq!(read(&both), [Packet::Sent(REPORT), Packet::Seen(BLOCK)]);
        let seen = compound(7, None, Some(BLOCK), "x");
        assert_eq!(read(&seen), [Packet::Seen(BLOCK)]);
        assert_eq!(read(&compound(7, None, None, "")), []);
        for datagram in [both, seen] {
            assert_eq!(datagram.len() % 4, 0);
        }
    }

    #[test]
    fn both_requests_for_keyframes_are_read() {
        let request = keyframe_request(7, 8);
        assert_eq!(read(&request), [Packet::KeyframeRequest { ssrc: 8 }]);
        let entries = [
            &[0; 8][..],
            &8u32.to_be_bytes(),
            &[1, 0, 0, 0],
            &9u32.to_be_bytes(),
            &[1, 0, 0, 0],
        ];
        let full = packet(FIR, PAYLOAD_FEEDBACK, &entries.concat());
        let wanted = [8, 9].map(|ssrc| Packet::KeyframeRequest { ssrc });
        assert_eq!(read(&full), wanted);
    }

    #[test]
    fn whatever_is_cut_or_changed_is_read_without_harm() {
        let whole = [
            compound(7, Some(REPORT), Some(BLOCK), "rtcdiag"),
            keyframe_request(7, 8),
        ]
        .concat();
        for length in 0..whole.len() {
            let found = read(&whole[..length]).len();
            assert!(found <= 3, "{length}: {found}");
        }
        for at in 0..whole.len() {
            for value in [0, 0x9f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                assert!(read(&changed).len() <= 40, "{at}");
            }
        }
        // A count that promises more blocks than there are.
        let mut many = compound(7, None, Some(BLOCK), "x");
        many[0] = 0x9f;
        assert_eq!(read(&many), [Packet::Seen(BLOCK)]);
    }
}
