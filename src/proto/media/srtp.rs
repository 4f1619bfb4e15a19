//! SRTP (RFC 3711, 7714) with keys from DTLS (RFC 5764 4.2).

use std::fmt;

use dimpl::{KeyingMaterial, SrtpProfile};
use webrtc_srtp::context::Context;
use webrtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use webrtc_srtp::protection_profile::ProtectionProfile;

use crate::proto::data_channel::Part;
use crate::proto::media::rtp;

/// Packets that may come late and are told from copies (RFC 3711 3.3.2 wants 64 at least).
const WINDOW: usize = 1024;
/// Sources that were not announced: the crate holds some memory for each, before it is known whether the packet is genuine.
const STRANGERS: usize = 8;
/// Sources that were announced: one for each section, and one for what repairs it.
const ANNOUNCED: usize = 16;
/// The least that stands before the index of a report (RFC 3711 3.4): the crate reads that far without looking.
const RTCP: usize = 8;

/// Both directions.
pub struct Protection {
    incoming: Context,
    outgoing: Context,
    announced: Vec<u32>,
    /// Other sources that came.
    strangers: Vec<u32>,
    profile: SrtpProfile,
}

impl fmt::Debug for Protection {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Protection {
    /// `part` is this side's, and `announced` the sources in the other side's description. `None` if the keys are none
    /// that fit.
    pub fn new(
        (keys, profile): &(KeyingMaterial, SrtpProfile),
        part: Part,
        announced: &[u32],
    ) -> Option<Self> {
        let profile = *profile;
        let (kind, key, salt) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (ProtectionProfile::Aes128CmHmacSha1_80, 16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (ProtectionProfile::AeadAes128Gcm, 16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (ProtectionProfile::AeadAes256Gcm, 32, 12),
            _ => return None,
        };
        // The client's key, the server's, the client's salt, the server's.
        let (keys, salts) = keys.split_at_checked(2 * key)?;
        let (client, server) = keys.split_at(key);
        let (client_salt, server_salt) = salts.get(..2 * salt)?.split_at(salt);
        let (own, theirs) = match part {
            Part::Begins => ((client, client_salt), (server, server_salt)),
            Part::Waits => ((server, server_salt), (client, client_salt)),
        };
        let context = |(key, salt): (&[u8], &[u8])| {
            let media = srtp_replay_protection(WINDOW);
            let reports = srtcp_replay_protection(WINDOW);
            Context::new(key, salt, kind, Some(media), Some(reports)).ok()
        };
        Some(Self {
            incoming: context(theirs)?,
            outgoing: context(own)?,
            announced: announced.iter().copied().take(ANNOUNCED).collect(),
            strangers: Vec::new(),
            profile,
        })
    }

    /// Opens a packet of RTP; `None` if it is not of the other side, or came before.
    pub fn open_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let header = rtp::read(packet)?;
        self.is_held(header.ssrc)
            .then(|| self.incoming.decrypt_rtp(packet).ok())?
            .map(|plain| plain.to_vec())
    }

    /// The same of RTCP.
    pub fn open_rtcp(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let ssrc = datagram.get(4..8)?.try_into().ok()?;
        // The crate takes reports that say they are not encrypted (RFC 3711 3.4, E) without looking at their tag.
        let index = datagram.len().checked_sub(self.behind_rtcp())?;
        let is_sealed = index >= RTCP && datagram.get(index)? & 0x80 != 0;
        (is_sealed && self.is_held(u32::from_be_bytes(ssrc)))
            .then(|| self.incoming.decrypt_rtcp(datagram).ok())?
            .map(|plain| plain.to_vec())
    }

    pub fn seal_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.outgoing.encrypt_rtp(packet).ok()?;
        Some(sealed.to_vec())
    }

    pub fn seal_rtcp(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.outgoing.encrypt_rtcp(datagram).ok()?;
        Some(sealed.to_vec())
    }

    /// How many bytes there are from the index on: the tag stands behind it (RFC 3711 3.4), or before it (RFC 7714 9).
    fn behind_rtcp(&self) -> usize {
        match self.profile {
            SrtpProfile::AES128_CM_SHA1_80 => 4 + 10,
            _ => 4,
        }
    }

    /// Whether there is room for what the crate keeps of a source. It keeps it before it knows that the packet is genuine.
    fn is_held(&mut self, ssrc: u32) -> bool {
        let is_known = self.announced.contains(&ssrc) || self.strangers.contains(&ssrc);
        if !is_known && self.strangers.len() < STRANGERS {
            self.strangers.push(ssrc);
            return true;
        }
        is_known
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtcp::{Packet, keyframe_request, read};
    use super::super::rtp::tests::packet;
    use super::*;

    const PROFILES: [(SrtpProfile, usize); 3] = [
        (SrtpProfile::AES128_CM_SHA1_80, 60),
        (SrtpProfile::AEAD_AES_128_GCM, 56),
        (SrtpProfile::AEAD_AES_256_GCM, 88),
    ];

    fn both(profile: SrtpProfile, length: usize) -> [Protection; 2] {
        let bytes: Vec<u8> = (0..=u8::MAX).take(length).collect();
        [Part::Begins, Part::Waits].map(|part| {
            let keys = (KeyingMaterial::new(&bytes), profile);
            Protection::new(&keys, part, &[5]).expect("keys that fit")
        })
    }

    #[test]
    fn what_one_side_seals_the_other_one_opens_once() {
        for (profile, length) in PROFILES {
            let [mut one, mut two] = both(profile, length);
            let plain = packet((111, 5), 7, 960);
            let sealed = one.seal_rtp(&plain).expect("a packet");
            assert_ne!(sealed[12..50], plain[12..50]);
            let mut changed = sealed.clone();
            changed[30] ^= 1;
            assert_eq!(two.open_rtp(&changed), None);
            assert_eq!(two.open_rtp(&sealed), Some(plain), "{profile}");
            assert_eq!(two.open_rtp(&sealed), None, "a copy");
            assert_eq!(one.open_rtp(&sealed), None, "its own");
            let request = keyframe_request(5, 8);
            let sealed = two.seal_rtcp(&request).expect("a datagram");
            let opened = one.open_rtcp(&sealed).expect("it is genuine");
            assert_eq!(read(&opened), [Packet::KeyframeRequest { ssrc: 8 }]);
            assert_eq!(one.open_rtcp(&sealed), None, "a copy");
        }
    }

    #[test]
    fn keys_that_do_not_fit_are_none() {
        for (profile, length) in PROFILES {
            let keys = (KeyingMaterial::new(&vec![1; length - 1]), profile);
            assert!(Protection::new(&keys, Part::Waits, &[]).is_none());
        }
    }

    #[test]
    fn whatever_comes_is_refused_without_harm() {
        for (profile, length) in PROFILES {
            let [mut one, mut two] = both(profile, length);
            let media = one.seal_rtp(&packet((111, 5), 7, 960)).expect("a packet");
            let report = one.seal_rtcp(&keyframe_request(5, 8)).expect("a datagram");
            for cut in 0..media.len() {
                assert_eq!(two.open_rtp(&media[..cut]), None, "{cut}");
            }
            for cut in 0..report.len() {
                assert_eq!(two.open_rtcp(&report[..cut]), None, "{cut}");
            }
            // One that says that it is not encrypted, and has no tag that fits.
            let mut open = keyframe_request(5, 8);
            open.extend([0; 14]);
            assert_eq!(two.open_rtcp(&open), None);
            // A flood under other names does not keep the announced source out, and holds little.
            for ssrc in 100..1000u32 {
                let mut forged = media.clone();
                forged[8..12].copy_from_slice(&ssrc.to_be_bytes());
                assert_eq!(two.open_rtp(&forged), None);
            }
            assert_eq!(two.strangers.len(), STRANGERS);
            assert!(two.open_rtp(&media).is_some(), "{profile}");
        }
    }
}
