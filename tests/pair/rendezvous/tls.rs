//! `wss://`: certificates are verified as everywhere else.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rtcdiag::base::codes::Code;
use rtcdiag::net::rendezvous::client::Event;
use rtcdiag::net::servers::rendezvous::{CertificateFiles, Options};

use crate::support::rendezvous::{Running, connect, run, target};

/// Set for the process that trusts the authority of this test and of no other.
const FOLDER: &str = "RTCDIAG_TEST_FOLDER";

/// Which certificates are trusted is read from the environment, which no test may change for the
/// others: the clients are in a process of their own.
#[test]
fn certificates_are_verified() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return run(as_clients(Path::new(&folder)));
    }
    let folder = std::env::temp_dir().join(format!("rtcdiag-wss-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("it can be made");
    let authority = write_certificates(&folder);
    let own = std::env::current_exe().expect("it has a path");
    let output = Command::new(own)
        .args(["rendezvous::tls::certificates_are_verified", "--exact"])
        .env(FOLDER, &folder)
        .env("SSL_CERT_FILE", authority)
        .output()
        .expect("it runs");
    std::fs::remove_dir_all(&folder).expect("it was there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

async fn as_clients(folder: &Path) {
    for (name, outcome) in [
        ("good", None),
        ("expired", Some("certificate-expired")),
        ("elsewhere", Some("certificate-wrong-name")),
        ("stranger", Some("certificate-unknown-issuer")),
    ] {
        let tls = CertificateFiles {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        let options = Options {
            tls: Some(tls),
            ..Options::default()
        };
        let server = Running::with(options, 0);
        let port = server.address.port();
        let joined = connect(target(&format!("wss://localhost:{port}"), 1)).await;
        match (joined, outcome) {
            (Ok(mut a), None) => {
                assert_eq!(a.next().await, Some(Event::Joined { peer: Some(false) }));
                let b = connect(target(&format!("wss://127.0.0.1:{port}"), 2)).await;
                b.expect("the address is in the certificate");
                let plain = connect(target(&format!("ws://127.0.0.1:{port}"), 3)).await;
                let error = plain.expect_err("no TLS where TLS belongs");
                assert_eq!(error.code, Code::NotARendezvous, "{error:?}");
            }
            (Err(error), Some(code)) => assert_eq!(error.code.name(), code, "{name}: {error:?}"),
            (joined, _) => panic!("{name}: {joined:?}"),
        }
    }
}

/// All that are needed, and the file of the authority.
fn write_certificates(folder: &Path) -> PathBuf {
    let (known, stranger) = (issuer("known"), issuer("a stranger"));
    for (name, host, issuer, years) in [
        ("good", "localhost", &known, 2020..2100),
        ("expired", "localhost", &known, 2019..2020),
        ("elsewhere", "elsewhere.example", &known, 2020..2100),
        ("stranger", "localhost", &stranger, 2020..2100),
    ] {
        let names = vec![host.to_owned(), "127.0.0.1".to_owned()];
        let names = if host == "localhost" {
            names
        } else {
            names[..1].to_vec()
        };
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        let write = |ending: &str, text: String| {
            let path = folder.join(format!("{name}.{ending}"));
            std::fs::write(path, text).expect("it is written");
        };
        write("pem", certificate.pem());
        write("key", key.serialize_pem());
    }
    let path = folder.join("authority.pem");
    std::fs::write(&path, known.pem()).expect("it is written");
    path
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}
