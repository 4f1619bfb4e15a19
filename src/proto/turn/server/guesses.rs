//! Wrong passwords: how many are answered.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::words::printable;
use crate::proto::stun::server::rate::{Limiter, Rate, network_of};

/// Somebody gave a wrong user or password, from an address that is his own: the nonce shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    pub source: SocketAddr,
    pub username: String,
    /// Whether wrong passwords of that address are left unanswered for a while.
    pub is_slowed: bool,
}

/// Wrong passwords for one user: a person who mistypes, or a program that was configured wrongly and asks again.
const WRONG_FOR_USER: Rate = Rate {
    per_second: 0.2,
    burst: 20.0,
};
/// The same in all, for many users behind one NAT.
const WRONG_IN_ALL: Rate = Rate {
    per_second: 2.0,
    burst: 200.0,
};
/// Wrong passwords of one address for one user beyond which a right one is not looked at either: no program that is
/// configured wrongly asks so often, and who guesses gets no further.
const HAMMERING: Rate = Rate {
    per_second: 5.0,
    burst: 100.0,
};
/// Guesses that wait to be logged; more are a flood, which is counted.
const MOST_GUESSES: usize = 64;

#[derive(Debug)]
pub(super) struct Guesses {
    /// Of one address for one user, and of one address.
    wrong: [Limiter; 2],
    /// Of one address for one user, where they come so fast that passwords are not looked at.
    hammering: Limiter,
    /// Since the last look.
    untold: Vec<Guess>,
}

impl Guesses {
    pub(super) const fn new([of_user, in_all, hammering]: [u64; 3]) -> Self {
        Self {
            wrong: [
                Limiter::new(WRONG_FOR_USER, of_user),
                Limiter::new(WRONG_IN_ALL, in_all),
            ],
            hammering: Limiter::new(HAMMERING, hammering),
            untold: Vec::new(),
        }
    }

    pub(super) fn take(&mut self) -> Vec<Guess> {
        std::mem::take(&mut self.untold)
    }

    /// Whether they come faster than anybody mistypes.
    pub(super) fn are_too_fast(&mut self, now: Duration, network: IpAddr, username: &str) -> bool {
        !self.hammering.would_allow_any(now, (network, username))
    }

    /// Counts one. Gives whether so many were wrong before, of this address for this user or in all, that this one is not
    /// answered.
    pub(super) fn note(&mut self, now: Duration, source: SocketAddr, username: &str) -> bool {
        let network = network_of(source.ip());
        self.hammering.allow_any(now, (network, username));
        let [of_user, in_all] = &mut self.wrong;
        let answers_user = of_user.allow_any(now, (network, username));
        let answers_any = in_all.allow_any(now, network);
        if !(answers_user && answers_any) {
            return true;
        }
        let is_slowed = !of_user.would_allow_any(now, (network, username))
            || !in_all.would_allow_any(now, network);
        if self.untold.len() < MOST_GUESSES {
            self.untold.push(Guess {
                source,
                username: printable(username),
                is_slowed,
            });
        }
        false
    }
}
