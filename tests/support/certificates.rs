//! Certificates for TLS servers on loopback, good and bad.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// What the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For "localhost", 127.0.0.1 and ::1, from the known issuer.
    Good,
    /// The same, but it ended in 2020.
    Expired,
    /// The same, but it begins in 2100.
    NotYetValid,
    /// For "elsewhere.example".
    WrongName,
    /// For "localhost", from an issuer that the client does not know.
    UnknownIssuer,
}

/// A certification authority, and its certificate in a file for `SSL_CERT_FILE`. The file is
/// removed when the value is dropped.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn new() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let issuer = issuer("rtcdiag test authority")?;
        let name = format!(
            "rtcdiag-test-ca-{}-{}.pem",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let file = std::env::temp_dir().join(name);
        fs::write(&file, issuer.pem())?;
        Ok(Self { issuer, file })
    }

    /// For the environment variable `SSL_CERT_FILE`.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What a TLS server needs to show this certificate.
    ///
    /// # Errors
    ///
    /// The certificate cannot be made.
    pub fn server(&self, kind: Certificate) -> io::Result<Arc<ServerConfig>> {
        let (certificate, key) = self.certificate(kind)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(io::Error::other)?;
        Ok(Arc::new(config))
    }

    /// The same as PEM: the certificate and its key.
    ///
    /// # Errors
    ///
    /// The certificate cannot be made.
    pub fn pem(&self, kind: Certificate) -> io::Result<(String, String)> {
        let (certificate, key) = self.certificate(kind)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    fn certificate(&self, kind: Certificate) -> io::Result<(rcgen::Certificate, KeyPair)> {
        let names: &[&str] = match kind {
            Certificate::WrongName => &["elsewhere.example"],
            _ => &["localhost", "127.0.0.1", "::1"],
        };
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        if kind == Certificate::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        if kind == Certificate::NotYetValid {
            params.not_before = date_time_ymd(2100, 1, 1);
            params.not_after = date_time_ymd(2101, 1, 1);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let stranger;
        let signer = match kind {
            Certificate::UnknownIssuer => {
                stranger = issuer("a stranger")?;
                &stranger
            }
            _ => &self.issuer,
        };
        let certificate = params.signed_by(&key, signer).map_err(io::Error::other)?;
        Ok((certificate, key))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

fn issuer(name: &str) -> io::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
}
