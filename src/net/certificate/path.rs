//! The certificates that a server sends, put in order from its own towards a root.

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use crate::base::words::printable;
use crate::net::certificate::MAX_CHAIN;

pub(super) struct Path<'a> {
    /// The server's own first; each is signed by the next.
    pub(super) all: Vec<X509Certificate<'a>>,
    /// What it sends besides, which signed none of these.
    pub(super) idle: Vec<X509Certificate<'a>>,
}

impl<'a> Path<'a> {
    pub(super) fn of(chain: &'a [CertificateDer<'_>]) -> Option<Self> {
        let mut idle: Vec<X509Certificate<'a>> = chain
            .iter()
            .take(MAX_CHAIN)
            .filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1))
            .collect();
        if idle.first()?.as_raw() != &*chain[0] {
            return None;
        }
        let mut all = vec![idle.remove(0)];
        // Some send their own twice.
        idle.retain(|other| other.as_raw() != all[0].as_raw());
        while let Some(last) = all.last().filter(|last| !is_self_issued(last))
            && let Some(place) = idle.iter().position(|other| may_have_signed(other, last))
        {
            all.push(idle.remove(place));
        }
        Some(Self { all, idle })
    }

    pub(super) fn leaf(&self) -> &X509Certificate<'a> {
        &self.all[0]
    }

    pub(super) fn last(&self) -> &X509Certificate<'a> {
        &self.all[self.all.len() - 1]
    }
}

pub(super) fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
        && is_signed_by(certificate, certificate) != Some(false)
}

fn may_have_signed(issuer: &X509Certificate<'_>, of: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == of.issuer().as_raw() && is_signed_by(of, issuer) != Some(false)
}

/// Whether the signature is of this key; `None` if the algorithm is not known here.
pub(super) fn is_signed_by(of: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Option<bool> {
    use x509_parser::error::X509Error;
    match of.verify_signature(Some(issuer.public_key())) {
        Ok(()) => Some(true),
        // A short RSA key fails whatever it signed.
        Err(X509Error::SignatureVerificationError) if !super::keys::is_short_rsa(issuer) => {
            Some(false)
        }
        Err(_) => None,
    }
}

pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    let text = name.iter_common_name().next()?.as_str().ok()?;
    Some(printable(text))
}

pub(super) fn organisation(name: &X509Name<'_>) -> Option<String> {
    let text = name.iter_organization().next()?.as_str().ok()?;
    Some(printable(text))
}

/// What people call it.
pub(super) fn name(name: &X509Name<'_>) -> String {
    common_name(name)
        .or_else(|| organisation(name))
        .unwrap_or_else(|| printable(&name.to_string()))
}
