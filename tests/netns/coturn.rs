//! The STUN server of a lab: coturn, which with two addresses of a family answers CHANGE-REQUEST (RFC 5780).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::lab::ServerKind;

/// The server's addresses, two of each family; it listens at 3478 and, as alternate port, 3479.
pub const ADDRESSES: [&str; 4] = [
    "203.0.113.10",
    "203.0.113.11",
    "2001:db8:113::10",
    "2001:db8:113::11",
];
const PORTS: [u16; 2] = [3478, 3479];

/// The port for TLS, if there is TLS: the one that most networks let out.
const TLS_PORT: u16 = 443;
/// The file in the lab's directory with the server's own certificate, for who wants to trust it.
pub const CERTIFICATE: &str = "certificate.pem";

/// Starts it. `ip netns exec` becomes the program, so the child's id is that of turnserver itself.
pub fn start(namespace: &str, scratch: &Path, kind: &ServerKind) -> Result<Child, String> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "turnserver", "-n"]);
    command.args(["--no-auth", "--no-cli", "--no-dtls"]);
    if *kind == ServerKind::CoturnTls {
        let (certificate, key) = certify(scratch)?;
        command.arg(format!("--tls-listening-port={TLS_PORT}"));
        command.arg(format!("--cert={}", certificate.display()));
        command.arg(format!("--pkey={}", key.display()));
    } else {
        command.arg("--no-tls");
    }
    command.args(["--relay-threads=1", "--log-file=stdout"]);
    command.arg(format!("--listening-port={}", PORTS[0]));
    command.arg(format!("--alt-listening-port={}", PORTS[1]));
    command.arg(format!("--pidfile={}", scratch.join("pid").display()));
    command.arg(format!("--db={}", scratch.join("db").display()));
    // Up to 4.6 versions offer behaviour discovery unless told not to; newer ones only if told to.
    let discovery = match kind {
        ServerKind::CoturnPlain => "--no-rfc5780",
        _ => "--rfc5780",
    };
    if help_mentions(discovery) {
        command.arg(discovery);
    }
    for address in ADDRESSES {
        command.arg(format!("--listening-ip={address}"));
    }
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|e| format!("turnserver: {e}"))
}

/// Writes a certificate for the first address, and its key.
fn certify(scratch: &Path) -> Result<(PathBuf, PathBuf), String> {
    let names = vec![ADDRESSES[0].to_string()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| e.to_string())?;
    let (certificate, key) = (scratch.join(CERTIFICATE), scratch.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).map_err(|e| e.to_string())?;
    fs::write(&key, made.signing_key.serialize_pem()).map_err(|e| e.to_string())?;
    Ok((certificate, key))
}

/// Returns when all its sockets are open.
pub fn wait_until_open(
    server: &mut Child,
    namespace: &str,
    kind: &ServerKind,
) -> Result<(), String> {
    // Without behaviour discovery it has no alternate port.
    let ports = match kind {
        ServerKind::CoturnPlain => &PORTS[..1],
        _ => &PORTS[..],
    };
    for _ in 0..1000 {
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("turnserver ended at once: {status}"));
        }
        if open_sockets(namespace, "-lunH", ports)? && open_sockets(namespace, "-ltnH", ports)? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err("turnserver did not open its sockets".into())
}

fn open_sockets(namespace: &str, flags: &str, ports: &[u16]) -> Result<bool, String> {
    let output = Command::new("ip")
        .args(["netns", "exec", namespace, "ss", flags])
        .output()
        .map_err(|e| format!("ss: {e}"))?;
    let listing = String::from_utf8_lossy(&output.stdout);
    let open = |address: &str, port: u16| {
        let endpoint = if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        };
        listing.split_whitespace().any(|word| word == endpoint)
    };
    Ok(ADDRESSES
        .iter()
        .all(|address| ports.iter().all(|port| open(address, *port))))
}

/// Whether this version of coturn knows a flag.
pub fn help_mentions(flag: &str) -> bool {
    let output = Command::new("turnserver")
        .arg("--help")
        .stdin(Stdio::null())
        .output();
    output.is_ok_and(|o| {
        [o.stdout, o.stderr]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(flag))
    })
}
