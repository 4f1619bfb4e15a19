//! Long-term credentials (RFC 8489 9.2), and the time-limited ones that web applications hand out.

use std::fmt;

use crate::base::expiry::{Expiry, ExpiryForm, expiry_in};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Serialize;
use stun_rs::{Algorithm as StunAlgorithm, AlgorithmId, HMACKey};

/// How long minted credentials are valid, in seconds. Long enough for any diagnosis.
pub const MINTED_LIFETIME_S: u64 = 24 * 60 * 60;

/// RFC 8489 14.3: USERNAME is shorter than this, in bytes.
const MAX_USERNAME: usize = 509;

/// Text that is never shown: neither printed nor logged nor part of a panic.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: Secret,
    expires: Option<Expiry>,
    /// Made here, to end at a time.
    is_minted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("the user name is empty")]
    EmptyUsername,
    #[error("the password is empty")]
    EmptyPassword,
    /// Longer than the attribute can be.
    #[error("the user name is longer than 508 bytes (RFC 8489 14.3)")]
    UsernameTooLong,
    #[error("the user name has a character that is not allowed in it (OpaqueString, RFC 8265)")]
    UsernameForbidden,
    #[error("the password has a character that is not allowed in it (OpaqueString, RFC 8265)")]
    PasswordForbidden,
}

/// How a password becomes a key (RFC 8489 18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PasswordAlgorithm {
    /// MD5, and what there was before there was a choice.
    #[serde(rename = "md5")]
    Md5,
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
}

impl PasswordAlgorithm {
    /// As RFC 8489 names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }
}

/// The key of MESSAGE-INTEGRITY.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(super) HMACKey);

impl Key {
    /// The key of a short-term credential (RFC 8489 9.1.1), as ICE has it. `None` if the password is
    /// empty or has characters that the profile forbids.
    pub fn short_term(password: &str) -> Option<Self> {
        HMACKey::new_short_term(password).ok().map(Self)
    }

    /// For the codec.
    pub fn hmac(&self) -> HMACKey {
        self.0.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Credentials {
    /// Checks and prepares both as OpaqueString (RFC 8489 14.3 and 9.2.2).
    /// Fails if one is empty or has characters that the profile forbids.
    pub fn new(username: &str, password: &Secret) -> Result<Self, CredentialsError> {
        if username.is_empty() {
            return Err(CredentialsError::EmptyUsername);
        }
        if password.expose().is_empty() {
            return Err(CredentialsError::EmptyPassword);
        }
        let username = opaque_string(username).ok_or(CredentialsError::UsernameForbidden)?;
        if username.len() >= MAX_USERNAME {
            return Err(CredentialsError::UsernameTooLong);
        }
        let password =
            opaque_string(password.expose()).ok_or(CredentialsError::PasswordForbidden)?;
        Ok(Self {
            expires: expiry_in(&username),
            username,
            password: Secret(password),
            is_minted: false,
        })
    }

    /// Credentials that end at a time, as coturn's `use-auth-secret` checks them: the user name is
    /// the time of expiry in seconds since 1970, with `:user` behind it if there is one, and the
    /// password the HMAC-SHA1 of that (draft-uberti-behave-turn-rest-00).
    pub fn time_limited(
        user: Option<&str>,
        secret: &Secret,
        expires: u64,
    ) -> Result<Self, CredentialsError> {
        let username = match user {
            Some(user) => format!("{expires}:{user}"),
            None => expires.to_string(),
        };
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            secret.expose().as_bytes(),
        );
        let tag = hmac::sign(&key, username.as_bytes());
        let credentials = Self::new(&username, &Secret(STANDARD.encode(tag)))?;
        Ok(Self {
            expires: Some(Expiry {
                at: expires,
                form: ExpiryForm::Usual,
            }),
            is_minted: true,
            ..credentials
        })
    }

    /// The user name as it is sent.
    pub fn username(&self) -> &str {
        &self.username
    }

    pub const fn password(&self) -> &Secret {
        &self.password
    }

    /// Whether they were made here from a secret, and end by themselves.
    pub const fn is_minted(&self) -> bool {
        self.is_minted
    }

    /// When the credentials end, if their user name may say so.
    pub const fn expires(&self) -> Option<Expiry> {
        self.expires
    }

    /// The same user with another password, to see whether it is refused.
    #[must_use]
    pub fn with_wrong_password(&self) -> Self {
        Self {
            username: self.username.clone(),
            password: Secret(format!("not-{}", self.password.expose())),
            expires: self.expires,
            is_minted: self.is_minted,
        }
    }

    /// The key for a realm (RFC 8489 9.2.2); `None` if the realm is no OpaqueString.
    pub fn key(&self, realm: &str, algorithm: PasswordAlgorithm) -> Option<Key> {
        let id = match algorithm {
            PasswordAlgorithm::Md5 => AlgorithmId::MD5,
            PasswordAlgorithm::Sha256 => AlgorithmId::SHA256,
        };
        HMACKey::new_long_term(
            &self.username,
            realm,
            self.password.expose(),
            StunAlgorithm::from(id),
        )
        .ok()
        .map(Key)
    }
}

/// A text prepared as OpaqueString. stun-rs does this for the key of short-term credentials, which
/// is nothing but the prepared text.
fn opaque_string(text: &str) -> Option<String> {
    let key = HMACKey::new_short_term(text).ok()?;
    String::from_utf8(key.as_bytes().to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_prepared() {
        let secret = Secret::new("caf\u{0065}\u{0301}");
        let credentials = Credentials::new("user", &secret).expect("NFC mends it");
        assert_eq!(credentials.password.expose(), "caf\u{e9}");
        for bad in ["a\u{7}b", "soft\u{ad}hyphen"] {
            assert_eq!(
                Credentials::new("user", &Secret::new(bad)),
                Err(CredentialsError::PasswordForbidden)
            );
        }
        assert_eq!(
            Credentials::new("", &secret),
            Err(CredentialsError::EmptyUsername)
        );
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let secret = Secret::new("hunter2");
        let credentials = Credentials::new("user", &secret).expect("valid");
        let key = credentials.key("realm", PasswordAlgorithm::Md5);
        let shown = format!("{secret:?} {credentials:?} {key:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains('['), "{shown}");
    }

    /// Made with `openssl dgst -sha1 -hmac north -binary | base64`.
    #[test]
    fn time_limited_credentials() {
        let credentials =
            Credentials::time_limited(Some("ann"), &Secret::new("north"), 1_700_000_000)
                .expect("valid");
        assert_eq!(credentials.username(), "1700000000:ann");
        let expires = credentials.expires().map(|expiry| expiry.at);
        assert_eq!(expires, Some(1_700_000_000));
        assert_eq!(
            credentials.password.expose(),
            "jeamH6dA5l2I9g3jmieza7CzEDo="
        );
    }
}
