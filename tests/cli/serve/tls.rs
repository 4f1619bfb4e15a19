//! `wss://`: certificates that are good, wrong, and no certificates at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};

use super::lab::Server;
use crate::support::program::{ERROR, anonymous, run};
use std::io::Read as _;
use std::time::Duration;

/// A folder for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("rtcdiag-serve-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("it can be made");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("it is written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate that is its own authority, and its key.
fn certificate(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn failing(cert: &Path, key: &Path) -> String {
    let args = ["--tls-cert", text(cert), "--tls-key", text(key)];
    let mut command = anonymous("serve --listen 127.0.0.1:0");
    command.args(args);
    let run = run(command);
    run.assert_code(ERROR);
    run.stderr
}

#[test]
fn urls_have_the_names_of_the_certificate_and_clients_verify_it() {
    let folder = Folder::new("good");
    let (cert, key) = certificate(&["localhost", "127.0.0.1", "*.example.org"]);
    let cert = folder.file("cert.pem", &cert);
    let key = folder.file("key.pem", &key);
    let files = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let args = [&files[..], &["--request-timeout", "0.5"]].concat();
    let server = Server::start(&args);
    let port = server.address.port();
    assert_eq!(server.listening["tls"], true);
    let urls = server.listening["urls"].as_array().expect("a list");
    assert_eq!(urls[0], format!("wss://localhost:{port}"));
    assert_eq!(urls.len(), 2, "{urls:?}");
    // A handshake that never ends, and HTTP without TLS.
    let began = Instant::now();
    let mut silent = server.connect();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(2));
    let stopped = server.stop();
    assert_eq!(stopped.result()["foreign_connections"], 1);
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let folder = Folder::new("bad");
    let (cert, key) = certificate(&["localhost"]);
    let (_, other_key) = certificate(&["localhost"]);
    let cert = folder.file("cert.pem", &cert);
    let good_key = folder.file("key.pem", &key);
    let other_key = folder.file("other.pem", &other_key);
    let empty = folder.file("empty.pem", "");
    let cut = folder.file("cut.pem", &key[..key.len() / 2]);
    let secret =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = folder.file("encrypted.pem", secret);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = folder.file("broken.pem", broken);
    let missing = folder.0.join("missing.pem");
    for (cert, key, guilty, part) in [
        (&missing, &good_key, &missing, "cannot read"),
        (&cert, &missing, &missing, "cannot read"),
        (&empty, &good_key, &empty, "it is empty"),
        (&good_key, &good_key, &good_key, "no certificate"),
        (&broken, &good_key, &broken, "certificate"),
        (&cert, &empty, &empty, "it is empty"),
        (&cert, &cut, &cut, "private key"),
        (&cert, &encrypted, &encrypted, "password"),
        (&cert, &other_key, &other_key, "does not belong"),
    ] {
        let said = failing(cert, key);
        assert!(said.contains(text(guilty)) && said.contains(part), "{said}");
    }
}

/// Whether a client that trusts this certificate alone gets through.
fn shows(server: &Server, certificate: &str) -> bool {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, crypto};
    let mut trusted = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
    trusted.add(certificate.expect("PEM")).expect("a root");
    let provider = std::sync::Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let mut client = ClientConnection::new(config.into(), name).expect("a client");
    let mut wire = server.connect();
    client.complete_io(&mut wire).is_ok()
}

#[cfg(unix)]
#[test]
fn certificates_are_read_again_on_sighup_and_bad_ones_are_not_taken() {
    let folder = Folder::new("renewed");
    let (first, key) = certificate(&["localhost"]);
    let cert = folder.file("cert.pem", &first);
    let key = folder.file("key.pem", &key);
    let files = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let server = Server::start(&files);
    assert!(shows(&server, &first));
    folder.file("cert.pem", "no certificate at all");
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(200));
    assert!(shows(&server, &first), "the old one stays");
    let (other, other_key) = certificate(&["localhost"]);
    folder.file("cert.pem", &other);
    folder.file("key.pem", &other_key);
    server.signal("HUP");
    let began = Instant::now();
    while !shows(&server, &other) {
        assert!(began.elapsed() < super::lab::PATIENCE, "it is not renewed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!shows(&server, &first));
    let stopped = server.stop();
    assert_eq!(stopped.code, 0);
    let log = stopped.stderr;
    assert!(
        log.contains("stay as they were: ") && log.contains("cert.pem"),
        "{log}"
    );
    assert!(log.contains("have been read again"), "{log}");
}

#[cfg(unix)]
#[test]
fn pipes_and_huge_files_are_no_certificates() {
    let folder = Folder::new("odd");
    let (cert, key) = certificate(&["localhost"]);
    let cert = folder.file("cert.pem", &cert);
    let key = folder.file("key.pem", &key);
    let pipe = folder.0.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let huge = folder.file("huge.pem", &"x".repeat(2 << 20));
    for (cert, key, part) in [
        (&pipe, &key, "not a regular file"),
        (&cert, &pipe, "not a regular file"),
        (&cert, &huge, "too large"),
    ] {
        let said = failing(cert, key);
        assert!(said.contains(part), "{said}");
    }
}
