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
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme,
};

use super::certificate;
use super::stream::io_error;
use crate::report::ErrorReport;
use crate::report::tls::{TlsReport, TlsVersion};
use crate::stun::uri::Host;

/// Makes a TLS connection. The certificate must be valid for the host.
///
/// # Errors
///
/// What is wrong, and what is known of the certificates all the same.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    host: &Host,
    stream: S,
) -> Result<(TlsStream<S>, TlsReport), (ErrorReport, Option<TlsReport>)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let config = config(Arc::clone(&seen))
        .await
        .map_err(|e| (ErrorReport::new("tls", e), None))?;
    let name = match host {
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            let message = format!("{name} cannot be in a certificate");
            (ErrorReport::new("tls", message), None)
        })?,
        Host::Ip(ip) => ServerName::from(*ip),
    };
    let connected = TlsConnector::from(config).connect(name, stream).await;
    let chain = certificate::chain(&seen.lock().map(|c| c.clone()).unwrap_or_default());
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
            Err((tls_error(&error, host), known))
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

fn tls_error(error: &io::Error, host: &Host) -> ErrorReport {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(tls) = tls else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => ErrorReport::new(
                "tls",
                "the server closed the connection during the TLS handshake",
            )
            .with_hint("check that this port speaks TLS, and that the server has a certificate"),
            _ => io_error(error),
        };
    };
    match tls {
        rustls::Error::InvalidCertificate(certificate) => certificate_error(certificate, host),
        rustls::Error::InvalidMessage(_) => {
            ErrorReport::new("tls", "what answers there does not speak TLS")
                .with_hint("check the port: TLS is usually on 5349 or 443")
        }
        other => ErrorReport::new("tls", format!("the TLS handshake failed: {other}"))
            .with_hint("look at the server's TLS versions and ciphers"),
    }
}

/// Rarer faults in words.
fn certificate_fault(error: &CertificateError) -> String {
    use CertificateError as C;
    match error {
        C::BadEncoding => "it cannot be read".to_owned(),
        C::BadSignature => "its signature is wrong".to_owned(),
        C::Revoked => "it has been revoked".to_owned(),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "it is not for servers".to_owned(),
        C::UnhandledCriticalExtension => "it has a critical extension that is not known".to_owned(),
        C::Other(error) => error.0.to_string(),
        other => other.to_string(),
    }
}

fn certificate_error(error: &CertificateError, host: &Host) -> ErrorReport {
    use CertificateError as C;
    match error {
        C::Expired | C::ExpiredContext { .. } => {
            ErrorReport::new("certificate-expired", "its certificate has expired")
                .with_hint("renew the certificate, and have the server load the new one; or mend this machine's clock")
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            ErrorReport::new("certificate-not-yet-valid", "its certificate is not valid yet")
                .with_hint("check the clocks of both machines")
        }
        C::NotValidForName | C::NotValidForNameContext { .. } => ErrorReport::new(
            "certificate-wrong-name",
            format!("its certificate is not for {host}"),
        )
        .with_hint("name the server as its certificate does, or get a certificate for this name"),
        C::UnknownIssuer => ErrorReport::new(
            "certificate-unknown-issuer",
            "its certificate is from an issuer that this system does not trust",
        )
        .with_hint("have the server send the intermediate certificates too; a private CA can be trusted with SSL_CERT_FILE"),
        other => ErrorReport::new(
            "certificate-not-accepted",
            format!("its certificate is not accepted: {}", certificate_fault(other)),
        )
        .with_hint("get a certificate that browsers accept"),
    }
}
