//! Nonces that need no memory: a time, and a proof that this server gave it to this address. A table
//! of nonces could be filled by anybody.

use std::net::IpAddr;
use std::time::Duration;

use ring::hmac;

/// RFC 8656 5: a nonce is to expire at least every hour.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Hexadecimal digits of the time in seconds.
const TIME_DIGITS: usize = 8;
/// Bytes of the proof.
const PROOF: usize = 16;

#[derive(Debug)]
pub struct Nonces {
    key: hmac::Key,
}

impl Nonces {
    /// With a random key, which lives as long as the server.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, seed),
        }
    }

    /// For a client, at a time since the start.
    pub fn make(&self, now: Duration, client: IpAddr) -> String {
        self.at(now.as_secs(), client)
    }

    /// Whether it was made here for this client, not too long ago.
    pub fn is_valid(&self, nonce: &str, now: Duration, client: IpAddr) -> bool {
        let time = nonce.get(..TIME_DIGITS);
        let Some(made) = time.and_then(|time| u64::from_str_radix(time, 16).ok()) else {
            return false;
        };
        let age = now.as_secs().checked_sub(made);
        let is_fresh = age.is_some_and(|age| age < LIFETIME.as_secs());
        // A nonce is no secret, so how long the comparison takes tells nothing worth knowing that
        // would not also need an answer on the network path.
        is_fresh && self.at(made, client) == nonce
    }

    fn at(&self, seconds: u64, client: IpAddr) -> String {
        use std::fmt::Write as _;
        let tag = hmac::sign(&self.key, format!("{seconds} {client}").as_bytes());
        let mut nonce = format!("{seconds:0TIME_DIGITS$x}");
        for byte in &tag.as_ref()[..PROOF] {
            let _ = write!(nonce, "{byte:02x}");
        }
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_hold_for_an_hour_and_one_client() {
        let nonces = Nonces::new(&[7; 32]);
        let (client, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let made = Duration::from_secs(100);
        let nonce = nonces.make(made, client);
        assert!(nonces.is_valid(&nonce, made, client));
        assert!(nonces.is_valid(&nonce, made + Duration::from_secs(3599), client));
        assert!(!nonces.is_valid(&nonce, made + LIFETIME, client));
        assert!(!nonces.is_valid(&nonce, made, other));
        assert!(
            !nonces.is_valid(&nonce, Duration::ZERO, client),
            "the future"
        );
        assert!(!Nonces::new(&[8; 32]).is_valid(&nonce, made, client));
        for wrong in ["", "0000", "zzzzzzzz", "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}"] {
            assert!(!nonces.is_valid(wrong, made, client));
        }
    }
}
