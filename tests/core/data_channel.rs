//! A data channel with both ends here, in virtual time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use dimpl::DtlsCertificate;
use rtcdiag::base::time::Time;
use rtcdiag::proto::data_channel::fingerprint::Fingerprint;
use rtcdiag::proto::data_channel::{DataChannel, DataChannelError, Event, Part};

const DELAY: Duration = Duration::from_millis(10);

fn certificate() -> DtlsCertificate {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .expect("a certificate");
    DtlsCertificate {
        certificate: certificate.der().to_vec(),
        private_key: key.serialize_der(),
    }
}

/// Both, and what is under way between them.
struct Pair {
    now: Time,
    sides: [DataChannel; 2],
    under_way: VecDeque<(Time, usize, Vec<u8>)>,
    heard: [Vec<Event>; 2],
    sent: usize,
    /// Which of the datagrams are lost, and which come twice.
    is_lost: fn(usize) -> bool,
    is_repeated: bool,
}

impl Pair {
    fn new(is_lost: fn(usize) -> bool) -> Self {
        let certificates = [certificate(), certificate()];
        let prints = certificates
            .each_ref()
            .map(|c| Fingerprint::of(&c.certificate));
        Self::with(certificates, [prints[1], prints[0]], is_lost)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an epoch of the crates, from which virtual time counts"
    )]
    fn with(
        [first, second]: [DtlsCertificate; 2],
        [of_second, of_first]: [Fingerprint; 2],
        is_lost: fn(usize) -> bool,
    ) -> Self {
        let epoch = Instant::now();
        let side = |certificate, expected, part| {
            DataChannel::new(Duration::ZERO, epoch, certificate, expected, part).expect("usable")
        };
        Self {
            now: Duration::ZERO,
            sides: [
                side(first, of_second, Part::Begins),
                side(second, of_first, Part::Waits),
            ],
            under_way: VecDeque::new(),
            heard: [Vec::new(), Vec::new()],
            sent: 0,
            is_lost,
            is_repeated: false,
        }
    }

    fn settle(&mut self) {
        for (index, side) in self.sides.iter_mut().enumerate() {
            while let Some(packet) = side.poll_transmit() {
                self.sent += 1;
                if (self.is_lost)(self.sent) {
                    continue;
                }
                let arrival = self.now + DELAY;
                self.under_way
                    .push_back((arrival, 1 - index, packet.clone()));
                if self.is_repeated {
                    self.under_way.push_back((arrival, 1 - index, packet));
                }
            }
            while let Some(event) = side.poll_event() {
                self.heard[index].push(event);
            }
        }
    }

    /// Until nothing more happens before this time.
    fn run_until(&mut self, end: Time) {
        loop {
            self.settle();
            let timers = self.sides.iter().filter_map(DataChannel::poll_timeout);
            let arrivals = self.under_way.front().map(|(at, ..)| *at);
            let Some(next) = timers.chain(arrivals).min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            while self
                .under_way
                .front()
                .is_some_and(|(at, ..)| *at <= self.now)
                && let Some((_, to, packet)) = self.under_way.pop_front()
            {
                self.sides[to].handle_input(self.now, &packet);
            }
            for side in &mut self.sides {
                if side.poll_timeout().is_some_and(|due| due <= self.now) {
                    side.handle_timeout(self.now);
                }
            }
        }
    }

    fn messages(&self, side: usize) -> Vec<Vec<u8>> {
        let messages = self.heard[side].iter().filter_map(|event| match event {
            Event::Message(bytes) => Some(bytes.clone()),
            _ => None,
        });
        messages.collect()
    }

    fn failure(&self, side: usize) -> Option<&DataChannelError> {
        self.heard[side].iter().find_map(|event| match event {
            Event::Failed(error) => Some(error),
            _ => None,
        })
    }
}

#[test]
fn both_sides_open_it_and_messages_go_both_ways() {
    let mut pair = Pair::new(|_| false);
    pair.run_until(Duration::from_secs(1));
    for heard in &pair.heard {
        assert_eq!(heard[..], [Event::Secured, Event::Opened]);
    }
    pair.sides[0].send(pair.now, b"there");
    pair.sides[1].send(pair.now, &[7; 1200]);
    pair.run_until(Duration::from_secs(2));
    assert_eq!(pair.messages(1), [b"there".to_vec()]);
    assert_eq!(pair.messages(0), [vec![7; 1200]]);
}

#[test]
fn what_is_lost_of_the_handshake_is_said_again_and_what_is_lost_of_the_messages_is_not() {
    // Every fourth datagram is lost.
    let mut pair = Pair::new(|number| number % 4 == 0);
    pair.run_until(Duration::from_secs(20));
    for heard in &pair.heard {
        assert_eq!(heard[..], [Event::Secured, Event::Opened]);
    }
    for number in 0..40_u8 {
        pair.sides[0].send(pair.now, &[number; 160]);
        pair.run_until(pair.now + Duration::from_millis(20));
    }
    pair.run_until(pair.now + Duration::from_secs(5));
    let came = pair.messages(1);
    assert!((20..40).contains(&came.len()), "{} of 40", came.len());
    let mut once = came.clone();
    once.dedup();
    assert_eq!(came, once, "none comes twice");
}

#[test]
fn another_certificate_than_announced_is_told_as_such() {
    let certificates = [certificate(), certificate()];
    let first = Fingerprint::of(&certificates[0].certificate);
    let other = Fingerprint::of(b"of somebody else");
    let mut pair = Pair::with(certificates, [other, first], |_| false);
    pair.run_until(Duration::from_secs(5));
    assert_eq!(pair.failure(0), Some(&DataChannelError::Fingerprint));
    assert!(!pair.heard[0].contains(&Event::Secured));
    // It is as wrong the other way round.
    let certificates = [certificate(), certificate()];
    let second = Fingerprint::of(&certificates[1].certificate);
    let mut pair = Pair::with(certificates, [second, other], |_| false);
    pair.run_until(Duration::from_secs(5));
    assert_eq!(pair.failure(1), Some(&DataChannelError::Fingerprint));
    assert!(!pair.heard[1].contains(&Event::Opened));
}

#[test]
fn what_is_replayed_counts_once_and_noise_does_not_count() {
    let mut pair = Pair::new(|_| false);
    pair.is_repeated = true;
    pair.run_until(Duration::from_secs(1));
    for number in 0..10_u8 {
        pair.sides[0].send(pair.now, &[number]);
        let now = pair.now;
        pair.sides[1].handle_input(now, &[number; 40]);
        pair.sides[1].handle_input(now, &[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, number]);
    }
    pair.run_until(Duration::from_secs(2));
    let mut came = pair.messages(1);
    came.sort();
    assert_eq!(came, (0..10).map(|number| vec![number]).collect::<Vec<_>>());
    assert_eq!(pair.failure(1), None);
}

#[test]
fn the_end_is_told() {
    let mut pair = Pair::new(|_| false);
    pair.run_until(Duration::from_secs(1));
    pair.sides[0].close();
    pair.run_until(Duration::from_secs(2));
    assert_eq!(pair.failure(1), Some(&DataChannelError::Closed));
    assert_eq!(pair.sides[0].poll_timeout(), None);
}
