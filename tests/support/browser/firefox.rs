//! Firefox, driven over Marionette, its own protocol below `WebDriver`: JSON behind its length, over TCP.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Driver, PATIENCE, end};

/// It asks nobody for updates and the like, and takes any port for its driver.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("media.navigator.streams.fake", true);
"#;

pub(super) struct Firefox {
    process: Child,
    stream: TcpStream,
}

impl Firefox {
    pub(super) fn start(directory: &Path, more: &[String]) -> Result<Self, String> {
        let profile = directory.join("profile");
        let prepared = std::fs::create_dir_all(&profile).and_then(|()| {
            let lines = format!("{PREFERENCES}{}\n", more.join("\n"));
            std::fs::write(profile.join("user.js"), lines)
        });
        prepared.map_err(|error| format!("its profile: {error}"))?;
        let mut process = Command::new("firefox-esr")
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(&profile)
            .env("HOME", directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("firefox-esr: {error}"))?;
        match connected(&profile) {
            Ok(stream) => {
                let browser = Self { process, stream };
                // It says first what it is.
                browser.read()?;
                browser.command("WebDriver:NewSession", &json!({}))?;
                Ok(browser)
            }
            Err(error) => {
                end(&mut process);
                Err(error)
            }
        }
    }

    fn command(&self, name: &str, parameters: &Value) -> Result<Value, String> {
        // Each waits for its answer, so one number is enough.
        let request = json!([0, 1, name, parameters]).to_string();
        let mut stream = &self.stream;
        write!(stream, "{}:{request}", request.len())
            .map_err(|error| format!("{name}: {error}"))?;
        let answer = self.read()?;
        if answer[2].is_null() {
            return Ok(answer[3]["value"].clone());
        }
        Err(format!("{name}: {}", answer[2]["message"]))
    }

    fn read(&self) -> Result<Value, String> {
        let failed = |error: std::io::Error| format!("firefox-esr: {error}");
        let mut stream = &self.stream;
        let mut length = 0;
        loop {
            let mut byte = [0];
            stream.read_exact(&mut byte).map_err(failed)?;
            match byte[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit.saturating_sub(b'0')),
            }
        }
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }
}

/// It writes into its profile where it listens.
fn connected(profile: &Path) -> Result<TcpStream, String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let told = std::fs::read_to_string(profile.join("MarionetteActivePort"));
        let port = told.ok().and_then(|port| port.trim().parse::<u16>().ok());
        if let Some(stream) = port.and_then(|port| TcpStream::connect(("127.0.0.1", port)).ok()) {
            let limited = stream.set_read_timeout(Some(2 * PATIENCE));
            return limited.map(|()| stream).map_err(|error| error.to_string());
        }
        if Instant::now() > until {
            return Err("firefox-esr does not listen".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Driver for Firefox {
    fn ask(&self, command: &str, element: Option<&str>, body: &Value) -> Result<Value, String> {
        let name = match command {
            "url" => "WebDriver:Navigate",
            "execute/sync" => "WebDriver:ExecuteScript",
            "execute/async" => "WebDriver:ExecuteAsyncScript",
            "element" => "WebDriver:FindElement",
            "click" => "WebDriver:ElementClick",
            "value" => "WebDriver:ElementSendKeys",
            other => return Err(format!("Firefox has no {other}")),
        };
        let mut parameters = body.clone();
        if let Some(id) = element {
            parameters["id"] = json!(id);
        }
        self.command(name, &parameters)
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.command("Marionette:Quit", &json!({"flags": ["eForceQuit"]}));
        end(&mut self.process);
    }
}
