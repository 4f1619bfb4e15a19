//! Chromium, driven over `WebDriver` (W3C): HTTP and JSON to `chromedriver`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{Driver, PATIENCE, end};

pub(super) struct Chromium {
    driver: Child,
    port: u16,
    session: String,
}

impl Chromium {
    pub(super) fn start(directory: &Path, more: &[String]) -> Result<Self, String> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let output = driver.stdout.take().ok_or("it has no output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // It goes on writing, and must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self {
            driver,
            port: port.ok_or("chromedriver does not listen")?,
            session: String::new(),
        };
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!(
            "--user-data-dir={}",
            directory.join("profile").display()
        ));
        arguments.extend_from_slice(more);
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {
            "binary": "/usr/bin/chromium",
            "args": arguments,
        }}}});
        let session = browser.request("POST", "/session", &wanted)?;
        let session = session["sessionId"].as_str();
        browser.session = session.ok_or("no session")?.to_owned();
        Ok(browser)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let (status, answer) = self
            .exchange(method, path, body)
            .map_err(|error| format!("chromedriver: {error}"))?;
        if status == 200 {
            return Ok(answer["value"].clone());
        }
        Err(format!("{path}: {}", answer["value"]["message"]))
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(2 * PATIENCE))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes)?;
        let value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok((status.unwrap_or(0), value))
    }
}

impl Driver for Chromium {
    fn ask(&self, command: &str, element: Option<&str>, body: &Value) -> Result<Value, String> {
        let element = element.map_or_else(String::new, |id| format!("element/{id}/"));
        let path = format!("/session/{}/{element}{command}", self.session);
        self.request("POST", &path, body)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The browser ends with its session.
        let path = format!("/session/{}", self.session);
        let _ = self.exchange("DELETE", &path, &json!({}));
        end(&mut self.driver);
    }
}
