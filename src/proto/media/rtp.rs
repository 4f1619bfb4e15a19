//! Headers of RTP (RFC 3550 5.1).

/// The fixed part of a header.
pub const HEADER: usize = 12;

/// What is looked at in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub payload: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// The last packet of a frame of video.
    pub marker: bool,
    /// How many bytes of media there are, with padding.
    pub length: usize,
}

/// Reads a packet; `None` if it is none, or cut short.
pub fn read(packet: &[u8]) -> Option<Header> {
    let fixed: &[u8; HEADER] = packet.first_chunk()?;
    let [first, second, ..] = *fixed;
    if first >> 6 != 2 {
        return None;
    }
    let mut behind = HEADER + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let extension = packet.get(behind..behind + 4)?;
        behind += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    Some(Header {
        payload: second & 0x7f,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        marker: second & 0x80 != 0,
        length: packet.len().checked_sub(behind)?,
    })
}

/// The same packet from another source; as it is if it is none.
pub fn with_ssrc(packet: &[u8], ssrc: u32) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if let Some(place) = packet.get_mut(8..HEADER) {
        place.copy_from_slice(&ssrc.to_be_bytes());
    }
    packet
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A packet with so many bytes of media.
    pub fn packet((payload, ssrc): (u8, u32), sequence: u16, timestamp: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, payload];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend([7; 100]);
        bytes
    }

    #[test]
    fn a_header_is_read_and_gets_another_source() {
        let bytes = packet((111, 5), 7, 960);
        let header = read(&bytes).expect("a packet");
        assert_eq!(
            (header.payload, header.sequence, header.timestamp),
            (111, 7, 960)
        );
        assert_eq!((header.ssrc, header.marker, header.length), (5, false, 100));
        let other = with_ssrc(&bytes, 9);
        assert_eq!(read(&other), Some(Header { ssrc: 9, ..header }));
        assert_eq!(other[HEADER..], bytes[HEADER..]);
    }

    #[test]
    fn what_is_cut_short_or_of_another_version_is_none() {
        let whole = packet((111, 5), 7, 960);
        for length in 0..HEADER {
            assert_eq!(read(&whole[..length]), None, "{length}");
        }
        let mut old = whole.clone();
        old[0] = 0x40;
        assert_eq!(read(&old), None);
        // Fifteen contributing sources, or an extension that is longer than the packet.
        let mut long = whole.clone();
        long[0] = 0x8f;
        assert_eq!(read(&long).map(|it| it.length), Some(100 - 60));
        long[0] = 0x90;
        assert_eq!(read(&long), None);
        assert_eq!(with_ssrc(&[1, 2], 9), [1, 2]);
    }
}
