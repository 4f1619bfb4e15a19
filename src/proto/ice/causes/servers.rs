//! A TURN server that gives no relay, in words: what is wrong with it, and what would mend it.

use crate::base::codes::Code;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, Remedy, ServerFacts, Situation, Whose, remedies};
use crate::proto::ice::prediction::view::Udp;
use crate::proto::stun::uri::{ServerUri, Transport};

/// How an [`ErrorReport`](crate::base::report::ErrorReport) on a certificate begins.
const ITS_CERTIFICATE: &str = "its certificate ";

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Certificate,
    /// It is not reached, or does not speak TURN.
    Unreached,
    Credentials,
    /// It answers, and gives nothing.
    Refusal,
}

impl Kind {
    fn of(row: &ServerFacts) -> Self {
        let error = row.error.unwrap_or(Code::Unknown);
        // 403 has the code of a firewall on one's own machine.
        let is_answer = row.detail.as_ref().is_some_and(|d| d.starts_with("error "));
        if error.is_of_certificate() {
            Self::Certificate
        } else if is_unreached(error) && !is_answer {
            Self::Unreached
        } else if error.is_of_credentials() || error == Code::CredentialsExpired {
            Self::Credentials
        } else {
            Self::Refusal
        }
    }
}

/// Codes of servers that were not reached, or did not speak TURN.
const fn is_unreached(code: Code) -> bool {
    code.is_of_another_protocol()
        || matches!(
            code,
            Code::Timeout
                | Code::PortSilent
                | Code::UdpPortBlocked
                | Code::Dns
                | Code::Refused
                | Code::Unreachable
                | Code::Rejected
                | Code::Forbidden
                | Code::Closed
                | Code::Tls
                | Code::WrongFamily
                | Code::CutShort
                | Code::WrongSource
                | Code::NameMisdirected
        )
}

/// The host in the server's address: it is what its certificate has to be for.
pub(super) fn host(row: &ServerFacts) -> String {
    let uri: Result<ServerUri, _> = row.uri.parse();
    uri.map_or_else(|_| row.uri.clone(), |uri| uri.host.to_string())
}

/// As in "the certificate of turn.example.org expired on 2026-10-01".
fn certificate(whose: Whose, row: &ServerFacts, is_brief: bool) -> String {
    let error = row.error.unwrap_or(Code::Unknown);
    let told = row.detail.as_deref();
    let told = told.and_then(|text| text.strip_prefix(ITS_CERTIFICATE));
    let day = told.and_then(first_day);
    let what = match (error, day, told) {
        (Code::CertificateExpired, Some(day), _) if is_brief || whose != Whose::Local => {
            format!("expired on {day}")
        }
        (Code::CertificateNotYetValid, Some(day), _) if is_brief || whose != Whose::Local => {
            format!("is not valid before {day}")
        }
        // The other side's words are not said as if they were this program's.
        (_, Some(day), Some(text)) if whose == Whose::Local && !is_brief => text.replace(
            &format!("has expired (on {day})"),
            &format!("expired on {day}"),
        ),
        (_, None, Some(text)) if whose == Whose::Local && !is_brief => text.to_owned(),
        _ => of_certificate(error).to_owned(),
    };
    format!("the certificate of {} {what}", host(row))
}

/// The first date in a text, as 2026-10-01.
fn first_day(text: &str) -> Option<&str> {
    let is_day = |word: &&str| {
        word.len() == 10
            && word.char_indices().all(|(at, c)| match at {
                4 | 7 => c == '-',
                _ => c.is_ascii_digit(),
            })
    };
    text.split(|c: char| !c.is_ascii_digit() && c != '-')
        .find(is_day)
}

const fn of_certificate(code: Code) -> &'static str {
    match code {
        Code::CertificateExpired => "has expired",
        Code::CertificateNotYetValid => "is not valid yet",
        Code::CertificateWrongName => "is for another name",
        Code::CertificateUnknownIssuer => "is from an issuer that is not trusted there",
        Code::CertificateSelfSigned => "is self-signed",
        Code::CertificatePrivateRoot => "is from a private authority, which is not trusted there",
        Code::CertificateIncomplete => "comes without the intermediate that signed it",
        _ => "is not one that clients accept",
    }
}

/// What it does, behind its name.
fn does(row: &ServerFacts) -> String {
    let error = row.error.unwrap_or(Code::Unknown);
    let is_answer = row.detail.as_ref().is_some_and(|d| d.starts_with("error "));
    let text = match error {
        Code::Timeout if row.answers_over_tcp() => "answers over TCP and not over UDP",
        Code::Timeout => "does not answer",
        Code::PortSilent => "is silent on that port",
        Code::UdpPortBlocked => "is silent on that port, and not on others",
        Code::Dns => "has a name that does not resolve there",
        Code::NameMisdirected => "has a name that leads elsewhere",
        Code::Refused => {
            "refuses the connection: nothing listens there, or a firewall says so in its name"
        }
        Code::Unreachable if row.transport == Transport::Tls => {
            "is not reached over TLS: no way leads there, nothing listens, or its certificate is refused"
        }
        Code::Unreachable => "cannot be reached: no route leads there, or a router rejects it",
        Code::Rejected => "is kept from that side by a router or firewall that rejects UDP",
        Code::Forbidden if is_answer => "forbids it (403)",
        Code::Forbidden => "is kept from that side by a firewall of its own machine",
        Code::Closed => "closes the connection",
        Code::Tls => "does not come to terms over TLS",
        Code::WrongFamily => "has no address of a family that is there",
        Code::WrongSource => "answers from another address than was asked",
        Code::CutShort => "had not answered when the session ended",
        Code::TlsElsewhere => "is silent on that port and answers on port 443, over TLS",
        Code::TcpElsewhere => "is silent on that port and answers on port 443, over TCP",
        Code::PortSpeaksTls => "speaks TLS on that port",
        Code::PortSpeaksPlain => "does not speak TLS on that port",
        Code::ProxyProtocolExpected => "waits for a proxy's header",
        Code::NothingBehind => "takes connections and says nothing",
        Code::WebServer => "is a web server on that port",
        Code::NotStun => "speaks another protocol on that port",
        Code::Unauthorized => "refuses the user name or password (401)",
        Code::WrongCredentials | Code::BadIntegrity => "refuses the user name or password",
        Code::CredentialsExpired => "refuses credentials whose time has passed (401)",
        Code::CredentialsNeeded => "asks for a user name and a password, and none were given",
        Code::AllocationQuotaReached => "has no allocation left for this user (486)",
        Code::InsufficientCapacity => "has no relay port or no capacity left (508)",
        Code::AllocationMismatch => "has an allocation on that port already (437)",
        Code::StaleNonce => "calls each nonce stale (438)",
        Code::ServerError => "failed inside (500)",
        Code::BadRequest => "does not understand the request (400)",
        Code::MethodNotAllowed => "does not do TURN (405)",
        Code::UnknownAttribute => "does not know an attribute (420)",
        Code::AddressFamilyNotSupported => "relays no addresses of that family (440)",
        Code::UnsupportedTransportProtocol => "does not relay UDP (442)",
        Code::TryAlternate => "sends to another server, which led nowhere (300)",
        Code::EmptyRealm => "names no realm, so no password fits",
        Code::RealmChanges => "asks for another realm each time",
        Code::SilentAfterChallenge => "falls silent when the user name and password come",
        Code::TurnSilent => "answers STUN and not TURN",
        Code::BadRelayedAddress => "gives a relayed address that nobody can send to",
        Code::NoIntegrity => "does not sign its answers",
        Code::Malformed => "gives answers that cannot be read",
        Code::StunError => "answers with an error",
        other => return format!("gives no relayed address ({other})"),
    };
    text.to_owned()
}

/// Of a side's TURN servers that gave nothing the one that tells most.
pub(super) fn telling<'a>(rows: &[&'a ServerFacts]) -> Option<&'a ServerFacts> {
    let of = |kinds: &[Kind]| rows.iter().find(|row| kinds.contains(&Kind::of(row)));
    let answers = of(&[Kind::Credentials, Kind::Refusal]);
    let row = answers.or_else(|| of(&[Kind::Certificate]));
    row.or(rows.first()).copied()
}

/// Why a side's TURN server gives no relay.
pub(super) fn cause(
    situation: &Situation<'_>,
    whose: Whose,
    row: &ServerFacts,
    is_blocked: bool,
) -> Cause {
    let who = situation.name(whose);
    if is_blocked {
        let message = format!("{who} has TURN over UDP alone, and its UDP is blocked");
        return Cause::new(Code::TurnUnreachable, whose, message)
            .briefly(format!("{} has TURN over UDP alone", short(whose)))
            .remedied([over_tcp(whose, row).unwrap_or_else(|| remedies::turn_tls(whose))]);
    }
    let (code, message, brief) = match Kind::of(row) {
        Kind::Certificate => (
            Code::TurnUnreachable,
            format!(
                "{who} refuses the certificate of its TURN server: {}",
                certificate(whose, row, false)
            ),
            format!(
                "{} TURN server is refused: {}",
                possessive(whose),
                certificate(whose, row, true)
            ),
        ),
        Kind::Unreached if answers_other(situation, whose, row) => {
            let other = short(whose.other());
            (
                Code::TurnUnreachable,
                format!(
                    "{who} does not reach its TURN server {}, which answers {other}: something before {} keeps it away",
                    row.uri,
                    short(whose)
                ),
                format!(
                    "something keeps {} from its TURN server, which answers {other}",
                    short(whose)
                ),
            )
        }
        Kind::Unreached => (
            Code::TurnUnreachable,
            format!(
                "{who} does not reach its TURN server {}, which {}",
                row.uri,
                does(row)
            ),
            format!("{} TURN server {}", possessive(whose), does(row)),
        ),
        Kind::Credentials | Kind::Refusal => (
            Code::TurnRefused,
            format!("the TURN server {} of {who} {}", row.uri, does(row)),
            format!("{} TURN server {}", possessive(whose), does(row)),
        ),
    };
    // Where nothing answers over UDP, another server over UDP may be of no use either.
    let is_deaf = Kind::of(row) == Kind::Unreached
        && row.is_silent()
        && over_tcp(whose, row).is_none()
        && is_deaf(situation, whose);
    let remedy = if is_deaf {
        remedies::turn_tls(whose)
    } else {
        remedy(whose, row)
    };
    Cause::new(code, whose, message)
        .briefly(brief)
        .remedied([remedy])
}

/// Whether nothing is known to come back to a side over UDP.
pub(super) fn is_deaf(situation: &Situation<'_>, whose: Whose) -> bool {
    situation.party(whose).hears_nothing() && super::relay::udp(situation, whose) != Some(Udp::Open)
}

/// The same server over TCP, where it is known to answer so.
fn over_tcp(whose: Whose, row: &ServerFacts) -> Option<Remedy> {
    let uri: ServerUri = row.uri.parse().ok()?;
    let is_udp = row.answers_over_tcp() && row.is_turn && row.transport == Transport::Udp;
    is_udp.then(|| {
        let server = format!("-s 'turn:{}:{}?transport=tcp'", uri.host, uri.port);
        let message = format!("{server} on {}", short(whose));
        remedies::turn_configuration(whose, message, &server)
    })
}

/// Whether the other side has a relay from the very server that this one does not reach.
fn answers_other(situation: &Situation<'_>, whose: Whose, row: &ServerFacts) -> bool {
    let is_known = row.error.is_some_and(|code| {
        !matches!(
            code,
            Code::Dns | Code::NameMisdirected | Code::CutShort | Code::WrongFamily
        )
    });
    let theirs = situation.party(whose.other()).servers;
    let mut theirs = theirs.into_iter().flatten();
    let is_same = |other: &ServerFacts| {
        other.is_turn && other.error.is_none() && other.address == row.address
    };
    is_known && row.address.is_some() && theirs.any(is_same)
}

/// The same trouble on both sides, mostly with one server that both were given.
pub(super) fn common(one: &ServerFacts, two: &ServerFacts) -> Option<(String, String)> {
    if (&one.uri, one.error) != (&two.uri, two.error) {
        return None;
    }
    Some(match Kind::of(one) {
        Kind::Certificate => (
            format!(
                "both sides refuse the certificate of their TURN server: {}",
                certificate(Whose::Local, one, false)
            ),
            certificate(Whose::Local, one, true),
        ),
        Kind::Unreached => (
            format!(
                "neither side reaches the TURN server {}, which {}",
                one.uri,
                does(one)
            ),
            format!("the TURN server of both sides {}", does(one)),
        ),
        Kind::Credentials | Kind::Refusal => (
            format!("the TURN server of both sides, {}, {}", one.uri, does(one)),
            format!("the TURN server of both sides {}", does(one)),
        ),
    })
}

/// What would mend it.
pub(super) fn remedy(whose: Whose, row: &ServerFacts) -> Remedy {
    if let Some(over_tcp) = over_tcp(whose, row) {
        return over_tcp;
    }
    let (message, brief) = match (Kind::of(row), row.error.unwrap_or(Code::Unknown)) {
        (_, Code::CredentialsExpired) => (
            format!("fresh credentials on {}", short(whose)),
            "fresh credentials".to_owned(),
        ),
        (Kind::Credentials, _) | (_, Code::CredentialsNeeded) => (
            format!("the right user name and password on {}", short(whose)),
            "the right user name and password".to_owned(),
        ),
        (Kind::Certificate, error) => return certified(whose, row, error),
        (_, Code::TlsElsewhere) => return elsewhere(whose, &format!("turns:{}:443", host(row))),
        (_, Code::TcpElsewhere) => {
            let uri = format!("turn:{}:443?transport=tcp", host(row));
            return elsewhere(whose, &uri);
        }
        (_, Code::AllocationQuotaReached) => (
            format!(
                "a higher quota in {} TURN server (coturn: user-quota, total-quota), or the end of older allocations,",
                possessive(whose)
            ),
            "a higher quota in that server".to_owned(),
        ),
        (_, Code::InsufficientCapacity) => (
            format!(
                "more relay ports or capacity in {} TURN server (coturn: min-port, max-port, bps-capacity)",
                possessive(whose)
            ),
            "more capacity in that server".to_owned(),
        ),
        _ => (
            format!(
                "a TURN server that works for {} (rtcdiag turn {} tells what is wrong)",
                short(whose),
                row.uri
            ),
            format!("a TURN server that works for {}", short(whose)),
        ),
    };
    remedies::turn_configuration(whose, message, &brief)
}

/// The same server, at the port where it was found to answer.
fn elsewhere(whose: Whose, uri: &str) -> Remedy {
    remedies::turn_configuration(
        whose,
        format!("-s {uri} on {}", short(whose)),
        &format!("-s {uri}"),
    )
}

fn certified(whose: Whose, row: &ServerFacts, error: Code) -> Remedy {
    let host = host(row);
    let what = match error {
        Code::CertificateExpired => format!("a renewed certificate on {host}"),
        Code::CertificateNotYetValid => format!(
            "the right time on {}, or a certificate on {host} that is valid already,",
            short(whose)
        ),
        Code::CertificateWrongName => format!("a certificate on {host} that has that name"),
        Code::CertificateIncomplete => {
            format!("the whole chain of certificates on {host} (fullchain.pem)")
        }
        Code::CertificateSelfSigned
        | Code::CertificatePrivateRoot
        | Code::CertificateUnknownIssuer => format!(
            "a certificate on {host} from an authority that {} trusts",
            short(whose)
        ),
        _ => format!(
            "a certificate on {host} that {} accepts (rtcdiag turn {} tells what is wrong)",
            short(whose),
            row.uri
        ),
    };
    remedies::turn_configuration(whose, what, "a valid certificate there")
}

/// That a TURN server of the other side gives it no relay, where there is one all the same: a sentence
/// without a full stop, and what would mend it. Nothing for one that was not waited for, or that is
/// silent since UDP is blocked.
pub fn trouble_there(situation: &Situation<'_>) -> Option<(String, Remedy)> {
    let whose = Whose::Remote;
    let party = situation.party(whose);
    let rows: Vec<&ServerFacts> = party
        .servers
        .into_iter()
        .flatten()
        .filter(|row| row.is_turn)
        .collect();
    let helps = |uri: &str| rows.iter().any(|row| row.uri == uri && row.error.is_none());
    let is_known = |row: &&ServerFacts| {
        let error = row.error.is_some_and(|code| code != Code::CutShort);
        error && !helps(&row.uri)
    };
    let failed: Vec<&ServerFacts> = rows.iter().copied().filter(is_known).collect();
    let row = telling(&failed)?;
    let has_relay = rows.iter().any(|row| row.error.is_none());
    if Kind::of(row) == Kind::Unreached
        && (has_relay
            || (row.transport == Transport::Udp
                && super::relay::udp(situation, whose) == Some(Udp::Blocked)))
    {
        return None;
    }
    Some((
        cause(situation, whose, row, false).message,
        remedy(whose, row),
    ))
}
