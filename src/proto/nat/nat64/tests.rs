use proptest::prelude::*;

use crate::proto::nat::nat64::*;

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an IPv6 address")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

/// The table of RFC 6052 2.4.
const TABLE: [(&str, &str); 6] = [
    ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
    ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
];

#[test]
fn addresses_of_the_rfc() {
    let inner = Ipv4Addr::new(192, 0, 2, 33);
    for (text, synthesized) in TABLE {
        let prefix = prefix(text);
        assert_eq!(prefix.synthesize(inner), v6(synthesized), "{text}");
        assert_eq!(prefix.extract(v6(synthesized)), Some(inner), "{text}");
        assert_eq!(prefix.to_string(), text);
    }
    let well_known = Prefix::WELL_KNOWN;
    assert_eq!(well_known, prefix("64:ff9b::/96"));
    assert_eq!(well_known.synthesize(inner), v6("64:ff9b::192.0.2.33"));
}

#[test]
fn what_is_no_prefix_says_why() {
    for (text, why) in [
        ("64:ff9b::", "the length is missing"),
        ("", "the length is missing"),
        ("203.0.113.0/24", "'203.0.113.0' is not an IPv6 address"),
        ("/96", "'' is not an IPv6 address"),
        ("64:ff9b::/95", "'95' is not a length"),
        ("64:ff9b::/128", "'128' is not a length"),
        ("64:ff9b::/+96", "'+96' is not a length"),
        ("64:ff9b::/", "'' is not a length"),
        ("64:ff9b::1/96", "did you mean 64:ff9b::/96?"),
        ("2001:db8:64::1/48", "did you mean 2001:db8:64::/48?"),
        ("2001:db8:0:0:100::/96", "bits 64 to 71"),
        ("::/96", "not an address that a network could route"),
        ("::ffff:0:0/96", "not an address that a network could route"),
        ("fe80::/64", "not an address that a network could route"),
        ("ff02::/96", "not an address that a network could route"),
    ] {
        let error = text.parse::<Prefix>().expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn prefixes_are_found_in_the_answers_for_the_well_known_name() {
    for (text, _) in TABLE {
        let prefix = prefix(text);
        let answers = WELL_KNOWN_ADDRESSES.map(|a| prefix.synthesize(a));
        assert_eq!(discovered(&answers), [prefix], "{text}");
        assert_eq!(discovered(&answers[1..]), [prefix], "{text}");
    }
}

#[test]
fn the_order_of_dns_is_kept() {
    let (first, second) = (prefix("2001:db8:64::/96"), Prefix::WELL_KNOWN);
    let answers: Vec<Ipv6Addr> = [first, second]
        .into_iter()
        .flat_map(|p| WELL_KNOWN_ADDRESSES.map(|a| p.synthesize(a)))
        .collect();
    assert_eq!(discovered(&answers), [first, second]);
    let reversed: Vec<Ipv6Addr> = answers.into_iter().rev().collect();
    assert_eq!(discovered(&reversed), [second, first]);
}

#[test]
fn a_prefix_between_two_addresses() {
    for (text, synthesized) in TABLE {
        let found = between(v6(synthesized), Ipv4Addr::new(192, 0, 2, 33));
        assert_eq!(found, Some(prefix(text)), "{text}");
    }
    let other = Ipv4Addr::new(192, 0, 2, 34);
    assert_eq!(between(v6("64:ff9b::192.0.2.33"), other), None);
    // The same octets twice: either may be meant.
    assert_eq!(between(v6("2001:db8:c000:222::192.0.2.34"), other), None);
}

/// A DNS64 may put something behind the IPv4 address; translators do not look at it.
#[test]
fn a_suffix_does_not_matter() {
    let prefix = prefix("2001:db8:122:344::/64");
    let answer = v6("2001:db8:122:344:c0:0:aa00:64");
    assert_eq!(discovered(&[answer]), [prefix]);
    assert_eq!(prefix.extract(answer), Some(WELL_KNOWN_ADDRESSES[0]));
}

#[test]
fn other_answers_are_no_prefix() {
    for answer in [
        "2001:db8::1",
        "64:ff9b::192.0.0.172",
        "64:ff9b::203.0.113.10",
        "::ffff:192.0.0.170",
        "::192.0.0.170",
        "fe80::192.0.0.170",
        // The octet that has to be zero is not.
        "2001:db8:c000:aa:100::",
    ] {
        assert_eq!(discovered(&[v6(answer)]), [], "{answer}");
    }
    let found = discovered(&[v6("2001:db8::1"), v6("64:ff9b::192.0.0.171")]);
    assert_eq!(found, [Prefix::WELL_KNOWN]);
}

/// 192.0.0.170 at two places: only the other well-known address can tell which is meant.
#[test]
fn an_ambiguous_answer_needs_the_other_one() {
    let meant = prefix("2001:db8:c000:aa::/96");
    let [first, second] = WELL_KNOWN_ADDRESSES.map(|a| meant.synthesize(a));
    // By itself the first may also be that of 2001:db8::/32.
    assert_eq!(discovered(&[first]), []);
    assert_eq!(discovered(&[first, second]), [meant]);
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    (any::<u128>(), prop::sample::select(LENGTHS.as_slice())).prop_filter_map(
        "a prefix",
        |(bits, length)| {
            let u_octet = 0xff_u128 << 56;
            let address = Ipv6Addr::from_bits(bits & !u_octet);
            Prefix::new(masked(address, length), length).ok()
        },
    )
}

proptest! {
    #[test]
    fn what_is_synthesized_is_extracted(prefix in any_prefix(), inner in any::<u32>()) {
        let inner = Ipv4Addr::from_bits(inner);
        let address = prefix.synthesize(inner);
        prop_assert_eq!(prefix.extract(address), Some(inner));
        prop_assert_eq!(masked(address, prefix.length), prefix.address);
        prop_assert_eq!(address.octets()[U_OCTET], 0);
        let endpoint = SocketAddr::new(IpAddr::V4(inner), 3478);
        prop_assert_eq!(prefix.behind(prefix.reach(endpoint)), endpoint);
    }

    #[test]
    fn what_is_extracted_is_synthesized(prefix in any_prefix(), bits in any::<u128>()) {
        let address = Ipv6Addr::from_bits(bits);
        if let Some(inner) = prefix.extract(address) {
            // But for what is behind the IPv4 address.
            prop_assert_eq!(prefix.extract(prefix.synthesize(inner)), Some(inner));
            prop_assert_eq!(masked(address, prefix.length), prefix.address);
        } else {
            let endpoint = SocketAddr::new(IpAddr::V6(address), 1);
            prop_assert_eq!(prefix.behind(endpoint), endpoint);
        }
    }

    #[test]
    fn what_is_shown_is_read_again(prefix in any_prefix()) {
        prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
    }

    #[test]
    fn any_text_is_a_prefix_or_says_why(text in "\\PC{0,40}") {
        if let Ok(prefix) = text.parse::<Prefix>() {
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
        }
    }

    /// Whatever DNS says: a prefix that is found explains an answer, and the true one is found
    /// unless another reading is as good.
    #[test]
    fn what_is_discovered_explains_an_answer(
        prefix in any_prefix(),
        noise in prop::collection::vec(any::<u128>(), 0..4),
    ) {
        let mut answers: Vec<Ipv6Addr> = noise.into_iter().map(Ipv6Addr::from_bits).collect();
        answers.extend(WELL_KNOWN_ADDRESSES.map(|a| prefix.synthesize(a)));
        let found = discovered(&answers);
        for prefix in &found {
            let explains = |a: &Ipv6Addr| {
                prefix.extract(*a).is_some_and(|inner| WELL_KNOWN_ADDRESSES.contains(&inner))
            };
            prop_assert!(answers.iter().any(explains), "{}", prefix);
        }
        prop_assert!(found.contains(&prefix), "{} not in {:?}", prefix, found);
    }
}
