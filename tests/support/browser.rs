//! Browsers that tests drive: [`chromium`] and [`firefox`]. Each has to be in the same network namespace.

mod chromium;
mod firefox;

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Long enough for a browser to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Chromium,
    Firefox,
}

/// What takes commands by the names that W3C `WebDriver` has for them.
trait Driver {
    /// Of the page, or of an element of it.
    fn ask(&self, command: &str, element: Option<&str>, body: &Value) -> Result<Value, String>;
}

pub struct Browser(Box<dyn Driver>);

impl Kind {
    /// Why there is no such browser on this machine; `None` if there is.
    pub fn unavailable(self) -> Option<String> {
        let tools: &[&str] = match self {
            Self::Chromium => &["chromedriver", "chromium"],
            Self::Firefox => &["firefox-esr"],
        };
        let is_there = |tool: &str| {
            let started = Command::new(tool).arg("--version").output();
            started.is_ok_and(|output| output.status.success())
        };
        let missing = tools.iter().find(|tool| !is_there(tool));
        missing.map(|tool| format!("cannot start {tool}"))
    }
}

impl Browser {
    /// A browser of its own, with files in this directory, and more: arguments of Chromium's, lines of Firefox's
    /// preferences.
    pub fn start(kind: Kind, directory: &Path, more: &[String]) -> Result<Browser, String> {
        Ok(Browser(match kind {
            Kind::Chromium => Box::new(chromium::Chromium::start(directory, more)?),
            Kind::Firefox => Box::new(firefox::Firefox::start(directory, more)?),
        }))
    }

    pub fn open(&self, url: &str) -> Result<(), String> {
        self.of_page("url", &json!({"url": url})).map(drop)
    }

    /// Runs a script in every page before its own; Chromium alone can.
    pub fn before(&self, script: &str) -> Result<(), String> {
        let how =
            json!({"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}});
        self.of_page("goog/cdp/execute", &how).map(drop)
    }

    /// A screen as narrow as that of a telephone, in CSS pixels; Chromium alone can.
    pub fn as_on_a_phone(&self, width: u32) -> Result<(), String> {
        let how = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true,
        }});
        self.of_page("goog/cdp/execute", &how).map(drop)
    }

    /// The value of a script, which has to return it.
    pub fn script(&self, script: &str) -> Result<Value, String> {
        self.of_page("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script calls its last argument with.
    pub fn script_that_calls_back(&self, script: &str) -> Result<Value, String> {
        self.of_page("execute/async", &json!({"script": script, "args": []}))
    }

    /// As a person does it.
    pub fn click(&self, selector: &str) -> Result<(), String> {
        let element = self.element(selector)?;
        self.0.ask("click", Some(&element), &json!({})).map(drop)
    }

    pub fn write(&self, selector: &str, text: &str) -> Result<(), String> {
        let element = self.element(selector)?;
        let text = json!({"text": text});
        self.0.ask("value", Some(&element), &text).map(drop)
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
        let found = self.of_page("element", &how)?;
        // W3C WebDriver 11.
        let id = found["element-6066-11e4-a52e-4f735466cecf"].as_str();
        Ok(id.ok_or_else(|| format!("no {selector}"))?.to_owned())
    }

    fn of_page(&self, command: &str, body: &Value) -> Result<Value, String> {
        self.0.ask(command, None, body)
    }
}

/// Ends a process that was asked to end already.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}
