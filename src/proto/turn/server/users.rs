//! Who may use the relay: listed users, and those with time-limited credentials from a shared secret
//! (coturn's `use-auth-secret`).

use std::collections::BTreeMap;

use crate::proto::turn::credentials::{
    Credentials, CredentialsError, Key, PasswordAlgorithm, Secret,
};

#[derive(Debug, Clone, Default)]
pub struct Users {
    passwords: BTreeMap<String, Credentials>,
    secret: Option<Secret>,
}

/// Why a list of users cannot be read. A password is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    #[error("line {0} is not user:password")]
    NoPassword(usize),
    #[error("line {line}: {why}")]
    Credentials {
        /// Which, from 1.
        line: usize,
        why: CredentialsError,
    },
    #[error("line {0} has a user that an earlier line has too")]
    Twice(usize),
    #[error("there is no user in it")]
    Empty,
}

impl Users {
    /// Reads lines of `user:password`; empty ones and those that begin with `#` are left out.
    pub fn read(text: &str) -> Result<Self, UsersError> {
        let mut passwords = BTreeMap::new();
        let lines = text.lines().zip(1..);
        for (text, line) in lines.filter(|(text, _)| !text.is_empty() && !text.starts_with('#')) {
            let (user, password) = text.split_once(':').ok_or(UsersError::NoPassword(line))?;
            let credentials = Credentials::new(user, &Secret::new(password))
                .map_err(|why| UsersError::Credentials { line, why })?;
            let user = credentials.username().to_owned();
            if passwords.insert(user, credentials).is_some() {
                return Err(UsersError::Twice(line));
            }
        }
        if passwords.is_empty() {
            return Err(UsersError::Empty);
        }
        Ok(Self {
            passwords,
            secret: None,
        })
    }

    pub fn one(credentials: Credentials) -> Self {
        Self {
            passwords: BTreeMap::from([(credentials.username().to_owned(), credentials)]),
            secret: None,
        }
    }

    /// And whoever has credentials minted from this secret. An empty one is none.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret).filter(|secret| !secret.expose().is_empty());
        self
    }

    pub fn count(&self) -> usize {
        self.passwords.len()
    }

    /// Whether credentials minted from a secret are taken.
    pub const fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether nobody may: then there is no server to run.
    pub fn is_nobody(&self) -> bool {
        self.passwords.is_empty() && self.secret.is_none()
    }

    /// The key of a user, if there is that user and its time has not come. `unix_now` is in seconds
    /// since 1970.
    pub fn key(&self, username: &str, realm: &str, unix_now: u64) -> Option<Key> {
        if let Some(credentials) = self.passwords.get(username) {
            return credentials.key(realm, PasswordAlgorithm::Md5);
        }
        let secret = self.secret.as_ref()?;
        let (time, user) = match username.split_once(':') {
            Some((time, user)) => (time, Some(user)),
            None => (username, None),
        };
        let expires: u64 = time.parse().ok()?;
        // "+1" and "01" are numbers too, but no names that were minted.
        if expires <= unix_now || expires.to_string() != time {
            return None;
        }
        Credentials::time_limited(user, secret, expires)
            .ok()
            .filter(|minted| minted.username() == username)?
            .key(realm, PasswordAlgorithm::Md5)
    }

    /// A key for a name that nobody has, made with the same work as that of a listed user. Whoever signs with it
    /// is nobody all the same.
    pub fn decoy(&self, username: &str, realm: &str) -> Option<Key> {
        let credentials = Credentials::new(username, &Secret::new("\u{2022}")).ok()?;
        credentials.key(realm, PasswordAlgorithm::Md5)
    }

    /// Whose allocations are counted together: the user in a minted name, so that nobody has more
    /// by minting more.
    pub fn account<'a>(&self, username: &'a str) -> &'a str {
        if self.passwords.contains_key(username) {
            return username;
        }
        // Names that are minted without a user are those of one user.
        username.split_once(':').map_or("", |(_, user)| user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let users = Users::read("# ours\nann:one:two\n\nbob:x\r\n").expect("a list");
        let wanted = |user: &str, password: &str| {
            Credentials::new(user, &Secret::new(password))
                .expect("valid")
                .key("realm", PasswordAlgorithm::Md5)
        };
        assert_eq!(users.key("ann", "realm", 0), wanted("ann", "one:two"));
        assert_eq!(users.key("bob", "realm", 0), wanted("bob", "x"));
        assert_eq!(users.key("eve", "realm", 0), None);
        for (text, error) in [
            ("", UsersError::Empty),
            ("# nobody\n", UsersError::Empty),
            ("ann:x\nsecret\n", UsersError::NoPassword(2)),
            ("ann:x\nann:y", UsersError::Twice(2)),
        ] {
            assert_eq!(Users::read(text).expect_err(text), error);
        }
        let shown = Users::read("ann:").expect_err("no password").to_string();
        assert_eq!(shown, "line 1: the password is empty");
        assert!(!format!("{users:?}").contains("two"));
    }

    #[test]
    fn minted_credentials_end() {
        let secret = Secret::new("north");
        let users = Users::default().with_secret(secret.clone());
        for user in [Some("ann"), None] {
            let minted = Credentials::time_limited(user, &secret, 1_700_000_000).expect("valid");
            let key = minted.key("realm", PasswordAlgorithm::Md5);
            let name = minted.username();
            assert_eq!(users.key(name, "realm", 1_699_999_999), key);
            assert_eq!(users.key(name, "realm", 1_700_000_000), None);
            let other = Users::default().with_secret(Secret::new("south"));
            assert_ne!(other.key(name, "realm", 0), key);
        }
        for wrong in [
            "ann",
            "",
            ":",
            "ann:1700000000",
            "+1700000000",
            "01700000000",
        ] {
            assert_eq!(users.key(wrong, "realm", 0), None, "{wrong}");
        }
        assert_eq!(users.account("1700000000:ann"), "ann");
        assert!(Users::default().with_secret(Secret::new("")).is_nobody());
    }
}
