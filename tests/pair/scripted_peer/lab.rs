//! A rendezvous in this process, and the program run against it.

use std::io::Read;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtcdiag::net::clock::Clock;
use rtcdiag::net::servers::rendezvous::{Limits, Listen, Options, Server};
use rtcdiag::proto::signal::code::Code;
use serde_json::Value;

use super::peer::Peer;

pub const GOOD: i32 = 0;
pub const BAD: i32 = 1;
pub const ERROR: i32 = 2;
pub const INCONCLUSIVE: i32 = 3;

/// More is a hang.
const LONGEST: Duration = Duration::from_secs(40);

/// A place to meet, and a STUN server that refuses, so that gathering is soon done.
pub struct Lab {
    pub clock: Clock,
    pub code: Code,
    /// Of the rendezvous.
    pub port: u16,
    refusing: UdpSocket,
}

/// Runs a test with a lab around it.
pub fn with<T>(test: impl AsyncFnOnce(Lab) -> T) -> T {
    with_limits(Limits::default(), test)
}

/// The same with a rendezvous that takes more, or less.
pub fn with_limits<T>(limits: Limits, test: impl AsyncFnOnce(Lab) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let clock = Clock::start();
        let options = Options {
            listen: Listen::At(vec!["127.0.0.1:0".parse().expect("an address")]),
            limits,
            ..Options::default()
        };
        let server = Server::bind(&options, clock).expect("loopback has ports");
        let port = server.addresses()[0].port();
        let serving = tokio::spawn(server.run(std::future::pending()));
        // Only its own peer may send to a connected socket: all others get an ICMP error.
        let refusing = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let own = refusing.local_addr().expect("it is bound");
        refusing.connect(own).expect("it may talk to itself");
        let lab = Lab {
            clock,
            code: Code::new(rand::random()),
            port,
            refusing,
        };
        let out = tokio::time::timeout(3 * LONGEST, test(lab)).await;
        serving.abort();
        out.expect("the test ends")
    })
}

impl Lab {
    /// The program in the lab's room, with `--json` and more arguments.
    pub fn pair(&self, more: &[&str]) -> Program {
        self.pair_with(&self.code, &[&["--json"], more].concat())
    }

    /// With any code.
    pub fn pair_with(&self, code: &Code, more: &[&str]) -> Program {
        let stun = self.refusing.local_addr().expect("it is bound");
        let mut args: Vec<String> = ["pair", &code.to_string(), "--rendezvous"]
            .map(str::to_owned)
            .into();
        args.push(format!("ws://127.0.0.1:{}", self.port));
        args.extend(["-s".to_owned(), format!("stun:{stun}")]);
        let always = ["--local", "127.0.0.1", "--no-nat", "--duration", "0.2"];
        args.extend(always.iter().chain(more).map(ToString::to_string));
        Program::start(&args)
    }
}

/// The program while it runs. It is ended with this value.
pub struct Program {
    child: Child,
    started: Instant,
    args: Vec<String>,
    outputs: Option<[JoinHandle<Vec<u8>>; 2]>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(args: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
            .env_clear()
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stdout = read_all(child.stdout.take().expect("piped"));
        let stderr = read_all(child.stderr.take().expect("piped"));
        Self {
            child,
            started: Instant::now(),
            args: args.to_vec(),
            outputs: Some([stdout, stderr]),
        }
    }

    /// Its process number, for a signal.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for its end while the other side stays in the room.
    pub async fn end_while_it_stays(self, peer: &mut Peer) -> Ended {
        let staying = async {
            loop {
                peer.step().await;
            }
        };
        tokio::select! {
            ended = self.end() => ended,
            () = staying => unreachable!("it stays"),
        }
    }

    /// Waits for its end, and looks at what must hold always: no panic, and nothing that draws on
    /// a terminal.
    pub async fn end(mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            assert!(
                self.started.elapsed() < LONGEST,
                "it does not end: {:?}",
                self.args
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let elapsed = self.started.elapsed();
        let outputs = self.outputs.take().expect("it ends once");
        let [stdout, stderr] = outputs.map(|output| {
            let bytes = output.join().expect("it reads");
            String::from_utf8(bytes).expect("the program writes UTF-8")
        });
        assert!(!stderr.contains("panicked"), "{stderr}");
        for text in [&stdout, &stderr] {
            let raw = text.chars().find(|c| is_harmful(*c) && *c != '\n');
            assert_eq!(raw, None, "{text}");
        }
        let is_json = self.args.iter().any(|arg| arg == "--json");
        let document = is_json.then(|| {
            serde_json::from_str(&stdout)
                .unwrap_or_else(|error| panic!("{error}\nstdout: {stdout}\nstderr: {stderr}"))
        });
        // Who prints a string of the document is not to be in danger either.
        if let Some(document) = &document {
            assert_harmless(document);
        }
        Ended {
            code: status.code().expect("it was not killed"),
            stdout,
            stderr,
            elapsed,
            document: document.unwrap_or_default(),
        }
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).expect("a pipe can be read");
        all
    })
}

/// Control characters, those that turn the direction of the text around them, and those that are not seen.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(
            c,
            '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}'
        )
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

fn assert_harmless(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.chars().any(is_harmful), "{text:?}"),
        Value::Array(list) => list.iter().for_each(assert_harmless),
        Value::Object(fields) => fields.values().for_each(assert_harmless),
        _ => {}
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
    /// With `--json`.
    pub document: Value,
}

impl Ended {
    pub fn result(&self) -> &Value {
        &self.document["result"]
    }

    pub fn summary(&self) -> &str {
        self.document["summary"].as_str().expect("text")
    }

    /// What was refused, and why.
    pub fn refused(&self) -> Vec<&str> {
        let list = self.result()["session"]["refused"].as_array();
        let list = list.map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).collect()
    }

    #[track_caller]
    pub fn assert_refused(&self, what: &str) {
        let refused = self.refused();
        assert!(
            refused.iter().any(|text| text.contains(what)),
            "'{what}' is not among {refused:#?}"
        );
        self.assert_finding("messages-refused");
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{:#}\n{}", self.document, self.stderr);
    }

    #[track_caller]
    pub fn assert_connected(&self) {
        assert_eq!(
            self.result()["state"],
            "connected",
            "{}\n{:#}",
            self.summary(),
            self.document
        );
        self.assert_code(GOOD);
    }

    /// The end is no success, and the person is told of this.
    #[track_caller]
    pub fn assert_says(&self, code: i32, what: &str) {
        self.assert_code(code);
        assert!(self.summary().contains(what), "{}", self.summary());
    }

    /// It is not the rendezvous that is to blame.
    #[track_caller]
    pub fn assert_not_the_rendezvous(&self) {
        let summary = self.summary();
        assert!(!summary.contains("rendezvous"), "{summary}");
    }

    #[track_caller]
    pub fn assert_finding(&self, code: &str) -> &Value {
        let all = self.document["findings"].as_array().expect("a list");
        all.iter()
            .find(|finding| finding["code"] == code)
            .unwrap_or_else(|| panic!("no finding {code}: {all:#?}"))
    }

    #[track_caller]
    pub fn assert_within(&self, seconds: f64) {
        let elapsed = self.elapsed.as_secs_f64();
        assert!(elapsed < seconds, "{elapsed} s: {}", self.summary());
    }

    /// The other side's candidates that were taken.
    pub fn remote_candidates(&self) -> Vec<&str> {
        let list = self.result()["remote"]["candidates"].as_array();
        let list = list.map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|c| c["sdp"].as_str()).collect()
    }
}
