//! The hash of a DTLS certificate, as `a=fingerprint` has it (RFC 8122 5).

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

/// By SHA-256, the only hash that every browser has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    /// Two capital digits each, with colons between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// The value of the attribute: the name of the hash, a space, and the digits.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (hash, digits) = text.split_once(' ').ok_or(())?;
        if !hash.eq_ignore_ascii_case("sha-256") {
            return Err(());
        }
        let mut bytes = [0; 32];
        let mut given = digits.trim().split(':');
        for byte in &mut bytes {
            let two = given.next().filter(|two| two.len() == 2).ok_or(())?;
            *byte = u8::from_str_radix(two, 16).map_err(drop)?;
        }
        if given.next().is_some() {
            return Err(());
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_an_attribute_and_nothing_else_is_one() {
        let print = Fingerprint::of(b"a certificate");
        let text = format!("sha-256 {print}");
        assert_eq!(text.parse(), Ok(print));
        assert_eq!(text.to_lowercase().parse(), Ok(print));
        for wrong in [
            "",
            "sha-256",
            &text.replace("256", "1"),
            &text[..text.len() - 3],
            &format!("{text}:00"),
            &text.replace(':', "+"),
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(()), "{wrong}");
        }
    }
}
