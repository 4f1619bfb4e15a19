//! What is around IP on each kind of link (tcpdump.org/linktypes.html).

/// Tags of VLANs within each other.
const MAX_TAGS: usize = 4;

/// Whether frames of this link can be read.
pub const fn is_known(link: u32) -> bool {
    matches!(link, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

/// The IP packet in a frame, if there is one.
pub fn network(link: u32, frame: &[u8]) -> Option<&[u8]> {
    match link {
        1 => ethernet(frame),
        // Families of the host that captured, and of BSD: what follows says itself what it is.
        0 | 108 => frame.get(4..).filter(|packet| is_ip(packet)),
        12 | 14 | 101 | 228 | 229 => Some(frame).filter(|packet| is_ip(packet)),
        // Linux "any", both versions.
        113 => of_type(
            u16::from_be_bytes([*frame.get(14)?, *frame.get(15)?]),
            frame.get(16..)?,
        ),
        276 => of_type(
            u16::from_be_bytes([*frame.first()?, *frame.get(1)?]),
            frame.get(20..)?,
        ),
        _ => None,
    }
}

/// Whether the host that captured sent the frame, where the link tells (tcpdump.org/linktypes, "Linux cooked").
pub fn is_outgoing(link: u32, frame: &[u8]) -> Option<bool> {
    let kind = match link {
        113 => *frame.get(1)?,
        276 => *frame.get(10)?,
        _ => return None,
    };
    match kind {
        0 => Some(false),
        4 => Some(true),
        _ => None,
    }
}

fn ethernet(frame: &[u8]) -> Option<&[u8]> {
    of_type(
        u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]),
        frame.get(14..)?,
    )
}

fn of_type(kind: u16, payload: &[u8]) -> Option<&[u8]> {
    let (mut kind, mut payload) = (kind, payload);
    for _ in 0..MAX_TAGS {
        match kind {
            0x0800 | 0x86dd => return Some(payload).filter(|packet| is_ip(packet)),
            // VLAN (802.1Q, 802.1ad).
            0x8100 | 0x88a8 | 0x9100 => {
                kind = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
                payload = payload.get(4..)?;
            }
            // PPPoE (RFC 2516) with IPv4 or IPv6.
            0x8864 => {
                kind = match u16::from_be_bytes([*payload.get(6)?, *payload.get(7)?]) {
                    0x0021 => 0x0800,
                    0x0057 => 0x86dd,
                    _ => return None,
                };
                payload = payload.get(8..)?;
            }
            // MPLS (RFC 3032): labels, the last of which is marked; what follows says itself what it is.
            0x8847 | 0x8848 => {
                let is_last = payload.get(2)? & 1 == 1;
                payload = payload.get(4..)?;
                if is_last {
                    return Some(payload).filter(|packet| is_ip(packet));
                }
            }
            _ => return None,
        }
    }
    None
}

/// The IP packet in a datagram of VXLAN (RFC 7348), by the port that it was sent to: that of the RFC,
/// or the one that Linux had before.
pub fn in_vxlan(port: u16, payload: &[u8]) -> Option<&[u8]> {
    const HAS_NETWORK: u8 = 0x08;
    let is_it = matches!(port, 4789 | 8472) && payload.first() == Some(&HAS_NETWORK);
    payload.get(8..).filter(|_| is_it).and_then(ethernet)
}

fn is_ip(packet: &[u8]) -> bool {
    matches!(packet.first().map(|byte| byte >> 4), Some(4 | 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_has_its_packet() {
        let ip = [0x45, 1, 2];
        let around = |head: &[u8]| [head, &ip].concat();
        let ethernet = |rest: &[u8]| [&[0; 12], rest].concat();
        for (link, frame) in [
            (1, around(&ethernet(&[8, 0]))),
            (1, around(&ethernet(&[0x81, 0, 0, 7, 8, 0]))),
            (
                1,
                around(&ethernet(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0])),
            ),
            (
                1,
                around(&ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0, 0x21])),
            ),
            (1, around(&ethernet(&[0x88, 0x47, 0, 1, 0, 9, 0, 2, 1, 9]))),
            (113, around(&[&[0; 14][..], &[8, 0]].concat())),
            (276, around(&[&[8, 0][..], &[0; 18]].concat())),
            (0, around(&[2, 0, 0, 0])),
            (101, around(&[])),
        ] {
            assert!(is_known(link));
            assert_eq!(network(link, &frame), Some(&ip[..]), "{link}");
            for cut in 0..frame.len() - ip.len() {
                assert_eq!(network(link, &frame[..cut]), None, "{link}, {cut}");
            }
        }
        let vxlan = around(&[&[8, 0, 0, 0, 0, 0, 7, 0][..], &ethernet(&[8, 0])].concat());
        assert_eq!(in_vxlan(4789, &vxlan), Some(&ip[..]));
        assert_eq!(in_vxlan(4788, &vxlan), None);
        for cut in 0..vxlan.len() - ip.len() {
            assert_eq!(in_vxlan(8472, &vxlan[..cut]), None, "{cut}");
        }
        assert_eq!(network(1, &around(&ethernet(&[8, 6]))), None);
        assert!(!is_known(105));
        assert_eq!(is_outgoing(113, &[0, 4]), Some(true));
        assert_eq!(is_outgoing(276, &[0; 20]), Some(false));
        assert_eq!(is_outgoing(1, &[0, 4]), None);
    }
}
