//! What must hold for every input of the decoders. The proptests and the fuzz targets both call these.

use rtcdiag::proto::ice::ice_servers;
use rtcdiag::proto::stun::message::{HEADER_LEN, decode_binding_response};
use rtcdiag::proto::stun::uri::ServerUri;

/// Any datagram: what is accepted answers the transaction of its header and says nothing that
/// could draw on a terminal, and bytes behind the message change nothing.
pub fn decode(bytes: &[u8]) {
    let Ok(response) = decode_binding_response(bytes) else {
        return;
    };
    assert_eq!(response.transaction_id, bytes[8..HEADER_LEN]);
    let reason = response.outcome.as_ref().err().map(|error| &error.reason);
    for text in response.software.iter().chain(reason) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    let length = HEADER_LEN + usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    assert_eq!(decode_binding_response(&bytes[..length]), Ok(response));
}

/// Any text: a server URI that is accepted is the same after being shown and read again.
pub fn uri(text: &str) {
    if let Ok(uri) = text.parse() {
        same_when_read_again(&uri);
    }
}

/// Any text: what is accepted names a server, each of them valid.
pub fn ice_servers(text: &str) {
    let Ok(read) = ice_servers::parse(text) else {
        return;
    };
    let urls: Vec<&ServerUri> = read
        .entries
        .iter()
        .flat_map(|server| &server.urls)
        .collect();
    assert!(!urls.is_empty());
    urls.into_iter().for_each(same_when_read_again);
}

fn same_when_read_again(uri: &ServerUri) {
    assert_eq!(uri.to_string().parse().as_ref(), Ok(uri));
}
