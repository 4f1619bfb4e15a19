//! Chromium, driven over WebDriver (W3C): HTTP and JSON to `chromedriver`, which has to be in the same network namespace.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Long enough for a browser to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// Why there is no browser on this machine; `None` if there is.
pub fn unavailable() -> Option<String> {
    for tool in ["chromedriver", "chromium"] {
        let started = Command::new(tool).arg("--version").output();
        if !started.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(format!("cannot start {tool}"));
        }
    }
    None
}

impl Browser {
    /// A browser of its own, with files in this directory and more arguments.
    pub fn start(directory: &Path, more: &[String]) -> Result<Browser, String> {
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
        let mut browser = Browser {
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
        let session = browser.ask("POST", "/session", &wanted)?;
        let session = session["sessionId"].as_str();
        browser.session = session.ok_or("no session")?.to_owned();
        Ok(browser)
    }

    pub fn open(&self, url: &str) -> Result<(), String> {
        self.command("url", &json!({"url": url})).map(drop)
    }

    /// Runs a script in every page before its own.
    pub fn before(&self, script: &str) -> Result<(), String> {
        let how =
            json!({"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}});
        self.command("goog/cdp/execute", &how).map(drop)
    }

    /// A screen as narrow as that of a telephone, in CSS pixels.
    pub fn as_on_a_phone(&self, width: u32) -> Result<(), String> {
        let how = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true,
        }});
        self.command("goog/cdp/execute", &how).map(drop)
    }

    /// The value of a script, which has to return it.
    pub fn script(&self, script: &str) -> Result<Value, String> {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script calls its last argument with.
    pub fn script_that_calls_back(&self, script: &str) -> Result<Value, String> {
        self.command("execute/async", &json!({"script": script, "args": []}))
    }

    /// As a person does it.
    pub fn click(&self, selector: &str) -> Result<(), String> {
        let element = self.element(selector)?;
        self.command(&format!("element/{element}/click"), &json!({}))
            .map(drop)
    }

    pub fn write(&self, selector: &str, text: &str) -> Result<(), String> {
        let element = self.element(selector)?;
        self.command(&format!("element/{element}/value"), &json!({"text": text}))
            .map(drop)
    }

    /// Asks again and again until the script returns something that is true in JavaScript.
    pub fn wait_for(&self, script: &str) -> Result<Value, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let value = self.script(script)?;
            if !(value.is_null() || value == false || value == "") {
                return Ok(value);
            }
            if Instant::now() > until {
                let page = self.script("return document.body.innerText")?;
                return Err(format!("'{script}' did not come true: {page}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn element(&self, selector: &str) -> Result<String, String> {
        let how = json!({"using": "css selector", "value": selector});
        let found = self.command("element", &how)?;
        // W3C WebDriver 11.
        let id = found["element-6066-11e4-a52e-4f735466cecf"].as_str();
        Ok(id.ok_or_else(|| format!("no {selector}"))?.to_owned())
    }

    fn command(&self, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{path}", self.session);
        self.ask("POST", &path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
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

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session.
        let path = format!("/session/{}", self.session);
        let _ = self.exchange("DELETE", &path, &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
