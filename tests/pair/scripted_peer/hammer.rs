//! A side that names somebody else's addresses as its own, so that the program floods them.

use std::net::UdpSocket;

use super::candidates::unlimited;
use super::lab::{self, BAD, Lab};
use super::peer::Peer;
use rtcdiag::base::bounds;

/// Without an end of candidates it used to send checks until the time limit.
#[test]
fn who_names_somebody_elses_addresses_and_never_ends_does_not_make_a_hammer() {
    lab::with_limits(unlimited(), async |lab: Lab| {
        let victims: Vec<UdpSocket> = (0..100)
            .map(|_| UdpSocket::bind("127.0.0.1:0").expect("loopback has ports"))
            .collect();
        let program = lab.pair(&["--timeout", "38"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        peer.describe();
        for victim in &victims {
            let port = victim.local_addr().expect("it is bound").port();
            peer.candidate(&format!("candidate:1 1 udp 1000 127.0.0.1 {port} typ host"));
        }
        let ended = program.end_while_it_stays(&mut peer).await;
        let mut hits = 0;
        for victim in &victims {
            victim.set_nonblocking(true).expect("a socket");
            while victim.recv(&mut [0; 2000]).is_ok() {
                hits += 1;
            }
        }
        assert!(hits > 100, "{hits}");
        assert!(hits <= bounds::CHECKS_TO_ADDRESS, "{hits}");
        ended.assert_code(BAD);
        let finding = ended.assert_finding("check-limit");
        let message = finding["message"].as_str().expect("text");
        assert!(message.contains("127.0.0.1"), "{message}");
    });
}
