//! The beginning of a TLS handshake (RFC 5246) as a client sees it that takes whatever there is: to
//! find out whether a port speaks TLS, and what a server has that refuses the usual offer.

/// Versions by their number on the wire.
pub const TLS_1_2: u16 = 0x0303;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// A record's body, with what encryption may add.
const MAX_RECORD: usize = (1 << 14) + 2048;

/// Everything that servers of the last decades offer, the best first; none without a certificate.
const CIPHERS: [u16; 47] = [
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0x009e, 0x009f, 0xccaa, 0xc009,
    0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc008, 0xc012, 0x0033, 0x0039, 0x0067,
    0x006b, 0x0016, 0x0045, 0x0088, 0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d, 0x0041, 0x0084,
    0x000a, 0x0032, 0x0038, 0x0040, 0x006a, 0x00a2, 0x00a3, 0x0013, 0x0005, 0x0004, 0x00ff,
];
/// With P-521 and the Brainpool curves, which browsers leave out.
const GROUPS: [u16; 9] = [
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x001a, 0x001b, 0x001c, 0x0016,
];
const SIGNATURES: [u16; 22] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x081a,
    0x081b, 0x081c, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0202,
];

/// A `ClientHello` of TLS 1.2 at most, so that the server shows its certificate unencrypted.
pub fn client_hello(name: Option<&str>, random: [u8; 32]) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let mut entry = vec![0];
        put(&mut entry, 2, name.as_bytes());
        let mut list = Vec::new();
        put(&mut list, 2, &entry);
        extension(&mut extensions, 0, &list);
    }
    extension(&mut extensions, 10, &numbers(&GROUPS));
    extension(&mut extensions, 11, &[1, 0]);
    extension(&mut extensions, 13, &numbers(&SIGNATURES));
    let mut hello = TLS_1_2.to_be_bytes().to_vec();
    hello.extend(random);
    hello.push(0);
    hello.extend(numbers(&CIPHERS));
    hello.extend([1, 0]);
    put(&mut hello, 2, &extensions);
    let mut message = vec![1];
    put(&mut message, 3, &hello);
    // The oldest version in the record: some servers look at nothing else.
    let mut record = vec![HANDSHAKE, 3, 1];
    put(&mut record, 2, &message);
    record
}

fn extension(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend(kind.to_be_bytes());
    put(to, 2, value);
}

/// Bytes behind their length, which takes so many bytes.
fn put(to: &mut Vec<u8>, width: usize, value: &[u8]) {
    let length = value.len().to_be_bytes();
    to.extend(&length[length.len() - width..]);
    to.extend(value);
}

fn numbers(list: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = list
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    let mut all = Vec::new();
    put(&mut all, 2, &bytes);
    all
}

/// What a server said to the `ClientHello`, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flight {
    /// It may still become anything.
    Incomplete,
    /// Not TLS.
    Foreign,
    /// It refuses, with this alert.
    Alert(u8),
    /// It agrees.
    Hello(ServerHello),
}

/// A server's choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerHello {
    pub version: u16,
    pub cipher: u16,
    /// Its certificates in DER, its own first; `None` until they have come.
    pub chain: Option<Vec<Vec<u8>>>,
}

impl ServerHello {
    /// Whether the browsers' ciphers are none of the server's: those with ECDHE and AEAD are.
    pub const fn has_modern_cipher(&self) -> bool {
        matches!(
            self.cipher,
            0xc02b | 0xc02c | 0xc02f | 0xc030 | 0xcca8 | 0xcca9
        )
    }
}

/// Reads a server's first flight.
pub fn read(bytes: &[u8]) -> Flight {
    let mut rest = bytes;
    let mut messages = Vec::new();
    loop {
        if rest
            .first()
            .is_some_and(|kind| !matches!(*kind, ALERT | HANDSHAKE))
            || rest.get(1).is_some_and(|major| *major != 3)
        {
            return if messages.is_empty() {
                Flight::Foreign
            } else {
                said(&messages)
            };
        }
        let Some((kind, body, behind)) = record(rest) else {
            return said(&messages);
        };
        if body.is_empty() || body.len() > MAX_RECORD {
            return Flight::Foreign;
        }
        rest = behind;
        match kind {
            // A warning (1) goes before something else: that the name is not known, say.
            ALERT if body.first() == Some(&1) => {}
            ALERT => {
                return match (said(&messages), body.get(1)) {
                    (Flight::Hello(hello), _) => Flight::Hello(hello),
                    (_, Some(alert)) => Flight::Alert(*alert),
                    (_, None) => Flight::Foreign,
                };
            }
            _ => messages.extend_from_slice(body),
        }
    }
}

fn record(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(5)?;
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let (body, behind) = rest.split_at_checked(length)?;
    Some((header[0], body, behind))
}

fn said(messages: &[u8]) -> Flight {
    let mut rest = messages;
    let mut hello: Option<ServerHello> = None;
    while let Some((kind, body)) = message(&mut rest) {
        match (kind, &mut hello) {
            (SERVER_HELLO, None) => hello = server_hello(body),
            (CERTIFICATE, Some(hello)) => hello.chain = certificates(body),
            _ => {}
        }
    }
    hello.map_or(Flight::Incomplete, Flight::Hello)
}

fn message<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (kind, behind) = rest.split_first()?;
    let body = taken(&mut { behind }, 3)?;
    *rest = &behind[3 + body.len()..];
    Some((*kind, body))
}

/// Takes what stands behind its length.
fn taken<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_at_checked(width)?;
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let (value, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    Some(value)
}

fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let (version, rest) = body.split_at_checked(2)?;
    let mut rest = rest.get(32..)?;
    taken(&mut rest, 1)?;
    Some(ServerHello {
        version: u16::from_be_bytes([version[0], version[1]]),
        cipher: u16::from_be_bytes([*rest.first()?, *rest.get(1)?]),
        chain: None,
    })
}

fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut list = taken(&mut { body }, 3)?;
    let mut chain = Vec::new();
    while let Some(certificate) = taken(&mut list, 3) {
        chain.push(certificate.to_vec());
    }
    Some(chain)
}

/// An alert in words (RFC 8446 6).
pub const fn alert_name(alert: u8) -> &'static str {
    match alert {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "an alert without a name",
    }
}

/// A version in words.
pub const fn version_name(version: u16) -> &'static str {
    match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        _ => "another version",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(certificate: &[u8]) -> Vec<u8> {
        let mut hello = vec![3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0xc0, 0x2b, 0]);
        let mut entry = Vec::new();
        put(&mut entry, 3, certificate);
        let mut list = Vec::new();
        put(&mut list, 3, &entry);
        let mut messages = vec![SERVER_HELLO];
        put(&mut messages, 3, &hello);
        messages.push(CERTIFICATE);
        put(&mut messages, 3, &list);
        let mut bytes = Vec::new();
        // Messages go over the borders of records.
        for part in messages.chunks(30) {
            bytes.extend([HANDSHAKE, 3, 3]);
            put(&mut bytes, 2, part);
        }
        bytes
    }

    #[test]
    fn a_flight_is_read_wherever_it_is_cut() {
        let bytes = flight(b"certificate");
        for length in 0..bytes.len() {
            assert!(
                !matches!(read(&bytes[..length]), Flight::Foreign | Flight::Alert(_)),
                "{length}"
            );
        }
        let Flight::Hello(hello) = read(&bytes) else {
            panic!("{:?}", read(&bytes));
        };
        assert_eq!((hello.version, hello.cipher), (TLS_1_2, 0xc02b));
        assert_eq!(hello.chain, Some(vec![b"certificate".to_vec()]));
    }

    #[test]
    fn what_is_not_tls_and_what_refuses() {
        assert_eq!(read(b"SSH-2.0-OpenSSH"), Flight::Foreign);
        assert_eq!(read(b"HTTP/1.1 400"), Flight::Foreign);
        assert_eq!(read(&[]), Flight::Incomplete);
        assert_eq!(read(&[21, 3, 3, 0, 2, 2, 40]), Flight::Alert(40));
        let warned = [&[21, 3, 3, 0, 2, 1, 112][..], &flight(b"x")].concat();
        assert!(matches!(read(&warned), Flight::Hello(_)));
    }

    #[test]
    fn a_hello_has_the_lengths_that_it_says() {
        for name in [None, Some("turn.example.org")] {
            let hello = client_hello(name, [1; 32]);
            let (kind, body, rest) = record(&hello).expect("one record");
            assert_eq!((kind, rest.len()), (HANDSHAKE, 0));
            let (kind, inner) = message(&mut &*body).expect("one message");
            assert_eq!((kind, inner.len()), (1, body.len() - 4));
        }
    }
}
