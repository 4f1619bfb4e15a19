//! Who signed a chain that leads to no root of this system: nobody but itself, an authority of
//! somebody's own, or one whose certificate the server does not send.

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::base::codes::Code;
use crate::base::words::printable;
use crate::net::certificate::diagnosis::Fault;
use crate::net::certificate::path::{self, Path, is_self_issued};

const SEND_CHAIN: &str = "have the server send the intermediate certificates behind its own (with certbot: fullchain.pem, not cert.pem)";
const PRIVATE: &str = "where a gateway opens TLS, have it leave this server alone; where it is your own CA, have clients trust its root (rtcdiag: SSL_CERT_FILE)";
const EITHER: &str = "if that is an intermediate, have the server send it behind its own certificate; if it is a CA of your own, have clients trust its root (rtcdiag: SSL_CERT_FILE)";

/// What this system trusts.
pub(super) struct Roots<'a>(Vec<X509Certificate<'a>>);

impl<'a> Roots<'a> {
    pub(super) fn new(roots: &'a [CertificateDer<'_>]) -> Self {
        let parsed = roots
            .iter()
            .filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1));
        Self(parsed.collect())
    }

    fn has(&self, certificate: &X509Certificate<'_>) -> bool {
        self.0.iter().any(|root| {
            root.subject().as_raw() == certificate.subject().as_raw()
                && root.public_key().raw == certificate.public_key().raw
        })
    }

    fn has_name(&self, name: &x509_parser::x509::X509Name<'_>) -> bool {
        let mut roots = self.0.iter();
        roots.any(|root| root.subject().as_raw() == name.as_raw())
    }

    /// Whether one of them is of the same organisation.
    fn has_relative(&self, name: &x509_parser::x509::X509Name<'_>) -> bool {
        let of = path::organisation(name);
        of.is_some()
            && self
                .0
                .iter()
                .any(|root| path::organisation(root.subject()) == of)
    }
}

/// Why nobody here trusts it.
pub(super) fn fault(path: &Path<'_>, roots: &Roots<'_>) -> Option<Fault> {
    of_self_signed(path, roots)
        .or_else(|| of_other_key(path, roots))
        .or_else(|| Some(of_issuer(path, roots)))
}

pub(super) fn of_self_signed(path: &Path<'_>, roots: &Roots<'_>) -> Option<Fault> {
    let leaf = path.leaf();
    if !is_self_issued(leaf) {
        return None;
    }
    let (text, hint) = match (roots.has(leaf), leaf.is_ca()) {
        (false, _) => (
            "is self-signed, which no client trusts by itself",
            "get a certificate from a CA that browsers trust (Let's Encrypt gives them for nothing), or one from a CA of your own that clients trust",
        ),
        (true, true) => (
            "is self-signed and says that it is a CA's (CA:TRUE), so that not all clients take it as a server's own, though this system trusts it",
            "make it again with basicConstraints CA:FALSE, or better: get one from a CA that browsers trust",
        ),
        (true, false) => return None,
    };
    Some(Fault::new(Code::CertificateSelfSigned, text, hint))
}

/// A root has the name of the issuer, and another key: a CA that was made anew, or somebody who
/// calls himself so.
pub(super) fn of_other_key(path: &Path<'_>, roots: &Roots<'_>) -> Option<Fault> {
    let last = path.last();
    if roots.has(last) || !roots.has_name(last.issuer()) {
        return None;
    }
    let signed = |root: &&X509Certificate<'_>| path::is_signed_by(last, root) != Some(false);
    let mut same_name = roots
        .0
        .iter()
        .filter(|root| root.subject().as_raw() == last.issuer().as_raw());
    if same_name.any(|root| signed(&root)) {
        return None;
    }
    let name = path::name(last.issuer());
    Some(Fault::new(
        Code::CertificatePrivateRoot,
        format!(
            "is signed by {name}, and this system trusts an authority of that name with another key"
        ),
        "the authority may have been made anew: have clients trust its new root; if not, somebody poses as it",
    ))
}

fn of_issuer(path: &Path<'_>, roots: &Roots<'_>) -> Fault {
    let (leaf, last) = (path.leaf(), path.last());
    let name = path::name(last.issuer());
    if is_self_issued(last) {
        return if is_public(leaf) {
            Fault::new(
                Code::CertificateUnknownIssuer,
                format!("is signed by {name}, a root that this system does not have"),
                "update this system's list of roots (Debian: ca-certificates), and look at SSL_CERT_FILE",
            )
        } else {
            Fault::new(
                Code::CertificatePrivateRoot,
                format!(
                    "is signed by {name}, a root that is not a public one: TLS inspection or a private CA"
                ),
                PRIVATE,
            )
        };
    }
    let place = location(last);
    let idle = path.idle.first().map_or_else(String::new, |idle| {
        format!(
            "; what it sends besides, {}, did not sign it",
            path::name(idle.subject())
        )
    });
    if place.is_some() || roots.has_relative(last.issuer()) || is_public(leaf) {
        let at = place.map_or_else(String::new, |url| format!(" (it is at {url})"));
        return Fault::new(
            Code::CertificateIncomplete,
            format!("is signed by {name}, an intermediate that the server does not send{at}{idle}"),
            SEND_CHAIN,
        );
    }
    Fault::new(
        Code::CertificateUnknownIssuer,
        format!(
            "is signed by {name}, which this system does not know and the server does not send: an intermediate is missing, or it is TLS inspection or a private CA{idle}"
        ),
        EITHER,
    )
}

/// Where the issuer's certificate can be had (RFC 5280 4.2.2.1). Public CAs say so by HTTP.
fn location(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        access.iter().find_map(|description| {
            let issuers = description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2";
            match &description.access_location {
                GeneralName::URI(url) if issuers && url.starts_with("http") => Some(printable(url)),
                _ => None,
            }
        })
    })
}

/// Public CAs put a policy of the CA/Browser Forum into every certificate for servers, and the
/// stamps of transparency logs, which browsers insist on.
fn is_public(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .iter_extensions()
        .any(|extension| match extension.parsed_extension() {
            ParsedExtension::CertificatePolicies(policies) => policies
                .iter()
                .any(|policy| policy.policy_id.to_id_string().starts_with("2.23.140.1.")),
            ParsedExtension::SCT(stamps) => !stamps.is_empty(),
            _ => false,
        })
}
