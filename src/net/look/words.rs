//! What the signs say about a failure.

use super::other_ports::turn_silent;
use super::{Inside, Look, Proxy, Sign, Signs, Web};
use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::stage::Stage;
use crate::base::words::{OVER_TCP, printable};
use crate::net::certificate;
use crate::proto::stun::uri::{Host, Transport};
use crate::proto::tls::{self, Flight, ServerHello};

const LEADS_AWAY: &str = "check host and port: where they lead to a CDN or a web proxy, neither STUN nor TURN passes; on a guest network a captive portal may answer until somebody logs in";
const NOTHING_BEHIND: &str = "look at what stands before the server, and whether the server behind it runs; a firewall or gateway on the way may also take connections for others";

const BEHIND_TLS: &str = "a proxy that ends TLS with nothing behind it, or with a server that does not expect its PROXY protocol header, a filter on the way, or another service";

pub(super) fn explain(
    look: &Look,
    stage: Stage,
    error: &ErrorReport,
    signs: &Signs,
) -> Option<ErrorReport> {
    let wanted = if look.is_turn { "TURN" } else { "STUN" };
    let over_tls = look.target.transport == Transport::Tls;
    if let Some((flight, inside)) = signs.tls() {
        return match inside {
            Some(Inside::Web(web)) => Some(web_server(web, wanted, over_tls, true)),
            Some(Inside::Stun) if !over_tls => Some(with_tls(wanted)),
            Some(Inside::WantsCertificate) => Some(wants_certificate()),
            _ if over_tls && stage == Stage::Tls => of_handshake(look, flight, error),
            Some(Inside::Closes | Inside::Silent) => Some(empty_tls(wanted, over_tls, inside)),
            _ if !over_tls => Some(maybe_tls(wanted)),
            None => (error.code == Code::Timeout).then(|| silent_in_tls(wanted)),
            Some(_) => None,
        };
    }
    if over_tls && stage == Stage::Tls {
        if signs.has(&Sign::TlsInSmallSegments) {
            return Some(large_lost());
        }
        if signs.has(&Sign::TlsWithoutName) {
            return Some(not_for_this_name(look));
        }
    }
    if signs.has(&Sign::TlsWithoutName) {
        return Some(maybe_tls(wanted));
    }
    if signs.has(&Sign::Stun) {
        let no_turn = look.is_turn && stage == Stage::Allocate && error.code == Code::Timeout;
        return if over_tls {
            Some(without_tls(wanted))
        } else {
            no_turn.then(turn_silent)
        };
    }
    if let Some(web) = signs.web() {
        return Some(web_server(web, wanted, over_tls, false));
    }
    if let Some(banner) = signs.banner() {
        return Some(of_banner(banner, wanted));
    }
    if signs.has(&Sign::BehindProxyHeader) {
        return Some(
            ErrorReport::new(
                Code::ProxyProtocolExpected,
                "the port answers only to who begins with a header of the PROXY protocol, as a load balancer does",
            )
            .with_hint("reach the server through its load balancer, or switch the PROXY protocol off on this port (HAProxy: accept-proxy; nginx: proxy_protocol)"),
        );
    }
    if signs.has(&Sign::ClosesUnasked) {
        return Some(
            ErrorReport::new(
                Code::NothingBehind,
                "the port takes connections and closes them at once, before anything is asked: a proxy or load balancer with nothing behind it",
            )
            .with_hint(NOTHING_BEHIND),
        );
    }
    if over_tls
        && stage == Stage::Tls
        && error.code == Code::Tls
        && error.message.contains("closed")
    {
        return Some(closed_at_hello(look));
    }
    if over_tls && stage > Stage::Tls {
        return (error.code == Code::Timeout).then(|| silent_in_tls(wanted));
    }
    (error.code == Code::Timeout && !signs.has(&Sign::Noise)).then(|| {
        ErrorReport::new(
            Code::NothingBehind,
            format!("the port takes connections, and answers neither {wanted} nor TLS nor HTTP: a proxy or load balancer with nothing behind it, or a server that hangs"),
        )
        .with_hint(NOTHING_BEHIND)
    })
}

/// A server that wants to know its clients by certificates.
pub fn wants_certificate() -> ErrorReport {
    ErrorReport::new(
        Code::Tls,
        "the server asks for a certificate of the client (mutual TLS), which STUN and TURN clients do not have",
    )
    .with_hint("have client certificates switched off on this port (HAProxy: verify none; nginx: ssl_verify_client off)")
}

/// The handshake comes through in small segments alone.
fn large_lost() -> ErrorReport {
    ErrorReport::new(
        Code::LargePacketsLost,
        "TLS is answered in small packets and not in large ones: something on the way has a smaller MTU and drops large packets without a word (a path MTU black hole)",
    )
    .with_hint("have ICMP let through, or the MSS clamped at the tunnel or PPPoE router (iptables TCPMSS --clamp-mss-to-pmtu), or the MTU lowered at this machine or the server")
}

/// A router by SNI, or a filter.
fn not_for_this_name(look: &Look) -> ErrorReport {
    let host = &look.target.host;
    ErrorReport::new(
        Code::Tls,
        format!("the port speaks TLS, and closes the connection without an answer when {host} is named (SNI): a proxy there sorts by name and has no server for this one, or a filter on the way blocks the name"),
    )
    .with_hint("look at what stands before the server: it needs a rule for this name (HAProxy: use_backend with req.ssl_sni; nginx: map $ssl_preread_server_name); another network tells whether the name is filtered")
}

/// Closed without a word once TLS begins, whatever name is said.
fn closed_at_hello(look: &Look) -> ErrorReport {
    let host = &look.target.host;
    ErrorReport::new(
        Code::Tls,
        format!("the port takes connections, and closes them without an answer when TLS begins: a proxy that sorts by name (SNI) and has no rule for {host}, a server without a certificate that it can use, or a filter on the way"),
    )
    .with_hint("look at what stands before the server and whether it knows this name, and at the server's log; check that this port speaks TLS")
}

fn without_tls(wanted: &str) -> ErrorReport {
    let (hint, message) = if wanted == "TURN" {
        (
            "use turn:HOST:PORT?transport=tcp, or the port of this server that has TLS (5349 or 443)",
            "the port speaks TURN without TLS: use turn:...?transport=tcp",
        )
    } else {
        (
            "name the port of this server that has TLS (5349 or 443)",
            "the port speaks STUN without TLS",
        )
    };
    ErrorReport::new(Code::PortSpeaksPlain, message).with_hint(hint)
}

fn with_tls(wanted: &str) -> ErrorReport {
    let scheme = if wanted == "TURN" { "turns:" } else { "stuns:" };
    ErrorReport::new(
        Code::PortSpeaksTls,
        format!("the port takes connections and speaks TLS, with {wanted} inside: use {scheme}"),
    )
    .with_hint("use turns: (stuns: for STUN) with the same host and port")
}

/// TLS with a certificate or cipher that kept it from being looked into.
fn maybe_tls(wanted: &str) -> ErrorReport {
    let scheme = if wanted == "TURN" { "turns:" } else { "stuns:" };
    ErrorReport::new(
        Code::PortSpeaksTls,
        format!("the port takes connections and speaks TLS: use {scheme}, if it is {wanted} that is inside"),
    )
    .with_hint("try turns: (stuns: for STUN) with the same host and port")
}

fn empty_tls(wanted: &str, over_tls: bool, inside: Option<&Inside>) -> ErrorReport {
    let what = if inside == Some(&Inside::Closes) {
        "the connection is closed without an answer"
    } else {
        "nothing answers"
    };
    let message = if over_tls {
        format!(
            "TLS is answered, and inside it {what}, neither to {wanted} nor to HTTP: {BEHIND_TLS}"
        )
    } else {
        format!(
            "the port takes connections and speaks TLS, and inside it {what}, neither to {wanted} nor to HTTP: {BEHIND_TLS}"
        )
    };
    ErrorReport::new(Code::NothingBehind, message).with_hint(NOTHING_BEHIND)
}

/// TLS was spoken with it, and what it has inside could not be looked at more closely.
fn silent_in_tls(wanted: &str) -> ErrorReport {
    ErrorReport::new(
        Code::NothingBehind,
        format!("TLS is answered, and nothing inside it answers {wanted}: {BEHIND_TLS}"),
    )
    .with_hint(NOTHING_BEHIND)
}

fn web_server(web: &Web, wanted: &str, over_tls: bool, inside: bool) -> ErrorReport {
    let name = web
        .server
        .as_ref()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let how = match (over_tls, inside) {
        (false, true) => ", over TLS",
        (true, false) => ", without TLS",
        _ => "",
    };
    ErrorReport::new(
        Code::NotStun,
        format!("an HTTP server answers there, not {wanted}{how}{name}"),
    )
    .with_hint(LEADS_AWAY)
}

fn of_banner(banner: &[u8], wanted: &str) -> ErrorReport {
    let text = String::from_utf8_lossy(banner);
    let first = printable(text.lines().next().unwrap_or_default());
    let upper = text.to_ascii_uppercase();
    let kind = if upper.starts_with("SSH-") {
        "an SSH server"
    } else if upper.starts_with("220") && upper.contains("FTP") && !upper.contains("SMTP") {
        "an FTP server"
    } else if upper.starts_with("220") {
        "a mail server (SMTP)"
    } else if upper.starts_with("* OK") {
        "a mail server (IMAP)"
    } else if upper.starts_with("+OK") {
        "a mail server (POP3)"
    } else if upper.starts_with("RFB ") {
        "a VNC server"
    } else if banner.get(4) == Some(&10) && (upper.contains("MYSQL") || upper.contains("MARIADB")) {
        "a MySQL server"
    } else {
        "another service"
    };
    let is_text = !first.is_empty() && first.is_ascii();
    let said = if is_text {
        format!(": it begins with \"{first}\"")
    } else {
        String::new()
    };
    ErrorReport::new(
        Code::NotStun,
        format!("{kind} answers there, not {wanted}{said}"),
    )
    .with_hint("another service listens on this port; check address, port and transport")
}

/// Why the handshake fails for us, where it need not fail for everybody.
fn of_handshake(look: &Look, flight: &Flight, error: &ErrorReport) -> Option<ErrorReport> {
    let host = &look.target.host;
    match flight {
        // handshake_failure and insufficient_security: to a client that takes everything.
        Flight::Alert(40 | 71) => Some(
            ErrorReport::new(
                Code::NoUsableCertificate,
                format!("the server refuses the TLS handshake whatever it is offered: it has no certificate or key that it can use for {host} (unreadable, not matching each other, or too weak)"),
            )
            .with_hint("look at the server's log when it starts (coturn: cert and pkey must fit each other and be readable by its user), and at the strength of its key"),
        ),
        Flight::Alert(112) if matches!(host, Host::Ip(_)) => Some(
            ErrorReport::new(
                Code::NoUsableCertificate,
                "the server refuses clients that name no host (TLS alert unrecognized_name), and for an IP address none is named (SNI)",
            )
            .with_hint("name the server by its name"),
        ),
        Flight::Alert(112) => Some(
            ErrorReport::new(
                Code::NoUsableCertificate,
                format!("the server has no certificate for the name {host} (TLS alert unrecognized_name)"),
            )
            .with_hint("have it configured for this name, or name it as its certificate does"),
        ),
        Flight::Hello(hello) => of_hello(hello, error),
        _ => None,
    }
}

fn of_hello(hello: &ServerHello, error: &ErrorReport) -> Option<ErrorReport> {
    let foreign = hello
        .chain
        .as_ref()
        .and_then(|chain| certificate::of_foreign_key(chain.first()?));
    if foreign.is_some() {
        return foreign;
    }
    if hello.version < tls::TLS_1_2 {
        return Some(
            ErrorReport::new(
                Code::Tls,
                format!(
                    "the server speaks {} at most, which clients no longer accept",
                    tls::version_name(hello.version)
                ),
            )
            .with_hint("have TLS 1.2 or 1.3 switched on (coturn: remove no-tlsv1_2)"),
        );
    }
    // A server may prefer an old one, and have others too.
    let refused = error.message.contains("HandshakeFailure")
        || error.message.contains("InsufficientSecurity");
    (refused && !hello.has_modern_cipher()).then(|| {
        ErrorReport::new(
            Code::Tls,
            "the server has none of the ciphers that clients accept (ECDHE with AES-GCM or ChaCha20), only older ones",
        )
        .with_hint("have these ciphers switched on (coturn: cipher-list)")
    })
}

/// What a proxy said to CONNECT.
pub(super) fn by_proxy(proxy: &Proxy, status: u16) -> ErrorReport {
    let name = &proxy.name;
    match status {
        200..=299 => ErrorReport::new(
            Code::ReachedByProxy,
            format!("the proxy of {name} connects to it: browsers take that way for TURN over TCP and TLS, rtcdiag does not"),
        )
        .with_hint("browsers on this network get a relay through the proxy; programs that take no proxy need the direct way opened in the firewall"),
        407 => ErrorReport::new(
            Code::ProxyRefuses,
            format!("the proxy of {name}, which browsers take for TURN over TCP and TLS, asks for a user name and password (407)"),
        )
        .with_hint("browsers know them from this network's settings; programs that take no proxy need the direct way opened in the firewall"),
        _ => ErrorReport::new(
            Code::ProxyRefuses,
            format!("the proxy of {name}, which browsers take for TURN over TCP and TLS, does not connect to it either (HTTP status {status})"),
        )
        .with_hint("most proxies connect to port 443 alone: have TURN over TLS there; or have the proxy allow this server and port"),
    }
}

/// What port 443 of a silent address is.
pub(super) fn beside(signs: &Signs) -> Option<ErrorReport> {
    let inside = signs.tls().and_then(|(_, inside)| inside);
    let web = match inside {
        Some(Inside::Web(web)) => Some(web),
        _ => signs.web(),
    };
    if let Some(web) = web {
        let name = web
            .server
            .as_ref()
            .map_or_else(String::new, |name| format!(" ({name})"));
        let report = ErrorReport::new(
            Code::WebServer,
            format!(
                "port 443 of that address is a web server{name}: the name may lead to a CDN or proxy, which passes no TURN"
            ),
        );
        return Some(report.with_hint("have a name of its own lead to the TURN server, past the CDN or web proxy (in DNS alone)"));
    }
    match (inside, signs.has(&Sign::Stun)) {
        (Some(Inside::Stun), _) => Some(
            ErrorReport::new(Code::TlsElsewhere, "on port 443 of that address TURN answers, over TLS: use turns:HOST:443")
                .with_hint("use turns: with port 443"),
        ),
        (_, true) => Some(
            ErrorReport::new(Code::TcpElsewhere, "on port 443 of that address TURN answers, over TCP: use turn:HOST:443?transport=tcp")
                .with_hint("use turn:HOST:443?transport=tcp"),
        ),
        _ => None,
    }
}

/// What the same port is over TCP, of a server that does not answer over UDP.
pub(super) fn over_tcp(signs: &Signs) -> Option<ErrorReport> {
    signs.has(&Sign::Stun).then(|| {
        ErrorReport::new(
            Code::TcpElsewhere,
            format!("{OVER_TCP}: the server may have TCP alone, or UDP does not get there"),
        )
        .with_hint("use turn:HOST:PORT?transport=tcp, which has more delay; where other servers answer over UDP, have UDP switched on at this one and its port opened")
    })
}
