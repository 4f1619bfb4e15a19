//! Ports of STUN and TURN servers that browsers do not use.

/// Below 1024 Chrome uses TURN on these alone (libwebrtc, `TurnPort::AllowedTurnPort`).
const CHROME: [u16; 3] = [53, 80, 443];

/// The bad ports of the Fetch standard ("port blocking"), which Firefox keeps STUN and TURN from too,
/// but for 53.
const FETCH: [u16; 79] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512,
    513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995,
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
    6697,
];

/// What to do about it.
pub const REMEDY: &str = "have the server listen on 3478, 5349 or 443 too, and name that port";

/// Which browsers do not use a server on this port, and why; `None` if all do.
pub fn refusal(is_turn: bool, port: u16) -> Option<String> {
    let chrome = is_turn && port < 1024 && !CHROME.contains(&port);
    let firefox = FETCH.contains(&port);
    let what = if is_turn { "TURN" } else { "STUN" };
    match (chrome, firefox) {
        (true, true) => Some(format!(
            "Chrome and Firefox do not use TURN on port {port}: below 1024 Chrome takes 53, 80 and 443 alone, and Firefox none that belongs to another service"
        )),
        (true, false) => Some(format!(
            "Chrome does not use TURN on port {port}: below 1024 it takes 53, 80 and 443 alone"
        )),
        (false, true) => Some(format!(
            "Firefox does not use {what} on port {port}, which belongs to another service"
        )),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_that_browsers_refuse() {
        let says = |is_turn, port| {
            let text = refusal(is_turn, port).unwrap_or_default();
            (text.contains("Chrome"), text.contains("Firefox"))
        };
        for port in [53, 80, 443, 1024, 3478, 5349, 19302, 65535] {
            assert_eq!(says(true, port), (false, false), "{port}");
            assert_eq!(says(false, port), (false, false), "{port}");
        }
        assert_eq!(says(true, 993), (true, true));
        assert_eq!(says(true, 1000), (true, false));
        assert_eq!(says(true, 5060), (false, true));
        assert_eq!(says(false, 1000), (false, false));
        assert_eq!(says(false, 993), (false, true));
    }
}
