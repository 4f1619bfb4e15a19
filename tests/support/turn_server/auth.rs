//! The long-term credential mechanism (RFC 8489 9.2).

use std::time::Duration;

use rand::Rng;

use super::super::stun_wire::Message;
use super::engine::{FiveTuple, TurnCore};
use super::wire::{
    self, Digest, Incoming, MD5, NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM, USERHASH,
    USERNAME,
};

/// The nonce that a client has to use now.
#[derive(Debug)]
pub(super) struct Nonce {
    value: String,
    since: Duration,
    uses: u32,
}

/// Who asks, and how the answer is signed.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) username: String,
    pub(super) key: Vec<u8>,
    pub(super) digest: Digest,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    /// The answer has REALM and NONCE.
    pub(super) challenges: bool,
}

impl Refusal {
    const fn plain(code: u16) -> Self {
        Self {
            code,
            challenges: false,
        }
    }

    const fn challenge(code: u16) -> Self {
        Self {
            code,
            challenges: true,
        }
    }
}

impl TurnCore {
    /// Judges the credentials of a request; without authentication there is nobody to sign for.
    pub(super) fn authenticate(
        &mut self,
        now: Duration,
        from: FiveTuple,
        request: &Incoming<'_>,
    ) -> Result<Option<Signer>, Refusal> {
        if self.config.no_auth {
            return Ok(None);
        }
        let modern = self.config.sha256;
        let has_sha256 = modern && request.has(wire::MESSAGE_INTEGRITY_SHA256);
        if !has_sha256 && !request.has(wire::MESSAGE_INTEGRITY) {
            return Err(match self.config.error_unauthenticated {
                Some(code) if code != 401 => Refusal::plain(code),
                _ => Refusal::challenge(401),
            });
        }
        let (Some(username), Some(realm), Some(nonce)) =
            (self.named(request), request.get(REALM), request.get(NONCE))
        else {
            return Err(Refusal::plain(400));
        };
        let algorithm = self.algorithm(request)?;
        if modern && !has_sha256 {
            return Err(Refusal::challenge(401));
        }
        if !self.is_fresh(now, from, nonce) {
            // One that was replaced before says nothing about the one that replaced it.
            let current = self.nonces.get(&from);
            if current.is_some_and(|current| current.value.as_bytes() == nonce) {
                self.nonces.remove(&from);
            }
            if let Some(realm) = self.config.realm_after_stale.take() {
                self.realm = realm;
            }
            return Err(Refusal::challenge(438));
        }
        let known = username.and_then(|name| {
            let password = self.config.password_of(&name)?;
            Some((name, password))
        });
        let (username, password) = match known {
            Some(known) => known,
            None if self.config.ignores_password => {
                let name = request.get(USERNAME).unwrap_or_default();
                let name = String::from_utf8_lossy(name).into_owned();
                (name, self.config.password.clone())
            }
            None => return Err(Refusal::challenge(401)),
        };
        let digest = if has_sha256 {
            Digest::Sha256
        } else {
            Digest::Sha1
        };
        let key = wire::key(algorithm, &username, &self.realm, &password);
        let is_right =
            realm == self.realm.as_bytes() && request.is_signed(digest, &key) == Some(true);
        if !is_right && !self.config.ignores_password {
            return Err(Refusal::challenge(401));
        }
        Ok(Some(Signer {
            username,
            key,
            digest,
        }))
    }

    /// The user that the request names, if it names any; within that, whether it is one of ours
    /// as far as a hash tells.
    fn named(&self, request: &Incoming<'_>) -> Option<Option<String>> {
        if let Some(name) = request.get(USERNAME) {
            return Some(String::from_utf8(name.to_vec()).ok());
        }
        let hash = request.get(USERHASH).filter(|_| self.config.sha256)?;
        let others = self.config.other_users.iter().map(|(name, _)| name);
        let mut all = std::iter::once(&self.config.username).chain(others);
        Some(
            all.find(|name| wire::userhash(name, &self.realm) == hash)
                .cloned(),
        )
    }

    /// Which algorithm makes the key (RFC 8489 9.2.4): without any word on it, MD5.
    fn algorithm(&self, request: &Incoming<'_>) -> Result<u16, Refusal> {
        if !self.config.sha256 {
            return Ok(MD5);
        }
        let offered = wire::password_algorithms(&self.config.algorithms);
        let list = request.get(PASSWORD_ALGORITHMS);
        let chosen = match (list, request.u16(PASSWORD_ALGORITHM)) {
            (None, None) => MD5,
            (Some(list), Some(chosen)) if list == offered => chosen,
            _ => return Err(Refusal::plain(400)),
        };
        if self.config.algorithms.contains(&chosen) {
            Ok(chosen)
        } else {
            Err(Refusal::plain(400))
        }
    }

    /// Whether the nonce is good for one more request.
    fn is_fresh(&mut self, now: Duration, from: FiveTuple, value: &[u8]) -> bool {
        if self.config.always_stale {
            return false;
        }
        let Some(nonce) = self.nonces.get_mut(&from) else {
            return false;
        };
        if nonce.value.as_bytes() != value {
            return false;
        }
        nonce.uses += 1;
        let is_old = self
            .config
            .nonce_age
            .is_some_and(|age| now.saturating_sub(nonce.since) >= age);
        let is_used_up = self
            .config
            .nonce_requests
            .is_some_and(|limit| nonce.uses > limit);
        !is_old && !is_used_up
    }

    /// Adds REALM, NONCE and PASSWORD-ALGORITHMS. A client keeps its nonce until it is stale.
    pub(super) fn challenge(
        &mut self,
        now: Duration,
        from: FiveTuple,
        message: Message,
    ) -> Message {
        let fresh = Nonce {
            value: self.new_nonce(),
            since: now,
            uses: 0,
        };
        let nonce = &self.nonces.entry(from).or_insert(fresh).value;
        let message = message
            .attribute(REALM, self.realm.as_bytes())
            .attribute(NONCE, nonce.as_bytes());
        if self.config.sha256 {
            let offered = wire::password_algorithms(&self.config.algorithms);
            message.attribute(PASSWORD_ALGORITHMS, &offered)
        } else {
            message
        }
    }

    /// RFC 8489 9.2: the cookie, then the security features in Base64, the first bit leftmost.
    fn new_nonce(&mut self) -> String {
        let cookie = match (self.config.sha256, self.config.userhash) {
            (false, _) => "",
            (true, false) => "obMatJos2gAAA",
            (true, true) => "obMatJos2wAAA",
        };
        let unique: u64 = self.rng.random();
        format!("{cookie}{}{unique:016x}", self.config.nonce)
    }
}
