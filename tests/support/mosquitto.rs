//! A real MQTT broker on loopback: mosquitto, with listeners as they are wanted.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// It ends with this value.
pub struct Mosquitto {
    child: Child,
    home: PathBuf,
    pub port: u16,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

impl Mosquitto {
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, at the same place.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.home).expect("it started before");
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

/// Starts it with one listener, and these lines of configuration; `HOME` in them is a folder of its own, which has
/// these files. Without the program a test prints `SKIPPED`, and fails where tools are required.
pub fn mosquitto(lines: &[&str], files: &[(&str, &str)]) -> Option<Mosquitto> {
    for _ in 0..5 {
        // Another program may take the port before the broker does; then it ends, and another is tried.
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        if let Some(running) = start(port, lines, files)? {
            return Some(running);
        }
    }
    panic!("no port was free for long enough");
}

fn spawn(home: &Path) -> std::io::Result<Child> {
    let path = std::env::var("PATH").unwrap_or_default();
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(home.join("log"))?;
    Command::new("mosquitto")
        .arg("-c")
        .arg(home.join("mosquitto.conf"))
        .current_dir(home)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}

/// `None` where it is not installed; within, `None` if it ended at once.
fn start(port: u16, lines: &[&str], files: &[(&str, &str)]) -> Option<Option<Mosquitto>> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mosquitto-{port}"));
    std::fs::create_dir_all(&home).expect("the directory can be written to");
    for (name, text) in files {
        std::fs::write(home.join(name), text).expect("it can be written");
    }
    let mut text = format!("log_dest stderr\nlog_type all\nlistener {port} 127.0.0.1\n");
    // As root it would become another user, who cannot read the files.
    text.push_str("user root\n");
    for line in lines {
        text.push_str(&line.replace("HOME", &home.display().to_string()));
        text.push('\n');
    }
    // With nothing but a WebSocket it believes that it listens nowhere. The path of such a socket has to be
    // short, so it stands in the folder that it is started in.
    text.push_str("listener 0 socket\n");
    let configuration = home.join("mosquitto.conf");
    let mut file = std::fs::File::create(&configuration).expect("it can be written");
    file.write_all(text.as_bytes()).expect("it can be written");
    let child = match spawn(&home) {
        Ok(child) => child,
        Err(error) => {
            let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "mosquitto does not start: {error}");
            println!("SKIPPED: mosquitto does not start: {error}");
            return None;
        }
    };
    let mut running = Mosquitto { child, home, port };
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if running.child.try_wait().expect("it is ours").is_some() {
            println!("{}", running.log());
            return Some(None);
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(Some(running));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not listen: {}", running.log());
}

/// A file of users as mosquitto wants it; `None` without its tool.
pub fn hashed(users: &str) -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("mosquitto-users-{}-{count}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, format!("{users}\n")).expect("it can be written");
    let done = Command::new("mosquitto_passwd")
        .arg("-U")
        .arg(&path)
        .output();
    let text = std::fs::read_to_string(&path).expect("it is there");
    let _ = std::fs::remove_file(&path);
    done.is_ok_and(|output| output.status.success())
        .then_some(text)
}
