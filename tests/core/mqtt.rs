//! The client of an MQTT broker in virtual time: what it costs the broker, and what it makes of a bad one.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;
use rtcdiag::base::bounds;
use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::mqtt::pieces::Cutter;
use rtcdiag::proto::signal::mqtt::{Budget, Client, Event, Fault, Login, SMALL, Settings, Used};
use rtcdiag::proto::signal::rooms::RoomKind;
use rtcdiag::proto::signal::seal::{Kind, Name, seal_message};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode,
};

const TOPIC: &str = "VPQ4P6B60ED1JMG5WFPYVBBS9R";

fn settings() -> Settings {
    Settings {
        topic: TOPIC.to_owned(),
        login: Some(Login {
            user: "ann".to_owned(),
            password: "secret".to_owned(),
        }),
        sender: [7; 8],
        largest: bounds::BROKER_PIECE,
        budget: Budget::of(RoomKind::Pair),
    }
}

fn bytes(packet: &Packet) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packet.write(&mut bytes, usize::MAX).expect("small");
    bytes.to_vec()
}

fn accepted() -> Vec<u8> {
    bytes(&Packet::ConnAck(ConnAck::new(
        ConnectReturnCode::Success,
        false,
    )))
}

/// A client, and a broker that hands everything back to it as long as it is told to.
struct Lab {
    client: Client,
    now: Time,
    input: BytesMut,
    published: Vec<Publish>,
    connects: Vec<Packet>,
    /// Whether a message comes back.
    echoes: fn(&Publish) -> bool,
}

impl Lab {
    fn new(echoes: fn(&Publish) -> bool) -> Self {
        let mut lab = Self {
            client: Client::new(Time::ZERO, settings(), Used::default()),
            now: Time::ZERO,
            input: BytesMut::new(),
            published: Vec::new(),
            connects: Vec::new(),
            echoes,
        };
        lab.run();
        lab
    }

    fn run(&mut self) {
        while let Some(bytes) = self.client.poll_transmit() {
            self.input.extend_from_slice(&bytes);
            while let Ok(packet) = Packet::read(&mut self.input, 1 << 20) {
                self.take(packet);
            }
        }
    }

    fn take(&mut self, packet: Packet) {
        match packet {
            Packet::Connect(_) => {
                self.connects.push(packet);
                self.client.handle_input(self.now, &accepted());
            }
            Packet::Subscribe(subscribe) => {
                let code = SubscribeReasonCode::Success(QoS::AtLeastOnce);
                let answer = SubAck::new(subscribe.pkid, vec![code]);
                self.client
                    .handle_input(self.now, &bytes(&Packet::SubAck(answer)));
            }
            Packet::Publish(mut publish) => {
                let answer = Packet::PubAck(PubAck::new(publish.pkid));
                self.client.handle_input(self.now, &bytes(&answer));
                if (self.echoes)(&publish) {
                    publish.pkid = 9;
                    let echo = Packet::Publish(publish.clone());
                    self.client.handle_input(self.now, &bytes(&echo));
                }
                self.published.push(publish);
            }
            Packet::PingReq => self
                .client
                .handle_input(self.now, &bytes(&Packet::PingResp)),
            _ => {}
        }
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.run();
        }
        self.now = until;
    }

    fn send(&mut self, envelope: Vec<u8>) {
        self.client.send(self.now, envelope);
        self.run();
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }
}

#[test]
fn it_is_joined_when_its_first_message_has_come_back() {
    let mut lab = Lab::new(|_| true);
    assert_eq!(lab.events(), [Event::Joined]);
    let [Packet::Connect(connect)] = &lab.connects[..] else {
        panic!("one connection");
    };
    let will = connect.last_will.as_ref().expect("a will");
    assert!(connect.clean_session && !will.retain && will.topic == TOPIC);
    // It lives on for as long as nothing happens.
    lab.wait(Duration::from_secs(600));
    assert_eq!((lab.client.fault(), lab.published.len()), (None, 1));
    assert!(
        lab.published
            .iter()
            .all(|p| !p.retain && p.qos == QoS::AtLeastOnce)
    );
}

#[test]
fn what_others_say_before_it_is_joined_waits() {
    let mut lab = Lab::new(|_| false);
    let mut waiting = VecDeque::from([vec![7; 10]]);
    let piece = Cutter::new([9; 8])
        .cut(&mut waiting)
        .expect("it has a part");
    let probe = lab.published[0].payload.to_vec();
    for payload in [piece, probe] {
        assert_eq!(lab.events(), []);
        let publish = Publish::new(TOPIC, QoS::AtMostOnce, payload);
        let publish = bytes(&Packet::Publish(publish));
        lab.client.handle_input(lab.now, &publish);
    }
    assert_eq!(lab.events(), [Event::Joined, Event::Envelope(vec![7; 10])]);
}

#[test]
fn a_broker_that_hands_nothing_on_is_found_out() {
    let mut lab = Lab::new(|_| false);
    lab.wait(Duration::from_secs(10));
    assert_eq!(lab.client.fault(), Some(Fault::Swallows));
    assert_eq!(lab.events(), []);
    assert!(lab.now <= Time::from_secs(10) && lab.published.len() <= 4);
}

#[test]
fn what_is_said_meanwhile_travels_together_and_of_receipts_the_last() {
    let mut lab = Lab::new(|_| true);
    let code = Code::new([1; 10]);
    let receipt = |number: u64| {
        let text = number.to_be_bytes();
        let kind = Kind::Receipt(number);
        seal_message(&code, Name([1; 16]), Name([2; 16]), kind, &text).expect("small")
    };
    for number in 0..20 {
        lab.send(receipt(number));
    }
    assert_eq!(lab.published.len(), 1, "receipts wait");
    lab.wait(Duration::from_secs(1));
    assert_eq!(lab.published.len(), 2);
    let size = lab.published[1].payload.len();
    assert!(size < 2 * receipt(0).len(), "the last one alone: {size}");
}

#[test]
fn it_is_a_guest_and_stops_in_time() {
    for size in [10, 5000] {
        let mut lab = Lab::new(|_| true);
        for number in 0..100 {
            lab.send(vec![number; size]);
            lab.wait(Duration::from_secs(11));
        }
        assert_eq!(
            lab.client.fault(),
            Some(Fault::Budget(bounds::BROKER_MESSAGES, bounds::BROKER_BYTES)),
            "{size}"
        );
        let sent: usize = lab.published.iter().map(|p| p.payload.len()).sum();
        assert!(lab.published.len() <= bounds::BROKER_MESSAGES as usize);
        assert!(sent <= bounds::BROKER_BYTES, "{sent}");
        // Another connection of the session has no budget of its own.
        let again = Client::new(lab.now, settings(), lab.client.used());
        assert_eq!(
            again.fault(),
            Some(Fault::Budget(bounds::BROKER_MESSAGES, bounds::BROKER_BYTES))
        );
    }
}

#[test]
fn a_busy_half_minute_does_not_use_up_what_it_is_given() {
    let mut lab = Lab::new(|_| true);
    for number in 0..1000_u16 {
        lab.send(number.to_be_bytes().to_vec());
        lab.wait(Duration::from_millis(30));
    }
    assert_eq!(lab.client.fault(), None);
    // And the last of it is still said.
    lab.wait(Duration::from_secs(11));
    let said: usize = lab.published.iter().map(|p| p.payload.len()).sum();
    assert!(said > 1000 * 6, "{said}");
    assert!(lab.published.len() < bounds::BROKER_MESSAGES as usize);
}

#[test]
fn what_is_said_again_before_its_turn_is_said_once() {
    let mut lab = Lab::new(|_| true);
    for number in 0..10 {
        lab.send(vec![number; 40]);
    }
    let before = lab.published.len();
    for _ in 0..20 {
        lab.send(vec![77; 1000]);
    }
    lab.wait(Duration::from_secs(11));
    let said: usize = lab.published[before..]
        .iter()
        .map(|p| p.payload.len())
        .sum();
    assert!((1000..1100).contains(&said), "{said}");
}

#[test]
fn what_does_not_come_back_is_said_to_be_lost_and_large_ones_are_cut_smaller() {
    let mut lab = Lab::new(|publish| publish.payload.len() <= 600);
    assert_eq!(lab.events(), [Event::Joined]);
    lab.send(vec![5; 1500]);
    lab.wait(Duration::from_secs(5));
    assert_eq!(lab.events(), [Event::Forgotten]);
    let before = lab.published.len();
    lab.send(vec![5; 1500]);
    lab.wait(Duration::from_secs(5));
    assert_eq!(lab.events(), []);
    assert!(
        lab.published[before..]
            .iter()
            .all(|p| p.payload.len() <= SMALL)
    );
}

#[test]
fn a_silent_broker_and_one_that_floods() {
    let mut lab = Lab::new(|_| true);
    let mut published = lab.published[0].clone();
    published.payload = vec![1; 40].into();
    let junk = bytes(&Packet::Publish(published));
    for _ in 0..2000 {
        lab.client.handle_input(lab.now, &junk);
    }
    assert_eq!(lab.client.fault(), Some(Fault::Flood(bounds::BROKER_HEARD)));
    let mut client = Client::new(Time::ZERO, settings(), Used::default());
    let mut now = Time::ZERO;
    while let Some(due) = client.poll_timeout() {
        now = now.max(due);
        client.handle_timeout(now);
    }
    assert_eq!(client.fault(), Some(Fault::Silent));
    assert!(now < Time::from_secs(30));
}

proptest! {
    /// Whatever comes, before the answer or after it.
    #[test]
    fn anything_may_come(
        junk in proptest::collection::vec(any::<u8>(), 0..600),
        kind in prop_oneof![Just(0x20_u8), Just(0x30), Just(0x32), Just(0x40), Just(0x90), Just(0xd0)],
        is_early in any::<bool>(),
    ) {
        let mut client = Client::new(Time::ZERO, settings(), Used::default());
        if !is_early {
            client.handle_input(Time::ZERO, &accepted());
        }
        let length = u8::try_from(junk.len().min(100)).expect("small");
        let packet = [&[kind, length], &junk[..usize::from(length)]].concat();
        client.handle_input(Time::ZERO, &packet);
        client.handle_input(Time::ZERO, &junk);
        client.handle_timeout(Time::from_secs(3));
        client.leave(Time::from_secs(4));
        while client.poll_event().is_some() {}
    }
}
