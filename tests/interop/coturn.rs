//! coturn, for both ends of a session.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// coturn on loopback, with the user of the scripted server. It ends with this value.
pub struct Coturn {
    child: Child,
    pub address: SocketAddr,
    home: PathBuf,
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Starts it; without it a test prints `SKIPPED`, and fails where tools are required.
pub fn coturn() -> Option<Coturn> {
    coturn_with(&[])
}

/// It listens over TCP some time before.
fn answers_over_udp(server: SocketAddr) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let patience = Some(Duration::from_millis(200));
    socket.set_read_timeout(patience).expect("not zero");
    // A Binding request (RFC 8489 5).
    let mut request = [7; 20];
    request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    let sent = socket.connect(server).and_then(|()| socket.send(&request));
    sent.is_ok() && socket.recv(&mut [0; 200]).is_ok()
}

/// The same, with more arguments.
pub fn coturn_with(more: &[&str]) -> Option<Coturn> {
    // Another program may take it before coturn does; then this fails, and says so.
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coturn-{}", address.port()));
    std::fs::create_dir_all(&home).expect("the directory can be written to");
    let started = Command::new("turnserver")
        .args([
            "-n",
            "--lt-cred-mech",
            "-u",
            "user:secret",
            "-r",
            "example.org",
        ])
        .args([
            "--allow-loopback-peers",
            "--no-cli",
            "--no-tls",
            "--no-dtls",
        ])
        .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
        .arg(format!("--listening-port={}", address.port()))
        .args(more)
        .args(["--relay-threads=1", "--log-file=stdout"])
        .arg(format!("--pidfile={}", home.join("pid").display()))
        .arg(format!("--db={}", home.join("db").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = match started {
        Ok(child) => child,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&home);
            let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "no coturn on this machine: {error}");
            // Past the harness, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED no coturn: {error}");
            return None;
        }
    };
    let server = Coturn {
        child,
        address,
        home,
    };
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() || !answers_over_udp(address) {
        assert!(Instant::now() < deadline, "coturn does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(server)
}
