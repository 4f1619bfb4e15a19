//! A description in few bytes, for a line that people carry: deflate (RFC 1951), primed with what all descriptions
//! have in common.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What a description may be when it is unpacked: candidates and facts of both families are a few kilobytes.
const MOST: usize = 64 << 10;

/// What stands in nearly every description, the most frequent last. Another text is another format: lines that were
/// packed with this one could not be read.
const COMMON: &str = r#""reason":"not-applicable","no-behavior-discovery","timeout""status":"inconclusive","detail":"status":"not-tested"true,false,"blocked""address-dependent""ipv6""port_moves":{"hairpinning":{"reflexive_addresses":["a=x-rtcdiag-nats:[{"family":"ipv4","local_address":"192.168.1.","udp":{"status":"determined","value":"open"},"nat":{"status":"determined","value":true},"mapping":{"status":"determined","value":"endpoint-independent"},"filtering":{"status":"determined","value":"address-and-port-dependent"},:3478a=ice-options:trickle
 generation 0 network-id tcptype passive 2001:db8: fd00: fe80: 172.17.0.1 10.0.0. 1 udp 16777215 typ relay raddr 1 udp 1694498815 typ srflx raddr 192.168. rport 1 udp 2130706431 192.168.1. typ host
v=0
o=- 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:
a=ice-pwd:
a=mid:0
a=sctp-port:5000
a=max-message-size:262144
a=candidate: 1 udp 2130706431  typ host
a=end-of-candidates
"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    #[error("it is damaged: it cannot be unpacked")]
    Damaged,
    #[error("it is damaged: it is not UTF-8")]
    NotText,
    #[error("it unpacks to more than {MOST} bytes, which no description has")]
    TooLarge,
}

/// As the lines of a description end.
fn common() -> Vec<u8> {
    COMMON.replace('\n', "\r\n").into_bytes()
}

/// The text packed; `None` if the packer fails, which it has no reason to.
pub fn pack(text: &str) -> Option<Vec<u8>> {
    let mut deflate = Compress::new(Compression::best(), false);
    let common = common();
    let mut primer = Vec::with_capacity(2 * common.len() + 64);
    deflate
        .compress_vec(&common, &mut primer, FlushCompress::Sync)
        .ok()?;
    let mut packed = Vec::with_capacity(2 * text.len() + 64);
    let status = deflate.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Finish);
    (status.ok()? == Status::StreamEnd).then_some(packed)
}

/// Fails if it is not what [`pack`] gives, or becomes far too large.
pub fn unpack(packed: &[u8]) -> Result<String, PackedError> {
    let mut inflate = Decompress::new(false);
    let mut passed_over = Vec::with_capacity(2 * COMMON.len());
    let primer = stored(&common());
    inflate
        .decompress_vec(&primer, &mut passed_over, FlushDecompress::Sync)
        .map_err(|_| PackedError::Damaged)?;
    // No more is unpacked than there is room for.
    let mut text = Vec::with_capacity(MOST + 1);
    let status = inflate
        .decompress_vec(packed, &mut text, FlushDecompress::Finish)
        .map_err(|_| PackedError::Damaged)?;
    if text.len() > MOST {
        return Err(PackedError::TooLarge);
    }
    if status != Status::StreamEnd {
        return Err(PackedError::Damaged);
    }
    String::from_utf8(text).map_err(|_| PackedError::NotText)
}

/// A block that is not packed, with more behind it (RFC 1951 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut block = vec![0];
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(&bytes[..usize::from(length)]);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:Xk3v9QpZ\r\na=ice-pwd:d8Jw0fVqL3nTz6YbR1mGx5Ks\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\na=candidate:842163049 1 udp 2130706431 192.168.1.23 58636 typ host\r\na=candidate:2999745851 1 udp 1694498815 203.0.113.1 40979 typ srflx raddr 192.168.1.23 rport 58636\r\na=end-of-candidates\r\n";

    #[test]
    fn what_was_packed_is_unpacked() {
        for text in [
            SDP,
            "",
            "v=0",
            "hello \u{e9}",
            &"x".repeat(MOST),
            &SDP.repeat(40),
        ] {
            let packed = pack(text).expect("it packs");
            assert_eq!(unpack(&packed).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_usual_description_becomes_a_third() {
        let packed = pack(SDP).expect("it packs").len();
        assert!(packed * 3 < SDP.len(), "{packed} of {}", SDP.len());
    }

    /// Lines that an earlier version packed can be read as long as this holds.
    #[test]
    fn the_common_text_stays_what_it_is() {
        let sum = common().iter().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
        });
        assert_eq!(sum, 2_204_031_097);
    }

    #[test]
    fn bombs_and_damage_are_refused() {
        let bomb = pack(&"\0".repeat(64 << 20)).expect("it packs");
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(&bomb), Err(PackedError::TooLarge));
        let packed = pack(SDP).expect("it packs");
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length]).is_err(), "{length}");
        }
        for at in 0..packed.len() {
            let mut other = packed.clone();
            other[at] ^= 0x10;
            // Whatever it becomes, it ends.
            let _ = unpack(&other);
        }
    }
}
