//! `wss://`: certificates that are good, wrong, and no certificates at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};

use crate::lab::{Server, program};
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
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    let output = command.args(args).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).expect("UTF-8")
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
        (&empty, &good_key, &empty, "no certificate"),
        (&good_key, &good_key, &good_key, "no certificate"),
        (&broken, &good_key, &broken, "certificate"),
        (&cert, &empty, &empty, "no private key"),
        (&cert, &cut, &cut, "private key"),
        (&cert, &encrypted, &encrypted, "password"),
        (&cert, &other_key, &other_key, "does not belong"),
    ] {
        let said = failing(cert, key);
        assert!(said.contains(text(guilty)) && said.contains(part), "{said}");
    }
}
