//! What is found in texts, in whatever spelling and surroundings, and what is left alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rtcdiag::commands::serve::args::ListenArg;
use rtcdiag::proto::stun::uri::UriError;
use rtcdiag::proto::turn::policy::PeerClass;
use rtcdiag::proto::turn::server::peers::Network;
use rtcdiag::ui::redact::Redaction;

use strum::VariantArray as _;

use crate::support::leaks;

fn on() -> Redaction {
    Redaction::new(true)
}

#[test]
fn labels_say_the_kind() {
    for (given, wanted) in [
        ("203.0.113.5", "pub1"),
        ("8.8.8.8 8.8.4.4 8.8.8.8", "pub1 pub2 pub1"),
        (
            "10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1",
            "lan1 lan2 lan3 lan4",
        ),
        ("172.32.0.1 192.169.1.1", "pub1 pub2"),
        ("100.64.0.1 100.127.255.254 100.128.0.1", "cgn1 cgn2 pub1"),
        ("169.254.169.254", "ll1"),
        ("127.0.0.1 127.0.0.2 ::1", "lo1 lo2 lo6-1"),
        ("192.0.0.1 192.0.0.9", "xlat1 res1"),
        ("224.0.0.1 ff02::1", "mc1 mc6-1"),
        ("240.0.0.1 0.1.2.3 198.18.0.9", "res1 res2 res3"),
        ("2001:db8::5 2a00::1", "pub6-1 pub6-2"),
        ("fd00:7::9 fc00::1", "ula1 ula2"),
        ("fe80::1%eth0 fe80::1%3", "ll6-1%eth0 ll6-1%3"),
        ("4000::1 100::1", "res6-1 res6-2"),
        (
            "::ffff:203.0.113.5 203.0.113.5 ::ffff:cb00:7105",
            "map-pub1 pub1 map-pub1",
        ),
        (
            "64:ff9b::203.0.113.5 64:ff9b::c0a8:101",
            "n64-pub1 n64-lan1",
        ),
        ("2001:db8:64::/96", "pub6-1/96"),
        ("192.168.1.0/24 via 192.168.1.1", "lan1/24 via lan2"),
        // Belonging to nobody.
        (
            "0.0.0.0:0 [::]:7880 :: 255.255.255.255",
            "0.0.0.0:0 [::]:7880 :: 255.255.255.255",
        ),
        ("192.0.0.170", "192.0.0.170"),
    ] {
        assert_eq!(on().text(given), wanted);
    }
}

#[test]
fn addresses_are_found_wherever_they_stand() {
    for (given, wanted) in [
        ("[2001:db8::5]:40000", "pub6-1:40000"),
        ("[2001:db8::5]", "pub6-1"),
        ("[fe80::1%eth0.7]:1", "ll6-1%eth0.7:1"),
        ("[2001:db8::5, 2001:db8::6]", "[pub6-1, pub6-2]"),
        ("2001:db8::5:40000", "pub6-1:40000"),
        ("2001:DB8:0:0:0:0:0:5 2001:0db8::0005", "pub6-1 pub6-1"),
        ("203.000.113.005", "pub1"),
        (
            "turn:203.0.113.10:3478?transport=udp",
            "turn:pub1:3478?transport=udp",
        ),
        ("turn:[2001:db8::5]:3478", "turn:pub6-1:3478"),
        ("turn:2001:db8::5:3478", "turn:pub6-1"),
        ("ws://[::1]:7880/a", "ws://lo6-1:7880/a"),
        ("203.0.113.5\n:63765", "pub1\n:63765"),
        ("203.0.113.5.", "pub1."),
        ("203.0.113.5: refused", "pub1: refused"),
        ("2001:db8::5: refused", "pub6-1: refused"),
        ("2001:db8::: refused", "pub6-1: refused"),
        (":::1 ::: ::", ":lo6-1 ::: ::"),
        ("at 2001:db8::5.", "at pub6-1."),
        (
            "\u{1b}[31m203.0.113.5\u{1b}[0m \u{1b}[1;31m2001:db8::5\u{1b}[0m",
            "\u{1b}[31mpub1\u{1b}[0m \u{1b}[1;31mpub6-1\u{1b}[0m",
        ),
        ("203.0.113.5.40000", "pub1.40000"),
        ("1..203.0.113.5", "1..pub1"),
        ("...203.0.113.5...", "...pub1..."),
        (
            "ip-203-0-113-5.example ec2-203-0-113-5.example",
            "ip-pub1.example ec2-pub1.example",
        ),
        ("203-0-113-5.example", "pub1.example"),
        ("2001-db8--5.example", "pub6-1.example"),
        ("203.0.113.5.example", "pub1.example"),
        ("host203.0.113.5", "hostpub1"),
        ("203.0.113.300 999.1.1.1", "?.?.?.? ?.?.?.?"),
        ("c=IN IP4 203.0.113.5\r\n", "c=IN IP4 pub1\r\n"),
        ("héé203.0.113.5é", "héépub1é"),
        (
            "a=candidate:842163049 1 udp 7 203.0.113.5 4 typ srflx raddr 192.168.1.7 rport 5",
            "a=candidate:f1 1 udp 7 pub1 4 typ srflx raddr lan1 rport 5",
        ),
        (
            "candidate:7 1 x candidate:8 1 x candidate:7 2 x",
            "candidate:f1 1 x candidate:f2 1 x candidate:f1 2 x",
        ),
        ("rtcdiag1:dj0wDQ_-o9.", "rtcdiag1:***."),
        ("rtcdiag2:dj0wDQ_-o9.", "rtcdiag2:***."),
    ] {
        assert_eq!(on().text(given), wanted, "{given}");
    }
}

#[test]
fn what_is_no_address_stays() {
    for text in [
        "RFC 8445 7.2.5.2 and RFC 8445 7.2.5.2.1, RFC 5780 4.3",
        "coturn 4.6.1, rtcdiag/0.1.0, v1.2.3.4, V10.20.30.40",
        "10:00:00 and 2026-11-22T10:00:00.000Z, 2026-11-22",
        "1.3.6.1.4.1.311.2.1.14",
        "00:11:22:33:44:55",
        "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01",
        "fingerprint sha-256 12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0.",
        "rtcdiag::proto::nat::behavior, std::net::IpAddr",
        "4HDM-J996-404S-586A-A",
        "550e8400-e29b-41d4-a716-446655440000",
        "5.1 ms, 0.0 % loss, 1..25 s, 2130706431",
        "(100.64.0.0/10, RFC 6598)",
        "192.0.0.0/29, 64:ff9b::/96, 64:ff9b:1::/48, fe80::/10.",
        "candidate: 1 candidate:x",
        "rtcdiag1: rtcdiag10:abc",
        "pub1:40000 pub6-1 ll6-1%eth0:7 map-pub1 n64-lan2 candidate:f1 1 udp lan1/24 pub+ ula+",
        "",
    ] {
        assert_eq!(on().text(text), text);
    }
    for class in PeerClass::VARIANTS {
        assert_eq!(on().text(class.remedy()), class.remedy());
    }
}

/// The examples in messages, as they are in the sources.
#[test]
fn examples_in_our_own_messages_stay() {
    let uri = UriError::Unbracketed("x".to_owned()).to_string();
    let network = "x".parse::<Network>().expect_err("it is none");
    let listen = "x".parse::<ListenArg>().expect_err("it is none");
    let examples = [
        ("[2001:db8::1]:3478", uri),
        ("192.168.7.0/24 or fd00:7::/64", network.to_string()),
        ("[::]:7880 or 192.0.2.10", listen.clone()),
    ];
    for (example, error) in examples {
        assert!(error.contains(example), "{error}");
        assert!(on().text(&error).contains(example), "{}", on().text(&error));
    }
    // And not where somebody has such an address.
    assert_eq!(
        on().text("or 192.0.2.10, [2001:db8::1]:3478"),
        "or pub1, pub6-1:3478"
    );
}

fn v4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>()
        .prop_map(Ipv4Addr::from)
        .prop_filter("somebody's", |ip| {
            !ip.is_unspecified() && !ip.is_broadcast()
        })
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    let sparse = (any::<[u16; 8]>(), any::<u8>()).prop_map(|(mut groups, zeros)| {
        for (at, group) in groups.iter_mut().enumerate() {
            if zeros & (1 << at) != 0 {
                *group = 0;
            }
        }
        Ipv6Addr::from(groups)
    });
    // Of ::ffff:0:0/96 and the like what is inside counts; they have a test of their own.
    sparse.prop_filter("a plain one", |ip| {
        !ip.is_unspecified() && ip.to_ipv4().is_none() && ip.segments()[0] != 0x64
    })
}

/// The spellings of an IPv6 address that std reads.
fn spellings(ip: Ipv6Addr) -> Vec<String> {
    let groups = ip.segments();
    let join = |one: &dyn Fn(&u16) -> String| groups.iter().map(one).collect::<Vec<_>>().join(":");
    let [.., high, low] = groups;
    let tail = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    let head: Vec<String> = groups[..6].iter().map(|g| format!("{g:x}")).collect();
    vec![
        ip.to_string(),
        ip.to_string().to_uppercase(),
        join(&|g| format!("{g:x}")),
        join(&|g| format!("{g:04x}")),
        join(&|g| format!("{g:04X}")),
        format!("{}:{tail}", head.join(":")),
    ]
}

const BEFORE: [&str; 16] = [
    "",
    " ",
    "\n",
    "(",
    "'",
    "\"",
    "=",
    "turn:",
    "ws://",
    "via ",
    "->",
    ",",
    "é",
    "\u{1b}[31m",
    "0x1 ",
    "a=x IP6 ",
];
const BEHIND: [&str; 14] = [
    "",
    " ",
    "\n",
    ")",
    "'",
    "\"",
    ",",
    ".",
    ": refused",
    "/x",
    "?transport=udp",
    "é",
    "\u{1b}[0m",
    ";q",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_ipv4_address_is_found(ip in v4(), before in 0..BEFORE.len(), behind in 0..BEHIND.len(), port: u16) {
        let (before, behind) = (BEFORE[before], BEHIND[behind]);
        let [a, b, c, d] = ip.octets();
        let redaction = on();
        let label = redaction.text(&ip.to_string()).into_owned();
        prop_assert!(label.ends_with('1') && label.len() <= 6, "{}", label);
        for spelling in [ip.to_string(), format!("{a:03}.{b:03}.{c:03}.{d:03}"), format!("{a}.{b:02}.{c}.{d:03}"), format!("{a}-{b}-{c}-{d}")] {
            for port in [String::new(), format!(":{port}")] {
                let text = format!("{before}{spelling}{port}{behind}");
                let shown = redaction.text(&text).into_owned();
                prop_assert_eq!(&shown, &format!("{before}{label}{port}{behind}"), "{}", text);
                prop_assert_eq!(redaction.text(&shown), &*shown);
            }
        }
        let mapped = redaction.text(&ip.to_ipv6_mapped().to_string()).into_owned();
        prop_assert_eq!(mapped, format!("map-{label}"));
        let translated = redaction.text(&format!("[64:ff9b::{ip}]:{port}")).into_owned();
        prop_assert_eq!(translated, format!("n64-{label}:{port}"));
    }

    #[test]
    fn any_ipv6_address_is_found(ip in v6(), before in 0..BEFORE.len(), behind in 0..BEHIND.len(), port: u16) {
        let (before, behind) = (BEFORE[before], BEHIND[behind]);
        let redaction = on();
        let label = redaction.text(&ip.to_string()).into_owned();
        prop_assert!(label.ends_with('1') && label.len() <= 6, "{}", label);
        for spelling in spellings(ip) {
            for (open, close) in [("", ""), ("", "%eth0"), ("[", "]"), ("[", "%7]")] {
                let zone = close.trim_end_matches(']');
                let port = if open.is_empty() { String::new() } else { format!(":{port}") };
                let text = format!("{before}{open}{spelling}{close}{port}{behind}");
                let shown = redaction.text(&text).into_owned();
                prop_assert_eq!(&shown, &format!("{before}{label}{zone}{port}{behind}"), "{}", text);
                prop_assert_eq!(redaction.text(&shown), &*shown);
            }
        }
    }

    #[test]
    fn what_is_made_of_the_same_characters_shows_nothing(text in "[0-9a-f:.\\[\\]%/ -]{0,60}") {
        let redaction = on();
        let shown = redaction.text(&text).into_owned();
        prop_assert!(leaks::parsable(&shown).is_empty(), "{} {}", text, shown);
    }

    #[test]
    fn any_text_at_all_can_be_read(text: String, other in "(é|[0-9a-f:.\\[%]|candidate:|rtcdiag1:){0,30}") {
        let redaction = on();
        for text in [text, other] {
            redaction.text(&text);
            redaction.laid_out(&text);
            redaction.json(&text);
        }
    }

    #[test]
    fn words_and_numbers_stay(words in proptest::collection::vec(
        prop_oneof![
            "[g-zG-Z][a-zA-Z_]{0,9}",
            "[0-9]{1,9}",
            "[0-9]{1,3}\\.[0-9]{1,3}(\\.[0-9]{1,3})?",
            "v[0-9]{1,2}(\\.[0-9]{1,2}){3}",
            "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]",
            "2026-1[0-2]-[0-2][0-9]",
            "([0-9A-F]{2}:){31}[0-9A-F]{2}",
            "([0-9a-f]{2}:){5}[0-9a-f]{2}",
            "[0-9a-f]{32}",
            "[g-z]{2,6}::[g-z]{2,6}",
            "[0-9A-Z]{4}(-[0-9A-Z]{4}){3}-[0-9A-Z]",
        ], 0..20)) {
        let text = words.join(" ");
        prop_assert_eq!(on().text(&text), text.as_str());
        prop_assert_eq!(on().laid_out(&text), text.as_str());
    }
}

/// Remains of addresses that random texts had.
#[test]
fn what_is_nearly_an_address_shows_nothing() {
    for text in [
        "0:::1%",
        "::1%",
        "0:::1",
        "1:::1%eth0",
        "[0:::1%]",
        ":::1%",
        "a 0:::ab% b",
    ] {
        let redaction = on();
        let shown = redaction.text(text).into_owned();
        assert!(leaks::parsable(&shown).is_empty(), "{text} {shown}");
    }
}

/// A large document takes no time that anybody would notice, and each label is the right one.
#[test]
fn large_documents_keep_their_labels_apart() {
    let redaction = on();
    let lines = (0..20_000_u32).map(|n| {
        let ip = IpAddr::V4(Ipv4Addr::from(0x0808_0000 + n % 5_000));
        (
            format!(
                "{{\"address\": \"{ip}:7\", \"text\": \"via [2001:db8::{:x}]:9\"}}",
                n % 5_000
            ),
            n % 5_000 + 1,
        )
    });
    let (given, wanted): (Vec<String>, Vec<String>) = lines
        .map(|(line, n)| {
            (
                line,
                format!("{{\"address\": \"pub{n}:7\", \"text\": \"via pub6-{n}:9\"}}"),
            )
        })
        .unzip();
    assert_eq!(redaction.json(&given.join("\n")), wanted.join("\n"));
    assert_eq!(redaction.text(&given.join("\n")), wanted.join("\n"));
}
