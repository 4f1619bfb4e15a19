//! Why a TURN request failed, what that means and what to do about it.

use std::net::SocketAddr;

use crate::stun::message::ErrorResponse;

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer that could be used.
    Timeout,
    /// Answers came, but their integrity was wrong or missing, so they were not used.
    Integrity,
    /// Answers came that cannot be read.
    Malformed(String),
    /// A relayed address that is not one of a host.
    BadRelayedAddress(SocketAddr),
    /// The server wants credentials, and there are none.
    NoCredentials,
    /// The credentials were refused: a second 401 (RFC 8489 9.2.5).
    Unauthorized,
    /// Each nonce that the server gives is stale at once.
    StaleNonce,
    /// The server sends to another one (RFC 8489 10).
    Redirected(ErrorResponse),
    /// Another error.
    Refused(ErrorResponse),
}

/// A failure in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Stable, in kebab-case.
    pub code: &'static str,
    /// What it means.
    pub explanation: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

impl Failure {
    /// The failure as a code, an explanation and a hint.
    pub const fn meaning(&self) -> Meaning {
        match self {
            Self::Timeout => Meaning {
                code: "timeout",
                explanation: "no answer",
                hint: "check address and port, that the server runs, and that no firewall is in between",
            },
            Self::Integrity => Meaning {
                code: "bad-integrity",
                explanation: "its answers carry no or a wrong MESSAGE-INTEGRITY, so they cannot be trusted",
                hint: "somebody on the way changes the packets, or the server computes its key from another password",
            },
            Self::Malformed(_) => Meaning {
                code: "malformed",
                explanation: "its answer cannot be read",
                hint: "the server or something on the way breaks the protocol",
            },
            Self::BadRelayedAddress(_) => Meaning {
                code: "bad-relayed-address",
                explanation: "it gives a relayed address that nobody can send to",
                hint: "tell the server its address (coturn: relay-ip, external-ip)",
            },
            Self::NoCredentials => Meaning {
                code: "credentials-needed",
                explanation: "the server asks for a user name and a password, and none were given",
                hint: "give --turn-username with RTCDIAG_TURN_PASSWORD or --turn-password-file, or --turn-secret-file, or use --ice-servers",
            },
            Self::Unauthorized => Meaning {
                code: "unauthorized",
                explanation: "error 401 again with credentials: wrong user name or password, time-limited credentials that have ended, or a realm that they are not for",
                hint: "check user name and password, and the clocks of both machines if the credentials are time-limited",
            },
            Self::StaleNonce => Meaning {
                code: "stale-nonce",
                explanation: "error 438 (stale nonce) again and again, though each new nonce was used at once",
                hint: "the server, or several behind one address that do not share their nonces, cannot be used; tell its operator",
            },
            Self::Redirected(_) => Meaning {
                code: "try-alternate",
                explanation: "error 300: it sends to another server, which did not lead anywhere",
                hint: "name the alternate server itself, or have the load balancing mended",
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
            Self::Redirected(error) => match error.alternate_server {
                Some(alternate) => format!("{explanation} ({alternate})"),
                None => "error 300: it sends to another server without saying which".to_owned(),
            },
            Self::Refused(error) if error.code == 0 => {
                "it answered with an error without a code".to_owned()
            }
            Self::Refused(error) => {
                let reason = if error.reason.is_empty() {
                    String::new()
                } else {
                    format!(" {}", error.reason)
                };
                format!("error {}{reason}: {explanation}", error.code)
            }
            _ => explanation.to_owned(),
        }
    }

    /// The error code that the server gave.
    pub const fn stun_code(&self) -> Option<u16> {
        match self {
            Self::Unauthorized | Self::NoCredentials => Some(401),
            Self::StaleNonce => Some(438),
            Self::Redirected(error) | Self::Refused(error) => Some(error.code),
            Self::Timeout | Self::Integrity | Self::Malformed(_) | Self::BadRelayedAddress(_) => {
                None
            }
        }
    }
}

/// RFC 8489 14.8 and RFC 8656 19.
const fn refused(code: u16) -> Meaning {
    let (code, explanation, hint) = match code {
        400 => (
            "bad-request",
            "the server does not understand the request",
            "it may be no TURN server, or something on the way changes the packets",
        ),
        401 => (
            "unauthorized",
            "the server wants credentials without saying for which realm",
            "the server breaks RFC 8489; tell its operator",
        ),
        403 => (
            "forbidden",
            "the server understands, and its policy forbids it",
            "the user may not do this here: look at the server's rules for users and peer addresses (coturn: allowed-peer-ip, denied-peer-ip)",
        ),
        405 => (
            "method-not-allowed",
            "the server does not do TURN for us",
            "have TURN switched on (coturn: remove stun-only), or use another server",
        ),
        420 => (
            "unknown-attribute",
            "the server does not know an attribute that it would have to",
            "it may be an old or very small server",
        ),
        437 => (
            "allocation-mismatch",
            "the server has another idea of whether there is an allocation on this 5-tuple (address and port of both ends, and transport)",
            "an earlier allocation from the same port may still be there, or a NAT or load balancer in between changed our address; wait a moment and try again",
        ),
        438 => (
            "stale-nonce",
            "the nonce is stale, and the server gave no other",
            "the server breaks RFC 8489; tell its operator",
        ),
        440 => (
            "address-family-not-supported",
            "the server relays no addresses of this family",
            "use the other family, or give the server a relay address of this one (coturn: relay-ip)",
        ),
        441 => (
            "wrong-credentials",
            "the allocation belongs to other credentials than these",
            "an allocation on this 5-tuple was made by another user; wait until it ends, or use another local port",
        ),
        442 => (
            "unsupported-transport-protocol",
            "the server does not relay UDP",
            "have UDP relaying switched on (coturn: remove no-udp-relay)",
        ),
        443 => (
            "peer-address-family-mismatch",
            "the peer's address is of another family than the relayed one",
            "allocate a relayed address of the peer's family",
        ),
        446 => (
            "connection-already-exists",
            "there is a connection to that peer already",
            "use the one that there is",
        ),
        486 => (
            "allocation-quota-reached",
            "this user, or the server as a whole, has as many allocations as are allowed",
            "wait until earlier ones end, release them, or have the quota raised (coturn: user-quota, total-quota, bps-capacity)",
        ),
        500 => (
            "server-error",
            "something failed inside the server",
            "look at the server's log",
        ),
        508 => (
            "insufficient-capacity",
            "the server has no relay port or no capacity left",
            "try later, or have the server given more ports or bandwidth (coturn: min-port, max-port, max-bps, bps-capacity)",
        ),
        _ => (
            "stun-error",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_error_of_the_standard_has_a_code_of_its_own() {
        let numbers = [
            400, 403, 405, 420, 437, 438, 440, 441, 442, 443, 446, 486, 500, 508,
        ];
        let codes: BTreeSet<&str> = numbers.iter().map(|n| refused(*n).code).collect();
        assert_eq!(codes.len(), numbers.len());
        assert_eq!(refused(599).code, "stun-error");
    }
}
