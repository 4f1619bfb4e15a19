//! The program as a server, and clients that are not ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::{RoomKind, RoomName};
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::wire::Join;
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::support::program::{Run, anonymous, read, signal};
use crate::support::schema;

/// Nothing here takes so long.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs until it is stopped; dropping it kills it.
pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub address: SocketAddr,
    pub listening: Value,
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::at(&["--listen", "127.0.0.1:0"], args)
    }

    pub fn at(listen: &[&str], args: &[&str]) -> Self {
        let mut command = anonymous("serve --jsonl");
        Self::run(command.args(listen).args(args))
    }

    pub fn run(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("UTF-8");
        let listening: Value = serde_json::from_str(&line).expect("the first line is an event");
        assert_eq!(listening["event"], "listening", "{listening}");
        schema::assert_valid_event(&listening);
        let first = listening["addresses"][0].as_str().expect("an address");
        Self {
            address: first.parse().expect("an address"),
            child,
            stdout,
            listening,
        }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.listening["addresses"].as_array().expect("a list");
        let address = |a: &Value| a.as_str().expect("a text").parse().expect("an address");
        all.iter().map(address).collect()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        let mut output = Output {
            stdout: Vec::new(),
            stderr: Vec::new(),
            status: ExitStatus::default(),
        };
        let stdout = self.stdout.read_to_end(&mut output.stdout);
        stdout.expect("a pipe can be read");
        let mut stderr = self.child.stderr.take().expect("piped");
        let stderr = stderr.read_to_end(&mut output.stderr);
        stderr.expect("a pipe can be read");
        output.status = self.child.wait().expect("it ends");
        read(&output)
    }

    /// Stops it as services are stopped.
    pub fn stop(self) -> Run {
        self.signal("TERM");
        self.wait()
    }

    /// A page: status line and body.
    pub fn get(&self, path: &str) -> (String, String) {
        let answer = self.ask(path, "");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.lines().next().expect("a status line").to_owned();
        (status, body.to_owned())
    }

    /// The whole answer to a request with more header lines.
    pub fn ask(&self, path: &str, more: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}Connection: close\r\n\r\n");
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("UTF-8");
        answer
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find_map(|l| l.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        value.trim().parse().expect("a number")
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    pub fn websocket(&self) -> Client {
        Client::open(self.address)
    }

    pub fn join(&self, room: u8, member: u8) -> Client {
        let mut client = self.websocket();
        client.send(&join(room, member));
        client
    }

    /// Two in one room, the first words taken.
    pub fn pair(&self) -> (Client, Client) {
        let mut a = self.join(1, 1);
        a.expect(r#"{"type":"joined","peer":false}"#);
        let mut b = self.join(1, 2);
        b.expect(r#"{"type":"joined","peer":true}"#);
        a.expect(r#"{"type":"peer-joined"}"#);
        (a, b)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("it listens");
    let limit = Some(PATIENCE);
    stream.set_read_timeout(limit).expect("it is one");
    stream.set_write_timeout(limit).expect("it is one");
    stream
}

/// The text of a join.
pub fn join(room: u8, member: u8) -> String {
    let join = Join {
        room: RoomName::from(&Code::new([room; 10])),
        kind: RoomKind::Pair,
        member: Name([member; 16]),
    };
    join.to_text()
}

/// A WebSocket that says what a test wants.
pub struct Client(pub WebSocket<TcpStream>);

impl Client {
    pub fn open(address: SocketAddr) -> Self {
        Self::over(connect(address), address)
    }

    fn over(stream: TcpStream, address: SocketAddr) -> Self {
        let mut request = format!("ws://{address}/pair")
            .into_client_request()
            .expect("a URL");
        let subprotocol = HeaderValue::from_static("rtcdiag.1");
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", subprotocol);
        let opened = tokio_tungstenite::tungstenite::client(request, stream);
        let (socket, _) = opened.expect("the server speaks WebSocket");
        Self(socket)
    }

    pub fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it is sent");
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let message = Message::binary(bytes.to_vec());
        self.0.send(message).expect("it is sent");
    }

    /// The next message that is no ping.
    pub fn next(&mut self) -> Result<Message, Error> {
        loop {
            match self.0.read()? {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return Ok(message),
            }
        }
    }

    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        assert_eq!(self.next().expect("a message"), Message::text(text));
    }

    #[track_caller]
    pub fn expect_bytes(&mut self, bytes: &[u8]) {
        let wanted = Message::binary(bytes.to_vec());
        assert_eq!(self.next().expect("a message"), wanted);
    }

    /// The server says why it ends the connection, and ends it.
    #[track_caller]
    pub fn expect_end(&mut self, code: &str) {
        loop {
            match self.next() {
                Ok(Message::Text(text)) => {
                    let said: Value = serde_json::from_str(&text).expect("JSON");
                    if said["type"] == "error" {
                        assert_eq!(said["code"], code, "{said}");
                        assert!(said["message"].is_string());
                        break;
                    }
                }
                Ok(Message::Binary(_)) => {}
                other => panic!("no reason: {other:?}"),
            }
        }
        let closed = self.next();
        assert!(matches!(&closed, Ok(Message::Close(Some(_)))), "{closed:?}");
        // Answers, and sees the end of the stream.
        while self.0.read().is_ok() {}
    }
}
