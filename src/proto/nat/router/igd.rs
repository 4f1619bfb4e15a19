//! The documents of an Internet Gateway Device (UPnP): its description, and the calls of its
//! services `WANIPConnection` and `WANPPPConnection`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use roxmltree::{Document, Node, ParsingOptions};
use url::Url;

use crate::base::words::printable;
use crate::proto::nat::router::{Meaning, Refusal};

/// The largest document that is read, in bytes: descriptions of real routers have up to 30 KB.
pub const LARGEST: usize = 256 * 1024;

/// The most parts that one may have, so that none uses up the memory.
const MOST_NODES: u32 = 20_000;

/// The most services of one device that are asked.
const MOST_SERVICES: usize = 4;

/// The longest text of a router that is repeated.
const LONGEST_WORDS: usize = 80;

/// Kinds of services that make mappings, the best first.
const KINDS: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its kind, one of three.
    pub kind: &'static str,
    /// Where its calls go.
    pub control: Url,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The header `SOAPAction`.
    pub action: String,
    /// The document.
    pub body: String,
}

/// A mapping for UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    pub client: Ipv4Addr,
    pub port: u16,
    pub external_port: u16,
    /// In seconds; 0 is for ever.
    pub lifetime_s: u32,
}

/// The services in a description, the best first. They must be on the host that was asked.
///
/// # Errors
///
/// Says what is wrong with the description.
pub fn services(description: &str, location: &Url) -> Result<Vec<Service>, String> {
    let document = parse(description)?;
    let text_of = |node: Node, name: &str| child(node, name).map(str::to_owned);
    let base = document
        .descendants()
        .find(|n| n.tag_name().name() == "URLBase")
        .and_then(|n| Url::parse(n.text()?.trim()).ok())
        .filter(|base| base.host() == location.host())
        .unwrap_or_else(|| location.clone());
    let mut elsewhere = None;
    let mut services: Vec<Service> = Vec::new();
    for kind in KINDS {
        let of_kind = document
            .descendants()
            .filter(|n| n.tag_name().name() == "service")
            .filter(|n| child(*n, "serviceType") == Some(kind));
        for node in of_kind {
            let Some(control) = text_of(node, "controlURL") else {
                continue;
            };
            match base.join(&control) {
                Ok(url) if url.host() == location.host() && url.scheme() == "http" => {
                    if services.iter().all(|s| s.control != url) {
                        services.push(Service { kind, control: url });
                    }
                }
                _ => elsewhere = Some(shortened(&control)),
            }
        }
    }
    services.truncate(MOST_SERVICES);
    if !services.is_empty() {
        return Ok(services);
    }
    Err(match elsewhere {
        Some(url) => format!("its description leads to another host ({url}), which is not asked"),
        None => "its description has no service for mappings".to_owned(),
    })
}

pub fn external_address(service: &Service) -> Call {
    call(service, "GetExternalIPAddress", &[])
}

pub fn add(service: &Service, map: &Map) -> Call {
    call(
        service,
        "AddPortMapping",
        &[
            ("NewRemoteHost", String::new()),
            ("NewExternalPort", map.external_port.to_string()),
            ("NewProtocol", "UDP".to_owned()),
            ("NewInternalPort", map.port.to_string()),
            ("NewInternalClient", map.client.to_string()),
            ("NewEnabled", "1".to_owned()),
            ("NewPortMappingDescription", "rtcdiag test".to_owned()),
            ("NewLeaseDuration", map.lifetime_s.to_string()),
        ],
    )
}

pub fn remove(service: &Service, external_port: u16) -> Call {
    call(service, "DeletePortMapping", &entry(external_port))
}

/// Asks whether there is a mapping, and whose.
pub fn look_up(service: &Service, external_port: u16) -> Call {
    call(
        service,
        "GetSpecificPortMappingEntry",
        &entry(external_port),
    )
}

/// The external address in the answer to [`external_address`]: unspecified if the router says that
/// it has none.
///
/// # Errors
///
/// Says what is wrong with the answer.
pub fn read_external_address(answer: &str) -> Result<IpAddr, String> {
    let document = parse(answer)?;
    let address = value(&document, "NewExternalIPAddress")
        .ok_or("its answer has no external address")?
        .to_owned();
    if address.is_empty() {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    }
    address
        .parse()
        .map_err(|_| format!("it gives '{}' as its external address", shortened(&address)))
}

/// To which host and port a mapping in the answer to [`look_up`] leads.
pub fn read_entry(answer: &str) -> Option<(IpAddr, u16)> {
    let document = parse(answer).ok()?;
    let client = value(&document, "NewInternalClient")?.parse().ok()?;
    let port = value(&document, "NewInternalPort")?.parse().ok()?;
    Some((client, port))
}

/// The error in an answer, if it has one.
pub fn refusal(answer: &str) -> Option<Refusal> {
    let document = parse(answer).ok()?;
    let code: u16 = value(&document, "errorCode")?.parse().ok()?;
    let said = value(&document, "errorDescription").map(shortened);
    let (name, meaning) = known(code);
    Some(Refusal {
        code,
        name: match (name, said) {
            ("", Some(said)) if !said.is_empty() => said,
            ("", _) => "an unknown error".to_owned(),
            (name, _) => name.to_owned(),
        },
        meaning,
    })
}

/// UPnP Device Architecture 1.1, table 3-3, and `WANIPConnection:2`, section 2.4.
fn known(code: u16) -> (&'static str, Meaning) {
    match code {
        401 => ("Invalid Action", Meaning::Unsupported),
        402 => ("Invalid Args", Meaning::Unsupported),
        // What routers say whose connection is down, but also others.
        501 => ("Action Failed", Meaning::Other),
        602 => ("Optional Action Not Implemented", Meaning::Unsupported),
        606 => ("Action not authorized", Meaning::NotAuthorized),
        714 => ("NoSuchEntryInArray", Meaning::NoSuchMapping),
        718 => ("ConflictInMappingEntry", Meaning::Conflict),
        724 => ("SamePortValuesRequired", Meaning::Other),
        725 => ("OnlyPermanentLeasesSupported", Meaning::PermanentOnly),
        728 => ("NoPortMapsAvailable", Meaning::NoResources),
        729 => ("ConflictWithOtherMechanisms", Meaning::Conflict),
        _ => ("", Meaning::Other),
    }
}

fn entry(external_port: u16) -> [(&'static str, String); 3] {
    [
        ("NewRemoteHost", String::new()),
        ("NewExternalPort", external_port.to_string()),
        ("NewProtocol", "UDP".to_owned()),
    ]
}

fn call(service: &Service, action: &str, arguments: &[(&str, String)]) -> Call {
    let mut inner = String::new();
    for (name, value) in arguments {
        // Addresses, numbers and fixed words: nothing that XML would have to escape. Writing into a
        // String does not fail.
        let _ = write!(inner, "<{name}>{value}</{name}>");
    }
    let kind = service.kind;
    Call {
        action: format!("\"{kind}#{action}\""),
        body: format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:{action} xmlns:u=\"{kind}\">{inner}</u:{action}></s:Body></s:Envelope>\r\n"
        ),
    }
}

/// Documents with a DTD are refused, so that entities cannot blow them up.
fn parse(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    // Some routers end their documents with zero bytes, or begin them with a line break.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
    Document::parse_with_options(text, options)
        .map_err(|error| format!("its XML cannot be read: {error}"))
}

fn child<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let found = node.children().find(|n| n.tag_name().name() == name)?;
    Some(found.text()?.trim())
}

fn value<'a>(document: &'a Document, name: &str) -> Option<&'a str> {
    let found = document
        .descendants()
        .find(|n| n.tag_name().name() == name)?;
    Some(found.text().unwrap_or_default().trim())
}

/// As much as is worth repeating. What is cut is not cut within an address, which would then not be
/// known for one.
fn shortened(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= LONGEST_WORDS {
        return text;
    }
    let begun: String = text.chars().take(LONGEST_WORDS).collect();
    let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    format!("{}...", begun.trim_end_matches(of_address))
}
