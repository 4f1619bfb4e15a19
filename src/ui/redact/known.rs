//! Addresses in texts that are nobody's: well-known networks, and the examples in our own messages.

/// Networks and ranges as our messages write them, and as people may.
const NETWORKS: [&str; 38] = [
    "0.0.0.0/0",
    "0.0.0.0/8",
    "0.0.0.0-0.255.255.255",
    "10.0.0.0/8",
    "10.0.0.0-10.255.255.255",
    "100.64.0.0/10",
    "100.64.0.0-100.127.255.255",
    "127.0.0.0/8",
    "127.0.0.0-127.255.255.255",
    "169.254.0.0/16",
    "169.254.0.0-169.254.255.255",
    "172.16.0.0/12",
    "172.16.0.0-172.31.255.255",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.168.0.0/16",
    "192.168.0.0-192.168.255.255",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/0",
    "::/96",
    "::1/128",
    "::ffff:0:0/96",
    "::ffff:0.0.0.0/96",
    "::ffff:0.0.0.0-::ffff:255.255.255.255",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2000::/3",
    "2001::/32",
    "2002::/16",
    "fc00::/7",
    "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fd00::/8",
    "fe80::/10",
    "fe80::/64",
    "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ff00::/8",
];

/// The well-known addresses of ipv4only.arpa (RFC 7050 2.2).
const ADDRESSES: [&str; 2] = ["192.0.0.170", "192.0.0.171"];

/// Examples: what stands before them, and they themselves.
const EXAMPLES: [(&str, &str); 5] = [
    ("denied-peer-ip=", "::1"),
    ("as in ", "[2001:db8::1]:3478"),
    ("such as ", "192.168.7.0/24"),
    (" 192.168.7.0/24 or ", "fd00:7::/64"),
    ("[::]:7880 or ", "192.0.2.10"),
];

/// Where something well-known ends that begins here.
pub(super) fn end(text: &str, at: usize) -> Option<usize> {
    let (before, behind) = text.split_at(at);
    let ends = |known: &str| {
        let rest = behind.strip_prefix(known)?;
        let mut rest = rest.bytes();
        let goes_on = match rest.next() {
            Some(b'.' | b':') => rest.next().is_some_and(|b| b.is_ascii_hexdigit()),
            Some(byte) => byte.is_ascii_alphanumeric(),
            None => false,
        };
        (!goes_on).then_some(at + known.len())
    };
    NETWORKS
        .iter()
        .chain(&ADDRESSES)
        .find_map(|known| ends(known))
        .or_else(|| {
            EXAMPLES
                .iter()
                .filter(|(lead, _)| before.ends_with(lead))
                .find_map(|(_, example)| ends(example))
        })
}
