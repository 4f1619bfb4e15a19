//! TLS to a server: certificates are verified by the system's rules, and kept for the report, also
//! where they are refused.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::tls::{TlsReport, TlsVersion};
use crate::net::certificate;
use crate::net::stream::io_error;
use crate::proto::stun::uri::Host;

/// Makes a TLS connection. The certificate must be valid for the host.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    host: &Host,
    stream: S,
) -> Result<(TlsStream<S>, TlsReport), (ErrorReport, Option<TlsReport>)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let config = config(Arc::clone(&seen))
        .await
        .map_err(|e| (ErrorReport::new(Code::Tls, e), None))?;
    let name = match host {
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            let message = format!("{name} cannot be in a certificate");
            (ErrorReport::new(Code::Tls, message), None)
        })?,
        Host::Ip(ip) => ServerName::from(*ip),
    };
    let connected = TlsConnector::from(config).connect(name, stream).await;
    let seen = seen.lock().map(|c| c.clone()).unwrap_or_default();
    let chain = certificate::chain(&seen);
    match connected {
        Ok(stream) => {
            let (_, connection) = stream.get_ref();
            let version = connection.protocol_version().map(version_name);
            let report = TlsReport { version, chain };
            Ok((stream, report))
        }
        Err(error) => {
            let report = TlsReport {
                version: None,
                chain,
            };
            let known = (!report.chain.is_empty()).then_some(report);
            Err((tls_error(error, host, seen).await, known))
        }
    }
}

/// These two are all that is offered.
const fn version_name(version: rustls::ProtocolVersion) -> TlsVersion {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    }
}

async fn config(
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
) -> Result<Arc<ClientConfig>, String> {
    // Reading hundreds of certificates takes milliseconds in which nothing else could be answered.
    let inner = tokio::task::spawn_blocking(verifier)
        .await
        .map_err(|e| e.to_string())??;
    let verifier = Arc::new(Recorder { inner, seen });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("cannot set TLS up: {e}"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The system's certificates, loaded once and only if TLS is used.
fn verifier() -> Result<Arc<Verifier>, String> {
    static VERIFIER: OnceLock<Result<Arc<Verifier>, String>> = OnceLock::new();
    VERIFIER
        .get_or_init(|| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            Verifier::new(provider)
                .map(Arc::new)
                .map_err(|e| format!("cannot set up certificate verification: {e}"))
        })
        .clone()
}

/// Keeps what the server shows, and leaves the verdict to the system's verifier.
#[derive(Debug)]
struct Recorder {
    inner: Arc<Verifier>,
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut seen) = self.seen.lock() {
            *seen = std::iter::once(end_entity)
                .chain(intermediates)
                .map(|c| c.clone().into_owned())
                .collect();
        }
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

async fn tls_error(
    error: io::Error,
    host: &Host,
    seen: Vec<CertificateDer<'static>>,
) -> ErrorReport {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(tls) = tls else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => ErrorReport::new(
                Code::Tls,
                "the server closed the connection during the TLS handshake",
            )
            .with_hint("check that this port speaks TLS, and that the server has a certificate"),
            _ => io_error(&error),
        };
    };
    match tls {
        rustls::Error::InvalidCertificate(fault) => {
            let (fault, host) = (fault.clone(), host.clone());
            // It reads the roots again, which takes milliseconds.
            let told =
                tokio::task::spawn_blocking(move || certificate::explain(&seen, &host, &fault));
            told.await
                .unwrap_or_else(|e| ErrorReport::new(Code::Tls, e.to_string()))
        }
        rustls::Error::InvalidMessage(_) => {
            ErrorReport::new(Code::Tls, "what answers there does not speak TLS")
                .with_hint("check the port: TLS is usually on 5349 or 443")
        }
        other => seen
            .first()
            .and_then(|own| certificate::of_foreign_key(own))
            .unwrap_or_else(|| {
                ErrorReport::new(Code::Tls, format!("the TLS handshake failed: {other}"))
                    .with_hint("look at the server's TLS versions and ciphers")
            }),
    }
}
