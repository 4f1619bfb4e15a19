//! What a certificate says, for the report.

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::report::tls::CertificateReport;
use crate::stun::message::printable;

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

fn report(certificate: &X509Certificate<'_>) -> CertificateReport {
    let names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| {
            let names = extension.value.general_names.iter();
            names.filter_map(name).take(MAX_NAMES).collect()
        })
        .unwrap_or_default();
    CertificateReport {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        names,
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
        not_after_unix: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0),
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
