//! Keys and signatures that are too weak, or of a kind that clients do not know.

use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

use crate::base::codes::Code;
use crate::net::certificate::diagnosis::Fault;
use crate::net::certificate::path::{Path, is_self_issued};

/// What verifiers want of RSA.
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

const OTHER_KEY: &str = "get a certificate with a key that browsers accept: ECDSA with P-256 or P-384, or RSA with 2048 bits or more";

pub(super) fn is_short_rsa(certificate: &X509Certificate<'_>) -> bool {
    rsa_bits(certificate).is_some_and(|bits| bits < MIN_RSA_BITS)
}

fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => {
            let mut modulus = key.modulus;
            while let [0, rest @ ..] = modulus {
                modulus = rest;
            }
            Some(modulus.len() * 8)
        }
        _ => None,
    }
}

/// A key that browsers and this program do not take.
pub(super) fn of_key(certificate: &X509Certificate<'_>) -> Option<Fault> {
    let text = match rsa_bits(certificate) {
        Some(bits) if bits < MIN_RSA_BITS => {
            format!("has an RSA key of {bits} bits, which is too weak")
        }
        Some(bits) if bits > MAX_RSA_BITS => {
            format!("has an RSA key of {bits} bits, which is longer than clients accept")
        }
        Some(_) => return None,
        None => {
            let kind = kind_of_key(certificate)?;
            format!("has a {kind} key, a type of key that Chrome and rtcdiag do not accept")
        }
    };
    Some(Fault::new(Code::CertificateNotAccepted, text, OTHER_KEY))
}

fn kind_of_key(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let algorithm = &certificate.public_key().algorithm;
    let curve = || {
        let parameters = algorithm.parameters.as_ref()?;
        Some(parameters.as_oid().ok()?.to_id_string())
    };
    match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.2.1" => match curve().as_deref() {
            Some("1.2.840.10045.3.1.7" | "1.3.132.0.34") => None,
            Some("1.3.132.0.35") => Some("P-521"),
            Some("1.3.132.0.10") => Some("secp256k1"),
            Some(id) if id.starts_with("1.3.36.3.3.2.8.1.1.") => Some("Brainpool"),
            _ => Some("ECDSA (on a rare curve)"),
        },
        "1.3.101.112" => Some("Ed25519"),
        "1.3.101.113" => Some("Ed448"),
        "1.2.840.10040.4.1" => Some("DSA"),
        "1.2.840.113549.1.1.10" => Some("RSA-PSS"),
        _ => None,
    }
}

/// Signatures in the chain that clients do not accept. That of a root is not looked at by anybody.
pub(super) fn of_signatures(path: &Path<'_>) -> Option<Fault> {
    path.all.iter().enumerate().find_map(|(place, certificate)| {
        if place > 0 && is_self_issued(certificate) {
            return None;
        }
        let weak = weak_signature(&certificate.signature_algorithm.algorithm.to_id_string())?;
        let text = if place == 0 {
            format!("is signed with {weak}, which clients no longer accept")
        } else {
            let name = super::path::name(certificate.subject());
            format!("is signed by {name}, whose own certificate is signed with {weak}, which clients no longer accept")
        };
        Some(Fault::new(
            Code::CertificateNotAccepted,
            text,
            "have it issued again with SHA-256",
        ))
    })
}

fn weak_signature(id: &str) -> Option<&'static str> {
    match id {
        "1.2.840.113549.1.1.2" => Some("MD2"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => {
            Some("SHA-1")
        }
        _ => None,
    }
}
