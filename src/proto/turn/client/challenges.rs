//! Challenges (RFC 8489 9.2.5): 401 and 438, realms and nonces, password algorithms.

use std::time::Duration;

use crate::base::time::Time;
use crate::base::words::printable;
use crate::proto::turn::client::transaction::{MAX_STALE, Transaction};
use crate::proto::turn::client::{Client, NonceStyle};
use crate::proto::turn::credentials::PasswordAlgorithm;
use crate::proto::turn::error::Failure;
use crate::proto::turn::message::{self, Authentication, Challenge};

impl Client {
    /// The first 401 is how the server says realm and nonce; another one for the same realm says
    /// that the credentials are wrong.
    pub(super) fn handle_unauthorized(
        &mut self,
        now: Time,
        mut transaction: Transaction,
        challenge: &Challenge,
        rtt: Option<Duration>,
    ) {
        let sent = self.authentication.as_ref().map(|a| a.realm.clone());
        let other_realm = sent.zip(challenge.realm.clone()).filter(|(a, b)| a != b);
        self.note_challenge(challenge);
        if transaction.authenticated && (other_realm.is_none() || transaction.challenges > 1) {
            let refused = || token_wanted(challenge, true).unwrap_or(Failure::Unauthorized);
            let failure = other_realm.map_or_else(refused, |(sent, asked)| Failure::RealmChanges {
                sent: printable(&sent),
                asked: printable(&asked),
            });
            return self.end(&transaction, Err(failure), rtt);
        }
        if self.config.credentials.is_none() {
            let failure = token_wanted(challenge, false).unwrap_or(Failure::NoCredentials);
            return self.end(&transaction, Err(failure), rtt);
        }
        transaction.challenges += 1;
        // A slow link gets through this too; a server that asks again and again does not.
        transaction.deadline = now + self.patience();
        self.retry(now, transaction, challenge, rtt);
    }

    pub(super) fn handle_stale(
        &mut self,
        now: Time,
        mut transaction: Transaction,
        challenge: &Challenge,
        rtt: Option<Duration>,
    ) {
        self.server.stale_nonces += 1;
        self.note_challenge(challenge);
        if transaction.stale_nonces >= MAX_STALE {
            return self.end(&transaction, Err(Failure::StaleNonce), rtt);
        }
        transaction.stale_nonces += 1;
        self.retry(now, transaction, challenge, rtt);
    }

    fn note_challenge(&mut self, challenge: &Challenge) {
        if let Some(realm) = &challenge.realm {
            self.server.realm = Some(printable(realm)).filter(|r| !r.is_empty());
        }
        if let Some(nonce) = &challenge.nonce {
            self.server.nonce = Some(match message::security_features(nonce) {
                Some(_) => NonceStyle::Cookie,
                None => NonceStyle::Plain,
            });
        }
    }

    /// Sends the request again with what the challenge asks for.
    fn retry(
        &mut self,
        now: Time,
        transaction: Transaction,
        challenge: &Challenge,
        rtt: Option<Duration>,
    ) {
        match self.answer_to(challenge) {
            Ok(authentication) => {
                self.server.algorithm = Some(
                    authentication
                        .algorithms
                        .as_ref()
                        .map_or(PasswordAlgorithm::Md5, |(_, taken)| *taken),
                );
                self.authentication = Some(authentication);
                self.transmit(now, transaction);
            }
            Err(failure) => self.end(&transaction, Err(failure), rtt),
        }
    }

    fn answer_to(&self, challenge: &Challenge) -> Result<Authentication, Failure> {
        let malformed = |what: &str| Failure::Malformed(what.to_owned());
        let credentials = self
            .config
            .credentials
            .as_ref()
            .ok_or(Failure::NoCredentials)?;
        let realm = challenge
            .realm
            .clone()
            .or_else(|| self.authentication.as_ref().map(|a| a.realm.clone()))
            .ok_or_else(|| malformed("a challenge without REALM"))?;
        if realm.is_empty() {
            return Err(Failure::EmptyRealm);
        }
        let nonce = challenge
            .nonce
            .clone()
            .ok_or_else(|| malformed("a challenge without NONCE"))?;
        let algorithms = if challenge.nonce_promises_algorithms() {
            // Somebody on the way may have taken the better ones out (RFC 8489 9.2.5).
            if challenge.algorithms.is_none() {
                return Err(malformed(
                    "the nonce promises PASSWORD-ALGORITHMS, but there are none: somebody may be bidding down the security",
                ));
            }
            let chosen = challenge
                .choose()
                .ok_or_else(|| malformed("it offers no known password algorithm"))?;
            Some(chosen)
        } else {
            None
        };
        let algorithm = algorithms
            .as_ref()
            .map_or(PasswordAlgorithm::Md5, |(_, taken)| *taken);
        let key = credentials
            .key(&realm, algorithm)
            .ok_or_else(|| malformed("its realm is not an OpaqueString (RFC 8265)"))?;
        Ok(Authentication {
            username: credentials.username().to_owned(),
            realm,
            nonce,
            key,
            algorithms,
        })
    }
}

/// What a challenge means that offers to take access tokens.
fn token_wanted(challenge: &Challenge, had_credentials: bool) -> Option<Failure> {
    let authority = printable(challenge.token_authority.as_deref()?);
    Some(Failure::TokenWanted {
        authority,
        had_credentials,
    })
}
