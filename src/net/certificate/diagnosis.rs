//! Why a server's certificate is not accepted, from the chain that it showed.
//!
//! The verifier names one fault, and that one comes first; what is wrong besides is said too, since
//! whoever mends the one only would be told of the next.

use tokio_rustls::rustls::CertificateError;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::words::listed;
use crate::net::certificate::path::Path;
use crate::net::certificate::{keys, names_of, path, time, trust};
use crate::proto::stun::uri::Host;

/// One thing that is wrong: what follows "its certificate".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) hint: &'static str,
}

impl Fault {
    pub(super) fn new(code: Code, text: impl Into<String>, hint: &'static str) -> Self {
        let text = text.into();
        Self { code, text, hint }
    }
}

const RENEW: &str =
    "renew the certificate, and have the server load the new one; or correct this machine's clock";
const CLOCKS: &str = "check the clocks of both machines";
const NEW_ONE: &str =
    "get a certificate that browsers accept (Let's Encrypt gives them for nothing)";
const OTHER_NAME: &str =
    "name the server as its certificate does, or get a certificate for this name";

const ANOTHER: &str = "something else may answer in the server's place: a captive portal until somebody logs in, a gateway, or whatever the name leads to; if it is the server, it needs a certificate for this name that clients trust";

/// What is wrong with the chain that a host showed, given the verifier's error, the time in seconds
/// since 1970, and the roots that this system trusts.
pub(super) fn explain(
    chain: &[CertificateDer<'_>],
    host: &Host,
    error: &CertificateError,
    now: i64,
    roots: &[CertificateDer<'_>],
) -> ErrorReport {
    let Some(path) = Path::of(chain) else {
        return report(&unread(error), &[]);
    };
    let trusted = trust::Roots::new(roots);
    let found = Faults {
        path: &path,
        leaf: &chain[0],
        host,
        now,
        trusted,
    };
    let main = found.main(error);
    report(&main, &found.besides(&main))
}

fn report(main: &Fault, besides: &[Fault]) -> ErrorReport {
    let mut message = format!("its certificate {}", main.text);
    for fault in besides {
        message.push_str(", and it ");
        message.push_str(&fault.text);
    }
    // Neither the name nor a trusted authority: nothing shows that it is that server's at all.
    let is_of_nobody = matches!(
        main.code,
        Code::CertificateSelfSigned | Code::CertificatePrivateRoot | Code::CertificateUnknownIssuer
    ) && besides.iter().any(|fault| fault.hint == OTHER_NAME);
    let hint = if is_of_nobody { ANOTHER } else { main.hint };
    ErrorReport::new(main.code, message).with_hint(hint)
}

struct Faults<'a> {
    path: &'a Path<'a>,
    leaf: &'a CertificateDer<'a>,
    host: &'a Host,
    now: i64,
    trusted: trust::Roots<'a>,
}

impl Faults<'_> {
    fn main(&self, error: &CertificateError) -> Fault {
        use CertificateError as C;
        let found = match error {
            C::Expired
            | C::ExpiredContext { .. }
            | C::NotValidYet
            | C::NotValidYetContext { .. } => self.of_time(&self.path.all),
            C::NotValidForName | C::NotValidForNameContext { .. } => self.of_name(),
            C::UnknownIssuer => trust::fault(self.path, &self.trusted),
            C::BadSignature => keys::of_key(self.path.leaf())
                .or_else(|| trust::of_other_key(self.path, &self.trusted)),
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => self.of_purpose(),
            C::UnhandledCriticalExtension => self.of_extension(),
            _ => None,
        };
        found
            .or_else(|| self.of_form())
            .unwrap_or_else(|| unread(error))
    }

    /// What needs no verifier to be seen.
    fn of_form(&self) -> Option<Fault> {
        self.of_version()
            .or_else(|| trust::of_self_signed(self.path, &self.trusted))
            .or_else(|| self.of_authority())
            .or_else(|| self.of_purpose())
            .or_else(|| self.of_extension())
            .or_else(|| keys::of_signatures(self.path))
            .or_else(|| keys::of_key(self.path.leaf()))
    }

    fn besides(&self, main: &Fault) -> Vec<Fault> {
        let all = [
            trust::of_self_signed(self.path, &self.trusted),
            self.of_time(&self.path.all[..1]),
            self.of_version(),
            self.of_name(),
            keys::of_signatures(self.path),
        ];
        let known =
            |fault: &Fault| fault.code == main.code && fault.code != Code::CertificateNotAccepted;
        let mut besides: Vec<Fault> = all.into_iter().flatten().collect();
        besides.retain(|fault| !known(fault) && fault.text != main.text);
        // A certificate of version 1 can have no names.
        if besides
            .iter()
            .chain([main])
            .any(|fault| fault.text.contains("version 1"))
        {
            besides.retain(|fault| fault.code != Code::CertificateWrongName);
        }
        besides
    }

    fn of_time(&self, certificates: &[X509Certificate<'_>]) -> Option<Fault> {
        certificates.iter().enumerate().find_map(|(place, certificate)| {
            let (from, until) = (certificate.validity().not_before, certificate.validity().not_after);
            let whose = if place == 0 {
                String::new()
            } else {
                format!("is signed by {}, whose own certificate ", path::name(certificate.subject()))
            };
            if until.timestamp() < self.now {
                let text = format!("{whose}has expired (on {})", day(&time(until)));
                Some(Fault::new(Code::CertificateExpired, text, RENEW))
            } else if from.timestamp() > self.now {
                let text = format!(
                    "{whose}is not valid yet: it begins on {}, and this machine's clock says {}",
                    day(&time(from)),
                    day(&crate::base::time::rfc3339(u64::try_from(self.now).unwrap_or(0)))
                );
                Some(Fault::new(Code::CertificateNotYetValid, text, CLOCKS))
            } else {
                None
            }
        })
    }

    fn of_name(&self) -> Option<Fault> {
        let wanted = match self.host {
            Host::Name(name) => ServerName::try_from(name.as_str()).ok()?,
            Host::Ip(ip) => ServerName::from(*ip),
        };
        let parsed = ParsedCertificate::try_from(self.leaf).ok()?;
        verify_server_name(&parsed, &wanted).err()?;
        Some(self.wrong_name())
    }

    fn wrong_name(&self) -> Fault {
        let host = self.host;
        let names = names_of(self.path.leaf());
        let common = path::common_name(self.path.leaf().subject());
        let as_text = host.to_string();
        let text = match (&names[..], common) {
            ([], Some(common)) => {
                return Fault::new(
                    Code::CertificateWrongName,
                    format!(
                        "has its name in the common name alone (CN={common}), which clients no longer read, and no subjectAltName"
                    ),
                    "get a certificate that has the name in subjectAltName",
                );
            }
            ([], None) => format!("is not for {host}: it has no name at all"),
            (names, _) if matches!(host, Host::Ip(_)) && names.contains(&as_text) => {
                format!(
                    "is not for {host}: it has that address as a DNS name, not as an IP address"
                )
            }
            (names, _) => format!("is not for {host}, but for {}", short_list(names)),
        };
        Fault::new(Code::CertificateWrongName, text, OTHER_NAME)
    }

    fn of_version(&self) -> Option<Fault> {
        let version = self.path.leaf().version();
        (version != X509Version::V3).then(|| {
            Fault::new(
                Code::CertificateNotAccepted,
                format!("is an X.509 certificate of version {}, which clients no longer accept: version 3 alone can have names of hosts", version.0 + 1),
                "make it again with extensions (version 3, subjectAltName)",
            )
        })
    }

    fn of_authority(&self) -> Option<Fault> {
        self.path.leaf().is_ca().then(|| {
            Fault::new(
                Code::CertificateNotAccepted,
                "is that of a certification authority (CA:TRUE), which must not be a server's own",
                "make a certificate for the server, signed by that authority (basicConstraints CA:FALSE)",
            )
        })
    }

    fn of_purpose(&self) -> Option<Fault> {
        let usage = self.path.leaf().extended_key_usage().ok()??.value;
        (!usage.server_auth).then(|| {
            let what = if usage.client_auth {
                ", but for clients"
            } else {
                ""
            };
            Fault::new(
                Code::CertificateNotAccepted,
                format!("is not for servers{what}: its extended key usage lacks serverAuth"),
                "get a certificate for servers (extendedKeyUsage serverAuth)",
            )
        })
    }

    fn of_extension(&self) -> Option<Fault> {
        /// Those that verifiers read, below 2.5.29.
        const KNOWN: [&str; 6] = ["15", "17", "19", "30", "31", "37"];
        let of_one = |certificate: &X509Certificate<'_>| {
            certificate.iter_extensions().find_map(|extension| {
                let id = extension.oid.to_id_string();
                let known = id
                    .strip_prefix("2.5.29.")
                    .is_some_and(|last| KNOWN.contains(&last));
                (extension.critical && !known).then(|| extension_name(&id))
            })
        };
        let name = self.path.all.iter().find_map(of_one)?;
        Some(Fault::new(
            Code::CertificateNotAccepted,
            format!("has a critical extension that clients do not know ({name})"),
            "have it issued without that extension, or with it not critical",
        ))
    }
}

fn extension_name(id: &str) -> String {
    match id {
        "2.5.29.32" => "certificate policies".to_owned(),
        "2.5.29.36" => "policy constraints".to_owned(),
        "2.5.29.54" => "inhibit any-policy".to_owned(),
        "1.3.6.1.5.5.7.1.24" => "TLS feature, also called must-staple".to_owned(),
        "1.3.6.1.4.1.11129.2.4.3" => "that of a precertificate".to_owned(),
        other => format!("OID {other}"),
    }
}

/// What the verifier alone knows.
fn unread(error: &CertificateError) -> Fault {
    use CertificateError as C;
    let text = match error {
        C::Other(error) if error.0.to_string().contains("NameConstraint") => {
            return Fault::new(
                Code::CertificateNotAccepted,
                "is for a name that its authority may not sign for (name constraints)",
                "get a certificate from an authority that may sign for this name",
            );
        }
        C::Other(error) if error.0.to_string().contains("EndEntityUsedAsCa") => {
            return Fault::new(
                Code::CertificateNotAccepted,
                "is signed by a certificate that is no authority's (CA:FALSE)",
                "sign it with an authority's own certificate (basicConstraints CA:TRUE)",
            );
        }
        C::BadEncoding => "cannot be read".to_owned(),
        C::BadSignature => "has a wrong signature".to_owned(),
        C::Revoked => "has been revoked".to_owned(),
        C::UnknownIssuer => {
            return Fault::new(
                Code::CertificateUnknownIssuer,
                "is from an issuer that this system does not trust",
                NEW_ONE,
            );
        }
        C::Other(error) => format!("is not accepted: {}", error.0),
        other => format!("is not accepted: {other}"),
    };
    Fault::new(Code::CertificateNotAccepted, text, NEW_ONE)
}

fn day(rfc3339: &str) -> &str {
    rfc3339.split('T').next().unwrap_or(rfc3339)
}

/// A certificate of a CDN has hundreds.
fn short_list(names: &[String]) -> String {
    const MOST: usize = 4;
    if names.len() <= MOST {
        return listed(names);
    }
    let shown = names[..MOST - 1].join(", ");
    format!("{shown} and {} others", names.len() - (MOST - 1))
}

/// What is wrong with the key of a certificate that was seen outside a handshake.
pub fn of_foreign_key(der: &[u8]) -> Option<ErrorReport> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    keys::of_key(&certificate).map(|fault| report(&fault, &[]))
}
