//! A name server for the client alone, on its own loopback address: it knows `ipv4only.arpa` as the DNS64 of a network does
//! (RFC 7050), and nothing else. It runs as another process of this very test program.

use std::fs;
use std::net::{IpAddr, UdpSocket};

use crate::lab::Lab;
use crate::program;

/// Tells a process of this program that it is the name server, and what it answers: IPv6 addresses, or [`SILENT`].
pub const ROLE: &str = "NETNS_TEST_IS_NAME_SERVER";
/// It hears questions and does not answer.
pub const SILENT: &str = "silent";
const NAME: &str = "ipv4only.arpa";
const ADDRESSES: [[u8; 4]; 2] = [[192, 0, 0, 170], [192, 0, 0, 171]];
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// Starts it in the client's namespace. What it is asked goes to a file.
pub fn start(lab: &mut Lab, answers: &str) -> Result<(), String> {
    fs::write(lab.scratch().join("resolv.conf"), "nameserver ::1\n").map_err(|e| e.to_string())?;
    let mut command = program::part(&lab.namespace("client"))?;
    command.env(ROLE, answers).env("NETNS_TEST_LOG", log(lab));
    let child = command.spawn().map_err(|e| format!("name server: {e}"))?;
    program::wait_until_ready(lab.adopt(child))
}

/// What it was asked: a name and a type of record for each question.
pub fn questions(lab: &Lab) -> Vec<String> {
    let text = fs::read_to_string(log(lab)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn log(lab: &Lab) -> std::path::PathBuf {
    lab.scratch().join("questions")
}

/// Serves until the process is killed.
#[expect(clippy::print_stdout, reason = "tells the parent that it listens")]
pub fn serve(answers: &str) {
    use std::io::Write;
    let log = std::env::var("NETNS_TEST_LOG").expect("where to log");
    let mut log = fs::File::create(log).expect("the log can be written");
    let socket = UdpSocket::bind("[::1]:53").expect("the namespace has no other name server");
    println!("{}", program::READY);
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        let Some((name, kind)) = question(&buffer[..length]) else {
            continue;
        };
        writeln!(log, "{name} {kind}").expect("the log can be written");
        if answers != SILENT {
            let _ = socket.send_to(&response(&buffer[..length], &name, kind, answers), client);
        }
    }
}

/// The name and the type asked for (RFC 1035 4.1.2).
fn question(message: &[u8]) -> Option<(String, u16)> {
    let mut labels: Vec<String> = Vec::new();
    let mut rest = message.get(12..)?;
    loop {
        let (length, behind) = rest.split_first()?;
        if *length == 0 {
            let kind = behind.get(..2)?;
            return Some((labels.join("."), u16::from_be_bytes([kind[0], kind[1]])));
        }
        let (label, next) = behind.split_at_checked(usize::from(*length))?;
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = next;
    }
}

fn response(request: &[u8], name: &str, kind: u16, answers: &str) -> Vec<u8> {
    let known = name.eq_ignore_ascii_case(NAME);
    let records: Vec<Vec<u8>> = match kind {
        TYPE_A if known => ADDRESSES.iter().map(|a| a.to_vec()).collect(),
        TYPE_AAAA if known => answers
            .split_whitespace()
            .map(|text| match text.parse().expect("an address") {
                IpAddr::V6(v6) => v6.octets().to_vec(),
                IpAddr::V4(_) => panic!("{text} is no IPv6 address"),
            })
            .collect(),
        _ => Vec::new(),
    };
    let end_of_question = 12 + name.len() + 2 + 4;
    // An answer to a recursive question; "no such name" for all others (RFC 1035 4.1.1).
    let flags: u16 = if known { 0x8180 } else { 0x8183 };
    let mut message = request[..2].to_vec();
    message.extend(flags.to_be_bytes());
    message.extend([0, 1]);
    message.extend(u16::try_from(records.len()).expect("few").to_be_bytes());
    message.extend([0; 4]);
    message.extend(&request[12..end_of_question]);
    for record in records {
        // A pointer to the name in the question, the type, the class, a minute to live.
        message.extend([0xc0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(u16::try_from(record.len()).expect("short").to_be_bytes());
        message.extend(record);
    }
    message
}
