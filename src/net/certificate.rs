//! What a certificate says, for the report, and why it is not accepted.

mod diagnosis;
mod keys;
pub mod own;
mod path;
mod trust;

use jiff::Timestamp;
use tokio_rustls::rustls::CertificateError;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::base::report::ErrorReport;
use crate::base::tls::CertificateReport;
use crate::base::words::printable;
use crate::net::clock::Clock;
use crate::proto::stun::uri::Host;

pub use diagnosis::of_foreign_key;

/// More is no chain that anybody sends.
const MAX_CHAIN: usize = 10;
const MAX_NAMES: usize = 20;

/// The certificates as the server sent them, its own first; those that cannot be read are left out.
pub fn chain(certificates: &[CertificateDer<'_>]) -> Vec<CertificateReport> {
    certificates
        .iter()
        .take(MAX_CHAIN)
        .filter_map(|der| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            Some(report(&certificate))
        })
        .collect()
}

/// Why the verifier does not accept what a host showed, in words. It may read this system's roots.
pub fn explain(chain: &[CertificateDer<'_>], host: &Host, error: &CertificateError) -> ErrorReport {
    let now = i64::try_from(Clock::start().unix_now()).unwrap_or(i64::MAX);
    let roots = rustls_native_certs::load_native_certs().certs;
    diagnosis::explain(chain, host, error, now, &roots)
}

/// DNS names and IP addresses that it is for.
fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| {
        let names = extension.value.general_names.iter();
        names.filter_map(name).take(MAX_NAMES).collect()
    });
    names.unwrap_or_default()
}

fn report(certificate: &X509Certificate<'_>) -> CertificateReport {
    let unix = |at: ASN1Time| u64::try_from(at.timestamp()).unwrap_or(0);
    CertificateReport {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        names: names_of(certificate),
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
        not_before_unix: unix(certificate.validity().not_before),
        not_after_unix: unix(certificate.validity().not_after),
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => {
            let ip: std::net::IpAddr = match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok()?.into(),
                16 => <[u8; 16]>::try_from(*bytes).ok()?.into(),
                _ => return None,
            };
            Some(ip.to_string())
        }
        _ => None,
    }
}

/// RFC 3339, UTC.
fn time(time: ASN1Time) -> String {
    // "No end" is written as the last second of the year 9999, which lies beyond jiff's range.
    let last = Timestamp::MAX.as_second();
    let seconds = time.timestamp().clamp(Timestamp::MIN.as_second(), last);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
