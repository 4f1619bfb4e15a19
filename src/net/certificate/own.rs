//! The certificate that this side shows in DTLS: made for one session, signed by itself, and told to the other side by its hash
//! (RFC 8842 5.1).

use dimpl::DtlsCertificate;
use rcgen::{CertificateParams, KeyPair};

use crate::proto::data_channel::fingerprint::Fingerprint;

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity(DtlsCertificate);

impl Identity {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.certificate)
    }

    pub fn into_certificate(self) -> DtlsCertificate {
        self.0
    }
}

/// A new one, by the system's random numbers. Fails if the system gives none.
pub fn make() -> Result<Identity, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = CertificateParams::default()
        .self_signed(&key)
        .map_err(|error| error.to_string())?;
    Ok(Identity(DtlsCertificate {
        certificate: certificate.der().to_vec(),
        private_key: key.serialize_der(),
    }))
}
