//! A router that does what it is told: PCP and NAT-PMP at port 5351, SSDP at port 1900, HTTP at port 5000. It runs in the
//! router's namespace as another process of this very test program, and makes no real mapping.
//!
//! Its words, one for each protocol, `protocol=behaviour`:
//! - `pcp=` `ok`, `code:N`, `v0` (as a NAT-PMP router answers), `map` (grants), `map:IP`, `keep` (grants, never removes),
//!   `late` (grants after the mapping is given up for)
//! - `pmp=` `addr:IP`, `code:N`, `v2` (as a PCP router answers), `garbage`
//! - `igd=` `addr:IP`, `code:N`, `html`, `huge`, `redirect`, `hang`, `location:URL`, `permanent`, `conflict`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::Child;
use std::sync::Mutex;
use std::time::Duration;

use super::super::program;

/// Tells a process of this program that it is the router, and what it does.
pub const ROLE: &str = "NETNS_TEST_ROUTER";
const LAN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const HTTP: u16 = 5000;
const WAN_IP: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";

/// The ports of the device's mappings.
static MAPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts it in a namespace; it listens when this returns.
pub fn start(namespace: &str, words: &str) -> Result<Child, String> {
    let mut command = program::part(namespace)?;
    let child = command.env(ROLE, words).spawn();
    let mut child = child.map_err(|e| format!("router: {e}"))?;
    let listens = program::wait_until_ready(&mut child);
    if listens.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    listens.map(|()| child)
}

/// Serves until the process is killed.
#[expect(clippy::print_stdout, reason = "tells the parent that it listens")]
pub fn serve(words: &str) {
    let word = |name: &str| {
        let found = words.split(' ').find_map(|w| w.strip_prefix(name));
        found.and_then(|w| w.strip_prefix('=')).map(str::to_owned)
    };
    let (pcp, pmp, igd) = (word("pcp"), word("pmp"), word("igd"));
    let mut threads = Vec::new();
    if pcp.is_some() || pmp.is_some() {
        let socket = UdpSocket::bind((LAN, 5351)).expect("the port is free");
        threads.push(std::thread::spawn(move || {
            port_control(&socket, pcp.as_deref(), pmp.as_deref());
        }));
    }
    if let Some(igd) = igd {
        let group = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 1900)).expect("the port is free");
        group.join_multicast_v4(&GROUP, &LAN).expect("a group");
        let listener = TcpListener::bind((LAN, HTTP)).expect("the port is free");
        let location = match igd.strip_prefix("location:") {
            Some(url) => url.to_owned(),
            None => format!("http://{LAN}:{HTTP}/root.xml"),
        };
        threads.push(std::thread::spawn(move || ssdp(&group, &location)));
        threads.push(std::thread::spawn(move || http(&listener, &igd)));
    }
    println!("{}", program::READY);
    for thread in threads {
        let _ = thread.join();
    }
}

fn port_control(socket: &UdpSocket, pcp: Option<&str>, pmp: Option<&str>) {
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        let request = &buffer[..length];
        let answer = match request.first() {
            Some(2) => pcp.and_then(|word| pcp_answer(request, word)),
            Some(0) => pmp.and_then(|word| pmp_answer(request, word)),
            _ => None,
        };
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, client);
        }
    }
}

fn pcp_answer(request: &[u8], word: &str) -> Option<Vec<u8>> {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    if name == "v0" {
        return Some(vec![0, 0x80 | request[1], 0, 1, 0, 0, 0, 9]);
    }
    let mut answer = request.to_vec();
    answer[1] |= 0x80;
    answer[8..24].fill(0);
    if name == "code" {
        answer[3] = value.parse().expect("a code");
        return Some(answer);
    }
    if request[1] == 1 {
        let removing = request[4..8] == [0; 4];
        match name {
            "late" if !removing => std::thread::sleep(Duration::from_millis(2200)),
            "keep" if removing => return None,
            "ok" => answer[3] = 2,
            _ => {}
        }
        let address: Ipv4Addr = value.parse().unwrap_or(Ipv4Addr::new(203, 0, 113, 1));
        if !removing {
            // The port that was suggested, which is the one inside.
            let inside = [request[40], request[41]];
            answer[42..44].copy_from_slice(&inside);
            answer[44..60].copy_from_slice(&address.to_ipv6_mapped().octets());
        }
    }
    Some(answer)
}

fn pmp_answer(request: &[u8], word: &str) -> Option<Vec<u8>> {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    let mut answer = vec![0, 0x80 | request[1], 0, 0, 0, 0, 0, 9];
    match name {
        "addr" => {
            let address: Ipv4Addr = value.parse().expect("an address");
            answer.extend(address.octets());
        }
        "code" => answer[3] = value.parse().expect("a code"),
        "v2" => {
            answer = vec![2, 0x80 | request[1], 0, 1];
            answer.extend([0; 20]);
        }
        "garbage" => answer = b"what?".to_vec(),
        _ => return None,
    }
    // Mappings are refused, so that the next protocol is tried.
    if request[1] != 0 {
        answer = vec![0, 0x80 | request[1], 0, 2, 0, 0, 0, 9];
    }
    Some(answer)
}

fn ssdp(socket: &UdpSocket, location: &str) {
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        if buffer[..length].starts_with(b"M-SEARCH") {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: {location}\r\nEXT:\r\n\r\n"
            );
            let _ = socket.send_to(answer.as_bytes(), client);
        }
    }
}

fn http(listener: &TcpListener, word: &str) {
    for stream in listener.incoming().map_while(Result::ok) {
        let word = word.to_owned();
        std::thread::spawn(move || {
            // Whoever hangs up while it is served is no fault.
            let _ = serve_one(stream, &word);
        });
    }
}

fn serve_one(mut stream: TcpStream, word: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    let mut action = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if lower.starts_with("soapaction:") {
            line.trim().trim_end_matches('"').clone_into(&mut action);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let (status, text) = if first.starts_with("GET") {
        description(word)
    } else {
        call(word, &action, &body)
    };
    if word == "hang" {
        std::thread::sleep(Duration::from_secs(30));
    }
    let more = if status.starts_with("302") {
        "Location: http://203.0.113.99/root.xml\r\n"
    } else {
        ""
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{more}Content-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn description(word: &str) -> (&'static str, String) {
    let service = |url: &str| {
        format!(
            "<service><serviceType>{WAN_IP}</serviceType><controlURL>{url}</controlURL></service>"
        )
    };
    let list = service("/ctl/1");
    match word {
        "html" => ("200 OK", "<html><body>Please log in<br></body>".to_owned()),
        "huge" => ("200 OK", format!("<root>{}</root>", "x".repeat(400_000))),
        "redirect" => ("302 Found", String::new()),
        _ => (
            "200 OK",
            format!(
                "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><serviceList>{list}</serviceList></device></root>"
            ),
        ),
    }
}

fn call(word: &str, action: &str, body: &str) -> (&'static str, String) {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    let argument = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>")).unwrap_or_default();
        rest.split('<').next().unwrap_or_default().to_owned()
    };
    let external = argument("NewExternalPort");
    let mut mapped = MAPPED.lock().expect("nobody panics");
    let known = mapped.contains(&external);
    if action.ends_with("#GetExternalIPAddress") {
        let address = match name {
            "code" => return fault(value),
            "permanent" | "conflict" => "203.0.113.1".to_owned(),
            _ => value.to_owned(),
        };
        return done(&format!(
            "<NewExternalIPAddress>{address}</NewExternalIPAddress>"
        ));
    }
    if action.ends_with("#GetSpecificPortMappingEntry") {
        return if known { done("") } else { fault("714") };
    }
    if action.ends_with("#DeletePortMapping") {
        mapped.retain(|port| *port != external);
        return if known { done("") } else { fault("714") };
    }
    if action.ends_with("#AddPortMapping") {
        if name == "permanent" && argument("NewLeaseDuration") != "0" {
            return fault("725");
        }
        if name == "conflict" && external == argument("NewInternalPort") {
            return fault("718");
        }
        mapped.push(external);
        return done("");
    }
    fault("401")
}

fn done(inner: &str) -> (&'static str, String) {
    (
        "200 OK",
        envelope(&format!(
            "<u:Response xmlns:u=\"{WAN_IP}\">{inner}</u:Response>"
        )),
    )
}

fn fault(code: &str) -> (&'static str, String) {
    (
        "500 Internal Server Error",
        envelope(&format!(
            "<s:Fault><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault>"
        )),
    )
}

fn envelope(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{inner}</s:Body></s:Envelope>"
    )
}
