//! coturn as a TURN server, and what it and its clients need: certificates, users, secrets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde::Deserialize;

/// One coturn. Where nothing is said: at the server's first address with the user `ann`, over UDP, TCP and TLS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    pub addresses: Vec<String>,
    pub port: u16,
    pub tls_port: u16,
    pub certificate: Certificate,
    /// More addresses that the certificate is for.
    pub certified: Vec<String>,
    pub who: Who,
    /// More flags.
    pub args: Vec<String>,
}

impl Default for Turn {
    fn default() -> Turn {
        Turn {
            addresses: vec!["203.0.113.10".to_owned()],
            port: 3478,
            tls_port: 5349,
            certificate: Certificate::Good,
            certified: Vec::new(),
            who: Who::Users,
            args: Vec::new(),
        }
    }
}

/// Who may use it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// `ann`, with a password.
    Users,
    /// Whoever has credentials made from the secret.
    Secret,
    Everybody,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// For all the server's addresses, from the authority that the client trusts.
    Good,
    /// The same, but it ended in 2020.
    Expired,
    /// It begins in 2100.
    NotYetValid,
    /// For an address that is not the server's.
    WrongName,
    /// From an authority that nobody knows.
    UnknownIssuer,
    /// None, and no TLS.
    None,
}

pub const USER: &str = "ann";
pub const PASSWORD: &str = "sesame-4711";
pub const SECRET: &str = "north-0815";
/// Neither the one nor the other.
pub const WRONG: &str = "guess-1234";
const REALM: &str = "example.org";

/// The file in the lab's directory with the authority that the client trusts.
pub const AUTHORITY: &str = "authority.pem";

/// Starts it. `ip netns exec` becomes the program, so the child's id is that of turnserver itself.
pub fn start(namespace: &str, scratch: &Path, number: usize, turn: &Turn) -> Result<Child, String> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "turnserver", "-n"]);
    command.args(["--no-cli", "--no-dtls", "--log-file=stdout"]);
    command.arg("--relay-threads=1");
    command.arg(format!("--realm={REALM}"));
    match turn.who {
        Who::Users => {
            command.arg("--lt-cred-mech");
            command.arg(format!("--user={USER}:{PASSWORD}"));
        }
        Who::Secret => {
            command.arg("--use-auth-secret");
            command.arg(format!("--static-auth-secret={SECRET}"));
        }
        Who::Everybody => {
            command.arg("--no-auth");
        }
    }
    if turn.certificate == Certificate::None {
        command.arg("--no-tls");
    } else {
        let (certificate, key) = certify(scratch, number, turn)?;
        command.arg(format!("--tls-listening-port={}", turn.tls_port));
        command.arg(format!("--cert={}", certificate.display()));
        command.arg(format!("--pkey={}", key.display()));
    }
    command.arg(format!("--listening-port={}", turn.port));
    command.arg(format!(
        "--pidfile={}",
        scratch.join(format!("pid{number}")).display()
    ));
    command.arg(format!(
        "--db={}",
        scratch.join(format!("db{number}")).display()
    ));
    for address in &turn.addresses {
        command.arg(format!("--listening-ip={address}"));
    }
    command.args(&turn.args);
    command.stdin(Stdio::null());
    let log = fs::File::create(scratch.join(format!("log{number}"))).map_err(|e| e.to_string())?;
    command.stdout(log).stderr(Stdio::null());
    command.spawn().map_err(|e| format!("turnserver: {e}"))
}

/// Returns when all its sockets are open.
pub fn wait_until_open(server: &mut Child, namespace: &str, turn: &Turn) -> Result<(), String> {
    let mut udp = Vec::new();
    let mut tcp = Vec::new();
    for address in &turn.addresses {
        let at = |port: u16| {
            if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            }
        };
        let has = |flag: &str| turn.args.iter().any(|arg| arg == flag);
        if !has("--no-udp") {
            udp.push(at(turn.port));
        }
        if !has("--no-tcp") {
            tcp.push(at(turn.port));
        }
        if turn.certificate != Certificate::None {
            tcp.push(at(turn.tls_port));
        }
    }
    for _ in 0..1000 {
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("turnserver ended at once: {status}"));
        }
        if has_sockets(namespace, "-lunH", &udp)? && has_sockets(namespace, "-ltnH", &tcp)? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err("turnserver did not open its sockets".into())
}

fn has_sockets(namespace: &str, flags: &str, wanted: &[String]) -> Result<bool, String> {
    let output = Command::new("ip")
        .args(["netns", "exec", namespace, "ss", flags])
        .output()
        .map_err(|e| format!("ss: {e}"))?;
    let listing = String::from_utf8_lossy(&output.stdout);
    let open: Vec<&str> = listing.split_whitespace().collect();
    Ok(wanted
        .iter()
        .all(|endpoint| open.contains(&endpoint.as_str())))
}

/// Writes an authority, and a certificate for the server with its key.
fn certify(scratch: &Path, number: usize, turn: &Turn) -> Result<(PathBuf, PathBuf), String> {
    let kind = turn.certificate;
    let names: Vec<String> = match kind {
        Certificate::WrongName => vec!["elsewhere.example".to_owned()],
        _ => [&turn.addresses[..], &turn.certified].concat(),
    };
    let made = || -> Result<_, rcgen::Error> {
        let known = authority("rtcdiag test authority")?;
        let stranger = authority("a stranger")?;
        let mut params = CertificateParams::new(names)?;
        match kind {
            Certificate::Expired => {
                params.not_before = date_time_ymd(2019, 1, 1);
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            Certificate::NotYetValid => {
                params.not_before = date_time_ymd(2100, 1, 1);
                params.not_after = date_time_ymd(2101, 1, 1);
            }
            _ => {}
        }
        let key = KeyPair::generate()?;
        let signer = match kind {
            Certificate::UnknownIssuer => &stranger,
            _ => &known,
        };
        let certificate = params.signed_by(&key, signer)?;
        Ok((known.pem(), certificate.pem(), key.serialize_pem()))
    };
    let (known, certificate, key) = made().map_err(|e| e.to_string())?;
    write(scratch, AUTHORITY, &known);
    Ok((
        write(scratch, &format!("certificate{number}.pem"), &certificate),
        write(scratch, &format!("key{number}.pem"), &key),
    ))
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// The iceServers of a page that was loaded too long ago: its credentials ended an hour ago.
#[expect(
    clippy::disallowed_methods,
    reason = "the server reads the system's clock, too"
)]
pub fn expired_credentials(uri: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let user = format!("{}:{USER}", now.as_secs() - 3600);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, user.as_bytes());
    let password = base64::engine::general_purpose::STANDARD.encode(tag);
    let entry = serde_json::json!([{"urls": uri, "username": user, "credential": password}]);
    entry.to_string()
}

/// Writes a file that only its owner reads, as secrets should be kept.
pub fn write(scratch: &Path, name: &str, text: &str) -> PathBuf {
    let path = scratch.join(name);
    fs::write(&path, text).expect("the lab's directory is writable");
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("it is ours");
    path
}
