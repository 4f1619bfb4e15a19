//! What is known of a TLS connection.

use serde::Serialize;

/// A TLS connection, or an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsReport {
    /// The version; `None` if the handshake did not succeed.
    pub version: Option<TlsVersion>,
    /// The certificates as the server sent them, its own first.
    pub chain: Vec<CertificateReport>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "tls-1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "tls-1.3")]
    Tls13,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateReport {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// DNS names and IP addresses that it is for.
    pub names: Vec<String>,
    /// Valid from, RFC 3339 in UTC.
    pub not_before: String,
    /// Valid until.
    pub not_after: String,
    /// The same two in seconds since 1970.
    #[serde(skip)]
    pub not_before_unix: u64,
    #[serde(skip)]
    pub not_after_unix: u64,
}
