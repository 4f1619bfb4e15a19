//! Envelopes of somebody who does not know the code, and bent ones of somebody who does. The first byte says which
//! envelope of a session is bent, the others where and how.

use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::session::{Incoming, Session};

pub fn body(input: &[u8]) {
    let code = Code::new([5; 10]);
    let side = |name: u8| Session::new(code.clone(), Name([name; 16]), vec![b'h', name]);
    let (mut one, mut other) = (side(1), side(2));
    // Bytes as they are.
    let foreign = one.handle_input(input);
    assert!(
        !matches!(foreign, Incoming::Message(_) | Incoming::Greeting(_)),
        "{foreign:?}"
    );
    let Some((&which, changes)) = input.split_first() else {
        return;
    };
    one.joined().expect("small");
    other.joined().expect("small");
    other.send(b"hello".to_vec()).expect("room");
    let mut number = 0;
    for _ in 0..6 {
        while let Some(mut envelope) = other.poll_transmit() {
            let is_bent = number == which % 4;
            number += 1;
            let whole = envelope.clone();
            if is_bent {
                for change in changes.chunks_exact(2) {
                    let at = usize::from(change[0]) % envelope.len();
                    envelope[at] ^= change[1];
                }
            }
            let incoming = one.handle_input(&envelope);
            if envelope != whole {
                let believed = matches!(incoming, Incoming::Message(_) | Incoming::Greeting(_));
                assert!(!believed, "what was bent is believed: {incoming:?}");
            }
        }
        while let Some(envelope) = one.poll_transmit() {
            other.handle_input(&envelope);
        }
    }
}
