//! Certificate and key of a server, from PEM files (RFC 7468).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::net::certificate;

/// More than any chain with its key.
const MOST_BYTES: u64 = 1 << 20;

/// What tells that files have changed; `None` for one that is not there.
pub(super) type Stamp = [Option<(SystemTime, u64)>; 2];

#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate, then those that lead to its issuer.
    pub chain: PathBuf,
    /// The private key, without a password.
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateFilesError {
    #[error("cannot read {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{}: {problem}", path.display())]
    Wrong { path: PathBuf, problem: String },
}

impl CertificateFiles {
    /// The names and addresses that the certificate is for; none if it cannot be read.
    pub fn names(&self) -> Vec<String> {
        let chain = self.read_chain().unwrap_or_default();
        let own = certificate::chain(&chain).into_iter().next();
        own.map(|certificate| certificate.names).unwrap_or_default()
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, CertificateFilesError> {
        let chain = self.read_chain()?;
        let key = self.read_key()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| self.blame(&error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    pub(super) fn stamp(&self) -> Stamp {
        [&self.chain, &self.key].map(|path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }

    fn read_chain(&self) -> Result<Vec<CertificateDer<'static>>, CertificateFilesError> {
        let text = read(&self.chain)?;
        let chain = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(&self.chain, pem_problem(&error, "certificate")))?;
        if chain.is_empty() {
            let problem = "there is no certificate in it (-----BEGIN CERTIFICATE-----)";
            return Err(wrong(&self.chain, problem));
        }
        Ok(chain)
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, CertificateFilesError> {
        let text = read(&self.key)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
            let encrypted = b"ENCRYPTED PRIVATE KEY";
            let problem = if text.windows(encrypted.len()).any(|part| part == encrypted) {
                "the private key has a password; remove it with 'openssl pkey'".to_owned()
            } else {
                pem_problem(&error, "private key")
            };
            wrong(&self.key, problem)
        })
    }

    /// The file that an error of rustls is about.
    fn blame(&self, error: &rustls::Error) -> CertificateFilesError {
        match error {
            rustls::Error::InconsistentKeys(_) => wrong(
                &self.key,
                format!(
                    "the private key does not belong to the certificate in {}",
                    self.chain.display()
                ),
            ),
            rustls::Error::InvalidCertificate(_) => wrong(
                &self.chain,
                format!("the certificate cannot be used: {error}"),
            ),
            _ => wrong(
                &self.key,
                format!("the private key cannot be used: {error}"),
            ),
        }
    }
}

fn wrong(path: &Path, problem: impl Into<String>) -> CertificateFilesError {
    CertificateFilesError::Wrong {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

fn pem_problem(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {wanted} in it; PEM is expected"),
        _ => format!("it is not a PEM file with a {wanted}: {error}"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateFilesError> {
    let unreadable = |error| CertificateFilesError::Unreadable {
        path: path.to_owned(),
        error,
    };
    // Reading a pipe would wait for whoever writes to it, and it could not be read again.
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(wrong(path, "it is not a regular file"));
    }
    // So are the files of a kernel, of which some are read without end.
    if about.len() == 0 {
        return Err(wrong(path, "it is empty"));
    }
    if about.len() > MOST_BYTES {
        return Err(wrong(path, "it is too large for a PEM file"));
    }
    std::fs::read(path).map_err(unreadable)
}
