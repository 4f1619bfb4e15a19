//! Why a TURN request failed, what that means and what to do about it.

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::proto::stun::message::ErrorResponse;
use crate::proto::stun::refused::{NOT_STUN, OTHER_SERVICE};

/// What to do where an answer lacks what clients need.
pub const INCOMPLETE: &str = "the server breaks the protocol: use another version or server; where a gateway on the way changes answers, go past it";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer that could be used.
    Timeout,
    /// The challenge was answered with credentials, and then there was silence.
    SilentAfterChallenge,
    /// Another address than the one that was asked answered.
    WrongSource(SocketAddr),
    /// Answers came, but their integrity was wrong, so they were not used.
    Integrity,
    /// Success answers came without integrity, so they were not used.
    Unsigned,
    Malformed(String),
    /// Something answers there, with what is neither STUN nor TURN.
    Foreign,
    /// The realm of the challenge is empty.
    EmptyRealm,
    /// An answer that grants an allocation and names no relayed address.
    NoRelayedAddress,
    /// A relayed address that is not one of a host.
    BadRelayedAddress(SocketAddr),
    /// The server wants credentials, and there are none.
    NoCredentials,
    /// The credentials were refused: a second 401 (RFC 8489 9.2.5).
    Unauthorized,
    /// The server takes access tokens (RFC 7635), and names this server for them. Whether there were
    /// credentials, which it refused.
    TokenWanted {
        authority: String,
        had_credentials: bool,
    },
    /// To credentials for the realm that it named it names another one, again and again.
    RealmChanges {
        sent: String,
        asked: String,
    },
    /// Another error than 401 to the first request with credentials, with which some servers refuse them.
    RefusedAfterChallenge(ErrorResponse),
    /// Each nonce that the server gives is stale at once.
    StaleNonce,
    /// The server sends to another one (RFC 8489 10).
    Redirected(ErrorResponse),
    /// The same, and there it leads back.
    Circle(ErrorResponse),
    Refused(ErrorResponse),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub code: Code,
    pub explanation: &'static str,
    pub hint: &'static str,
}

impl Failure {
    /// The failure as a code, an explanation and a hint.
    pub const fn meaning(&self) -> Meaning {
        match self {
            Self::Timeout => Meaning {
                code: Code::Timeout,
                explanation: "no answer",
                hint: "check address and port, that the server runs, and that no firewall is in between",
            },
            Self::SilentAfterChallenge => Meaning {
                code: Code::SilentAfterChallenge,
                explanation: "it asks for credentials, and is silent when they come",
                hint: "check user name and password: some servers say nothing to wrong ones; if they are right, something on the way drops the longer request",
            },
            Self::WrongSource(_) => Meaning {
                code: Code::WrongSource,
                explanation: "an address that was not asked answers in its place",
                hint: "the server has several addresses and answers from the wrong one: have it bind each of them (coturn: listening-ip)",
            },
            Self::Integrity => Meaning {
                code: Code::BadIntegrity,
                explanation: "its answers carry a wrong MESSAGE-INTEGRITY, so they cannot be trusted",
                hint: "the server computes its key from another password or realm, or something on the way changes the packets",
            },
            Self::Unsigned => Meaning {
                code: Code::NoIntegrity,
                explanation: "its success answer carries no MESSAGE-INTEGRITY, so it cannot be trusted (RFC 8489 9.2.5)",
                hint: "a fault of the server's software: clients that check answers do without this request; use another version or server",
            },
            Self::Foreign => Meaning {
                code: Code::NotStun,
                explanation: NOT_STUN,
                hint: OTHER_SERVICE,
            },
            Self::Malformed(_) => Meaning {
                code: Code::Malformed,
                explanation: "its answer cannot be used",
                hint: "the server or something on the way breaks the protocol",
            },
            Self::NoRelayedAddress => Meaning {
                code: Code::AnswerIncomplete,
                explanation: "its answer to Allocate lacks XOR-RELAYED-ADDRESS (RFC 8656 7.3), so there is no relay in it",
                hint: INCOMPLETE,
            },
            Self::EmptyRealm => Meaning {
                code: Code::EmptyRealm,
                explanation: "the server names an empty realm, so no password can be checked",
                hint: "set the server's realm (coturn: realm=example.org)",
            },
            Self::BadRelayedAddress(_) => Meaning {
                code: Code::BadRelayedAddress,
                explanation: "it gives a relayed address that nobody can send to",
                hint: "tell the server its address (coturn: relay-ip, external-ip)",
            },
            Self::NoCredentials => Meaning {
                code: Code::CredentialsNeeded,
                explanation: "the server asks for a user name and a password, and none were given",
                hint: "give --turn-username with RTCDIAG_TURN_PASSWORD or --turn-password-file, or --turn-secret-file; of a server in the file of --ice-servers only username and credential of its own entry count",
            },
            Self::Unauthorized => Meaning {
                code: Code::Unauthorized,
                explanation: "error 401 again with credentials: wrong user name or password, expired time-limited credentials, or credentials for another realm",
                hint: "check user name and password, and the clocks of both machines if the credentials are time-limited",
            },
            Self::TokenWanted {
                had_credentials: false,
                ..
            } => Meaning {
                code: Code::CredentialsNeeded,
                explanation: "the server asks for a user name and a password, or for an access token (THIRD-PARTY-AUTHORIZATION, RFC 7635), and none were given",
                hint: "give --turn-username with RTCDIAG_TURN_PASSWORD or --turn-password-file, or --turn-secret-file, or use --ice-servers; rtcdiag sends no access tokens",
            },
            Self::TokenWanted { .. } => Meaning {
                code: Code::Unauthorized,
                explanation: "error 401 again with credentials: wrong user name or password, or it takes access tokens alone: its challenge carries THIRD-PARTY-AUTHORIZATION (OAuth, RFC 7635)",
                hint: "rtcdiag sends no access tokens: ask its operator for a user name and a password, or whether clients need a token",
            },
            Self::RealmChanges { .. } => Meaning {
                code: Code::RealmChanges,
                explanation: "error 401 again and again, each time for another realm, so the credentials were never checked for one",
                hint: "several servers seem to stand behind this address, each with a realm of its own: give them all the same (coturn: realm=example.org), or have the load balancer send each client to one server",
            },
            Self::RefusedAfterChallenge(error) => refused_after_challenge(error.code),
            Self::StaleNonce => Meaning {
                code: Code::StaleNonce,
                explanation: "error 438 (stale nonce) again and again, though each new nonce was used at once: its requests seem to reach several servers that do not share nonces, or one by another port each time",
                hint: "have the load balancer send each client to one server (by source address), and a UDP proxy keep one port for each client (nginx: no proxy_responses); a few servers answer so to wrong credentials",
            },
            Self::Redirected(_) => Meaning {
                code: Code::TryAlternate,
                explanation: "error 300: it redirects to another server, which led nowhere",
                hint: "name the alternate server itself, or have the load balancing fixed",
            },
            Self::Circle(_) => Meaning {
                code: Code::TryAlternate,
                explanation: "error 300: it redirects in a circle",
                hint: "have the load balancing fixed: servers that send clients to each other, or to themselves (coturn: alternate-server), serve none",
            },
            Self::Refused(error) => refused(error.code),
        }
    }

    /// The explanation with what the server said.
    pub fn message(&self) -> String {
        let explanation = self.meaning().explanation;
        match self {
            Self::Malformed(what) => format!("{explanation}: {what}"),
            Self::BadRelayedAddress(address) => format!("{explanation}: {address}"),
            Self::WrongSource(source) => format!("it answered from {source}, which was not asked"),
            Self::TokenWanted { authority, .. } if !authority.is_empty() => {
                format!("{explanation}; it names {authority} for that")
            }
            Self::RealmChanges { sent, asked } => {
                format!("{explanation}: asked with {sent}, it wants {asked}")
            }
            Self::RefusedAfterChallenge(error) => {
                format!(
                    "error {}{} right after the challenge: {explanation}",
                    error.code,
                    reason_of(error)
                )
            }
            Self::Redirected(error) => match error.alternate_server {
                Some(alternate) => format!("{explanation} ({alternate})"),
                None => "error 300: it redirects to another server without saying which".to_owned(),
            },
            Self::Circle(error) => match error.alternate_server {
                Some(back) => format!("{explanation}, back to {back}"),
                None => explanation.to_owned(),
            },
            Self::Refused(error) if error.code == 0 => {
                "it answered with an error without a code".to_owned()
            }
            Self::Refused(error) => {
                format!("error {}{}: {explanation}", error.code, reason_of(error))
            }
            _ => explanation.to_owned(),
        }
    }

    pub const fn stun_code(&self) -> Option<u16> {
        match self {
            Self::Unauthorized
            | Self::NoCredentials
            | Self::TokenWanted { .. }
            | Self::RealmChanges { .. } => Some(401),
            Self::StaleNonce => Some(438),
            Self::Redirected(error)
            | Self::Circle(error)
            | Self::Refused(error)
            | Self::RefusedAfterChallenge(error) => Some(error.code),
            Self::Timeout
            | Self::SilentAfterChallenge
            | Self::WrongSource(_)
            | Self::Integrity
            | Self::Unsigned
            | Self::EmptyRealm
            | Self::Malformed(_)
            | Self::Foreign
            | Self::NoRelayedAddress
            | Self::BadRelayedAddress(_) => None,
        }
    }

    /// Whether the server took these credentials for wrong ones, in whatever words.
    pub const fn refuses_credentials(&self) -> bool {
        match self {
            Self::Unauthorized
            | Self::StaleNonce
            | Self::SilentAfterChallenge
            | Self::RefusedAfterChallenge(_) => true,
            Self::TokenWanted {
                had_credentials, ..
            } => *had_credentials,
            Self::Refused(error) => matches!(error.code, 403 | 441),
            _ => false,
        }
    }
}

/// What to do where a server answers from another address or port.
pub fn wrong_source_hint(asked: SocketAddr, source: SocketAddr) -> &'static str {
    if asked.ip() == source.ip() {
        "it answers from another port: a NAT, a load balancer or a UDP proxy before it changes the port (have it keep the port), or the server sends from another socket"
    } else {
        "the server has several addresses and answers from the wrong one: have it bind each of them (coturn: listening-ip)"
    }
}

/// The reason phrase, with a space before it.
fn reason_of(error: &ErrorResponse) -> String {
    if error.reason.is_empty() {
        String::new()
    } else {
        format!(" {}", error.reason)
    }
}

/// What a server does with a request that names no family, where it does not give IPv4 (RFC 8656 7.2).
/// Browsers name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddDefault {
    /// It gives IPv6, and IPv4 to who names it.
    Ipv6,
    /// It gives IPv6, whatever is asked for.
    Ipv6Alone,
    /// It refuses (error 440), and gives IPv4 to who names it.
    Refused,
}

impl OddDefault {
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Ipv6 | Self::Refused => {
                "have IPv4 as its default (coturn: remove allocation-default-address-family and keep-address-family)"
            }
            Self::Ipv6Alone => "give the server a relay address of IPv4 as well (coturn: relay-ip)",
        }
    }

    pub const fn text(self) -> &'static str {
        match self {
            Self::Ipv6 => {
                "asked without REQUESTED-ADDRESS-FAMILY, as browsers ask, it gives a relayed address of IPv6, not of IPv4 as RFC 8656 7.2 has it: browsers get no relay that peers with IPv4 alone reach; to who asks for IPv4 by that attribute it gives one"
            }
            Self::Ipv6Alone => {
                "it relays IPv6 alone, also to who asks for no family (RFC 8656 7.2 has IPv4 then): peers with IPv4 alone do not reach its relays"
            }
            Self::Refused => {
                "asked without REQUESTED-ADDRESS-FAMILY, as browsers ask, it gives no relay (error 440): its default is a family that it does not relay; to who asks for IPv4 by that attribute it gives one"
            }
        }
    }
}

/// What it means that an answer to Allocate with a relayed address lacks other attributes.
pub fn incomplete(lacks: &str) -> String {
    format!(
        "its answer to Allocate lacks {lacks} (RFC 8656 7.3): Chromium takes no relay from it, other programs may"
    )
}

/// Whether an error to the first request with credentials is about them: what servers say of wrong
/// ones in place of 401. 431, 432 and 436 are those of RFC 3489.
pub(super) const fn is_about_credentials(code: u16) -> bool {
    matches!(code, 400 | 430..=436 | 441)
}

const fn refused_after_challenge(code: u16) -> Meaning {
    let explanation = match code {
        400 => {
            "servers on pion say so for a wrong user name or password, or for credentials that have ended"
        }
        431 => "the password does not fit the user name (integrity check failure, RFC 3489)",
        441 => {
            "there is no allocation yet, so the server means that user name or password is wrong"
        }
        _ => {
            "the server does not know the user name, or refuses the password (an error of RFC 3489)"
        }
    };
    Meaning {
        code: if code == 441 {
            Code::WrongCredentials
        } else {
            Code::Unauthorized
        },
        explanation,
        hint: "check user name and password, and the clocks of both machines if the credentials are time-limited",
    }
}

/// RFC 8489 14.8 and RFC 8656 19.
const fn refused(code: u16) -> Meaning {
    let (code, explanation, hint) = match code {
        400 => (
            Code::BadRequest,
            "the server does not understand the request",
            "it may be no TURN server, or something on the way changes the packets",
        ),
        401 => (
            Code::Unauthorized,
            "the server wants credentials without saying for which realm",
            "the server breaks RFC 8489; tell its operator",
        ),
        403 => (
            Code::Forbidden,
            "the server understands, and its policy forbids it",
            "look at the server's rules: for an allocation those for users and for clients' addresses, for a permission those for peers (coturn: allowed-peer-ip, denied-peer-ip)",
        ),
        405 => (
            Code::MethodNotAllowed,
            "the server does not do TURN for us",
            "have TURN switched on (coturn: remove stun-only), or use another server",
        ),
        420 => (
            Code::UnknownAttribute,
            "the server does not know an attribute that it should know",
            "it may be an old or very small server",
        ),
        437 => (
            Code::AllocationMismatch,
            "the server and this host disagree on whether there is an allocation on this 5-tuple (address and port of both ends, and transport)",
            "an earlier allocation from the same port may still be there, or a NAT or load balancer in between changed our address; wait a moment and try again",
        ),
        438 => (
            Code::StaleNonce,
            "the nonce is stale, and the server gave no other",
            "the server breaks RFC 8489; tell its operator",
        ),
        440 => (
            Code::AddressFamilyNotSupported,
            "the server relays no addresses of this family",
            "use the other family, or give the server a relay address of this one (coturn: relay-ip)",
        ),
        441 => (
            Code::WrongCredentials,
            "the allocation belongs to other credentials than these",
            "an allocation on this 5-tuple was made by another user; wait until it ends, or use another local port",
        ),
        442 => (
            Code::UnsupportedTransportProtocol,
            "the server does not relay UDP",
            "have UDP relaying switched on (coturn: remove no-udp-relay)",
        ),
        443 => (
            Code::PeerAddressFamilyMismatch,
            "the peer's address is of another family than the relayed one",
            "allocate a relayed address of the peer's family",
        ),
        446 => (
            Code::ConnectionAlreadyExists,
            "there is a connection to that peer already",
            "use the existing one",
        ),
        486 => (
            Code::AllocationQuotaReached,
            "this user, or the server as a whole, has as many allocations as are allowed, which says nothing of the server's health",
            "allocations of this user that a program did not give back live up to 10 minutes: wait until they end, or have the quota raised (coturn: user-quota, total-quota, bps-capacity)",
        ),
        500 => (
            Code::ServerError,
            "something failed inside the server",
            "look at the server's log",
        ),
        508 => (
            Code::InsufficientCapacity,
            "the server has no relay port or no capacity left",
            "try again later, or have the server given more ports or bandwidth (coturn: min-port, max-port, max-bps, bps-capacity)",
        ),
        _ => (
            Code::StunError,
            "the server refuses",
            "look at the server's log",
        ),
    };
    Meaning {
        code,
        explanation,
        hint,
    }
}

impl From<&Failure> for ErrorReport {
    fn from(failure: &Failure) -> Self {
        let meaning = failure.meaning();
        Self::new(meaning.code, failure.message()).with_hint(meaning.hint)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_error_of_the_standard_has_a_code_of_its_own() {
        let numbers = [
            400, 403, 405, 420, 437, 438, 440, 441, 442, 443, 446, 486, 500, 508,
        ];
        let codes: BTreeSet<Code> = numbers.iter().map(|n| refused(*n).code).collect();
        assert_eq!(codes.len(), numbers.len());
        assert_eq!(refused(599).code, Code::StunError);
    }
}
