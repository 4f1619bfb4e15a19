//! Documents of gateway devices, as real ones write them and as hostile ones may.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use rtcdiag::proto::nat::router::Meaning;
use rtcdiag::proto::nat::router::igd::{self, Map, Service};
use url::Url;

fn location() -> Url {
    Url::parse("http://192.168.1.1:5000/desc/root.xml").expect("a URL")
}

/// A description with these services: kind and control URL.
fn description(base: &str, services: &[(&str, &str)]) -> String {
    let list: Vec<String> = services
        .iter()
        .map(|(kind, url)| {
            format!("<service><serviceType>urn:schemas-upnp-org:service:{kind}</serviceType><controlURL>{url}</controlURL></service>")
        })
        .collect();
    let list = list.concat();
    format!(
        "<?xml version=\"1.0\"?>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\">{base}<device><deviceList><device><serviceList>{list}</serviceList></device></deviceList></device></root>\r\n\0"
    )
}

fn service(kind: &'static str) -> Service {
    let services = igd::services(&description("", &[(kind, "/ctl")]), &location());
    services.expect("one").remove(0)
}

#[test]
fn services_are_found_the_best_first() {
    let text = description(
        "",
        &[
            ("WANPPPConnection:1", "/ppp"),
            ("WANCommonInterfaceConfig:1", "/common"),
            ("WANIPConnection:1", "ip1"),
            ("WANIPConnection:2", "http://192.168.1.1:49152/ip2?x=1"),
        ],
    );
    let services = igd::services(&text, &location()).expect("three");
    let urls: Vec<&str> = services.iter().map(|s| s.control.as_str()).collect();
    assert_eq!(
        urls,
        [
            "http://192.168.1.1:49152/ip2?x=1",
            "http://192.168.1.1:5000/desc/ip1",
            "http://192.168.1.1:5000/ppp",
        ]
    );
}

#[test]
fn a_base_counts_only_on_the_same_host() {
    let of = |base: &str| {
        let text = description(base, &[("WANIPConnection:1", "/ctl")]);
        let services = igd::services(&text, &location()).expect("one");
        services[0].control.to_string()
    };
    let same = "<URLBase>http://192.168.1.1:1780/</URLBase>";
    assert_eq!(of(same), "http://192.168.1.1:1780/ctl");
    let other = "<URLBase>http://203.0.113.9/</URLBase>";
    assert_eq!(of(other), "http://192.168.1.1:5000/ctl");
}

#[test]
fn no_call_goes_to_another_host() {
    for url in [
        "http://203.0.113.9/ctl",
        "//203.0.113.9/ctl",
        "http://192.168.1.2/ctl",
        "https://192.168.1.1/ctl",
        "file:///etc/passwd",
    ] {
        let text = description("", &[("WANIPConnection:1", url)]);
        let error = igd::services(&text, &location()).expect_err(url);
        assert!(error.contains("another host"), "{url}: {error}");
    }
}

#[test]
fn descriptions_that_cannot_be_used() {
    let deep = "<a>".repeat(100_000);
    let wide = format!("<root>{}</root>", "<a/>".repeat(50_000));
    let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><r>&b;</r>";
    for text in ["", "<html><body>login", bomb, &deep, &wide, "\0\0"] {
        assert!(igd::services(text, &location()).is_err());
    }
    let none = igd::services(&description("", &[]), &location());
    assert_eq!(
        none,
        Err("its description has no service for mappings".to_owned())
    );
}

#[test]
fn calls_are_those_of_the_standard() {
    let service = service("WANIPConnection:1");
    let call = igd::external_address(&service);
    assert_eq!(
        call.action,
        "\"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\""
    );
    let map = Map {
        client: Ipv4Addr::new(192, 168, 1, 20),
        port: 1234,
        external_port: 40000,
        lifetime_s: 120,
    };
    let add = igd::add(&service, &map).body;
    // In the order of the standard: some devices read them by their place.
    let places: Vec<usize> = [
        "<NewRemoteHost></NewRemoteHost>",
        "<NewExternalPort>40000</NewExternalPort>",
        "<NewProtocol>UDP</NewProtocol>",
        "<NewInternalPort>1234</NewInternalPort>",
        "<NewInternalClient>192.168.1.20</NewInternalClient>",
        "<NewEnabled>1</NewEnabled>",
        "<NewPortMappingDescription>rtcdiag test</NewPortMappingDescription>",
        "<NewLeaseDuration>120</NewLeaseDuration>",
    ]
    .iter()
    .map(|part| add.find(part).unwrap_or_else(|| panic!("{part} in {add}")))
    .collect();
    assert!(places.is_sorted(), "{add}");
    let remove = igd::remove(&service, 40000);
    assert!(remove.action.ends_with("#DeletePortMapping\""));
    assert!(
        remove
            .body
            .contains("<NewExternalPort>40000</NewExternalPort>")
    );
}

/// What a device answers, with the namespaces that they have.
fn envelope(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{inner}</s:Body></s:Envelope>\r\n"
    )
}

fn address_answer(address: &str) -> String {
    envelope(&format!(
        "<u:GetExternalIPAddressResponse xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"><NewExternalIPAddress>{address}</NewExternalIPAddress></u:GetExternalIPAddressResponse>"
    ))
}

#[test]
fn external_addresses() {
    let read = |text: &str| igd::read_external_address(&address_answer(text));
    assert_eq!(read("203.0.113.5"), Ok(IpAddr::from([203, 0, 113, 5])));
    assert_eq!(read(" 100.64.0.7\n"), Ok(IpAddr::from([100, 64, 0, 7])));
    // A connection that is down.
    for none in ["", "0.0.0.0"] {
        assert_eq!(read(none), Ok(Ipv4Addr::UNSPECIFIED.into()));
    }
    assert!(read("(null)").is_err());
    assert!(read("dsl.example.org").is_err());
    assert!(igd::read_external_address(&envelope("")).is_err());
    assert!(igd::read_external_address("<html>").is_err());
}

#[test]
fn errors_have_their_meaning() {
    for (code, meaning) in [
        (401, Meaning::Unsupported),
        (501, Meaning::Other),
        (606, Meaning::NotAuthorized),
        (714, Meaning::NoSuchMapping),
        (718, Meaning::Conflict),
        (725, Meaning::PermanentOnly),
        (728, Meaning::NoResources),
        (899, Meaning::Other),
    ] {
        let fault = envelope(&format!(
            "<s:Fault><detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{code}</errorCode><errorDescription>\u{9b}Device says so</errorDescription></UPnPError></detail></s:Fault>"
        ));
        let refusal = igd::refusal(&fault).expect("an error");
        assert_eq!((refusal.code, refusal.meaning), (code, meaning));
        assert!(!refusal.text().chars().any(char::is_control));
    }
    assert_eq!(igd::refusal(&address_answer("203.0.113.5")), None);
}

#[test]
fn entries_say_whose_they_are() {
    let entry = envelope(
        "<u:R xmlns:u=\"x\"><NewInternalPort>1234</NewInternalPort><NewInternalClient>192.168.1.20</NewInternalClient></u:R>",
    );
    let owner = (IpAddr::from([192, 168, 1, 20]), 1234);
    assert_eq!(igd::read_entry(&entry), Some(owner));
    assert_eq!(igd::read_entry(&envelope("")), None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), inner in "[<>/a-zA-Z0-9&;! ]{0,60}") {
        for text in [text, envelope(&inner), description(&inner, &[("WANIPConnection:1", &inner)])] {
            for service in igd::services(&text, &location()).unwrap_or_default() {
                prop_assert_eq!(service.control.host_str(), Some("192.168.1.1"));
            }
            if let Err(why) = igd::read_external_address(&text) {
                prop_assert!(!why.is_empty());
            }
            let _ = (igd::refusal(&text), igd::read_entry(&text));
        }
    }
}
