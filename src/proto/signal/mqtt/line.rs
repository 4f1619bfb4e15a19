//! A connection to a broker of one's own: many topics, and no budget as for a guest. Nothing is acknowledged (`QoS` 0):
//! what is said is numbered end to end, and a window of messages under way would make a broker that is far off slow.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    LastWill, Packet, PubAck, Publish, Subscribe, SubscribeFilter, SubscribeReasonCode, Unsubscribe,
};

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::mqtt::Login;
use crate::proto::signal::mqtt::fault::{Fault, refused};
use crate::proto::signal::mqtt::packets::{Packets, connect};

/// Packets that answer nothing and messages that were not subscribed to, within [`UNASKED_WITHIN`]: what was on its way when a
/// subscription ended is less.
const UNASKED: u32 = 1000;
const UNASKED_WITHIN: Duration = Duration::from_secs(60);

/// A piece, its topic, and room for what nobody here has.
const LARGEST: usize = bounds::SIBLING_PIECE + 256;

#[derive(Debug)]
pub struct LineSettings {
    /// The name of the client.
    pub id: String,
    pub login: Option<Login>,
    /// Topic and message with which the broker tells that this one has gone.
    pub will: (String, Vec<u8>),
    /// What is heard from the beginning.
    pub topics: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// The broker has taken the first subscriptions.
    Ready,
    Message(Vec<u8>),
}

#[derive(Debug)]
pub struct Line {
    packets: Packets,
    is_connected: bool,
    is_ready: bool,
    events: VecDeque<LineEvent>,
    topics: BTreeSet<String>,
    /// Pings that were not answered, and subscriptions made and ended.
    open: [u32; 2],
    /// Since when what came unasked is counted.
    unasked: (Time, u32),
    fault: Option<Fault>,
}

/// What an answer is to.
#[derive(Clone, Copy)]
enum Asked {
    Ping,
    Subscription,
}

impl Line {
    pub fn new(now: Time, settings: LineSettings) -> Self {
        let mut line = Self {
            packets: Packets::new(now, LARGEST),
            is_connected: false,
            is_ready: false,
            events: VecDeque::new(),
            topics: BTreeSet::new(),
            open: [0; 2],
            unasked: (now, 0),
            fault: None,
        };
        let mut connect = connect(settings.id, settings.login);
        let (topic, message) = settings.will;
        connect.last_will = Some(LastWill::new(topic, message, QoS::AtLeastOnce, false));
        line.packets.write(now, &Packet::Connect(connect));
        line.subscribe(now, settings.topics);
        line
    }

    /// Why it is over, if it is.
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether the broker has let this client in: what answers there speaks MQTT.
    pub const fn is_let_in(&self) -> bool {
        self.is_connected
    }

    pub fn poll_event(&mut self) -> Option<LineEvent> {
        self.events.pop_front()
    }

    /// What is to be written now.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.packets.poll_transmit()
    }

    pub fn subscribe(&mut self, now: Time, topics: Vec<String>) {
        self.open[Asked::Subscription as usize] += 1;
        self.topics.extend(topics.iter().cloned());
        let filters = topics
            .into_iter()
            .map(|topic| SubscribeFilter::new(topic, QoS::AtMostOnce));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = self.packets.new_id();
        self.packets.write(now, &Packet::Subscribe(subscribe));
    }

    pub fn unsubscribe(&mut self, now: Time, topic: String) {
        self.open[Asked::Subscription as usize] += 1;
        self.topics.remove(&topic);
        let mut unsubscribe = Unsubscribe::new(topic);
        unsubscribe.pkid = self.packets.new_id();
        let packet = Packet::Unsubscribe(unsubscribe);
        self.packets.write(now, &packet);
    }

    pub fn publish(&mut self, now: Time, topic: String, message: Vec<u8>) {
        let publish = Publish::new(topic, QoS::AtMostOnce, message);
        self.packets.write(now, &Packet::Publish(publish));
    }

    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.packets.handle_input(now, bytes);
        while self.fault.is_none() {
            match self.packets.next() {
                Ok(Some(packet)) => self.take(now, packet),
                Ok(None) => return,
                Err(fault) => return self.fail(fault),
            }
        }
    }

    fn take(&mut self, now: Time, packet: Packet) {
        match packet {
            Packet::ConnAck(answer) if !self.is_connected => match refused(answer.code) {
                Some(fault) => self.fail(fault),
                None => self.is_connected = true,
            },
            Packet::SubAck(answer) => {
                self.answered(now, Asked::Subscription);
                let failed = |code: &SubscribeReasonCode| *code == SubscribeReasonCode::Failure;
                if answer.return_codes.iter().any(failed) {
                    return self.fail(Fault::TopicForbidden);
                }
                if !std::mem::replace(&mut self.is_ready, true) {
                    self.events.push_back(LineEvent::Ready);
                }
            }
            Packet::Publish(publish) => self.take_message(now, &publish),
            Packet::UnsubAck(_) => self.answered(now, Asked::Subscription),
            Packet::PingResp => self.answered(now, Asked::Ping),
            // Nothing is published that would be acknowledged.
            Packet::PubAck(_) => self.came_unasked(now),
            _ => self.fail(Fault::Malformed),
        }
    }

    fn answered(&mut self, now: Time, what: Asked) {
        match self.open[what as usize].checked_sub(1) {
            Some(left) => self.open[what as usize] = left,
            None => self.came_unasked(now),
        }
    }

    fn came_unasked(&mut self, now: Time) {
        let (since, count) = &mut self.unasked;
        if now >= *since + UNASKED_WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count > UNASKED {
            self.fail(Fault::Flood(UNASKED));
        }
    }

    fn take_message(&mut self, now: Time, publish: &Publish) {
        match publish.qos {
            QoS::AtMostOnce => {}
            // As wills come where a broker does not keep to the subscription.
            QoS::AtLeastOnce => {
                let taken = Packet::PubAck(PubAck::new(publish.pkid));
                self.packets.write(now, &taken);
            }
            QoS::ExactlyOnce => return self.fail(Fault::Malformed),
        }
        if !self.topics.contains(&publish.topic) {
            return self.came_unasked(now);
        }
        // Nothing is retained here: what is was said to somebody else.
        if !publish.retain {
            let message = LineEvent::Message(publish.payload.to_vec());
            self.events.push_back(message);
        }
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        self.fault.is_none().then(|| self.packets.poll_timeout())
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.packets.is_silent(now) {
            return self.fail(Fault::Silent);
        }
        if self.packets.ping(now) {
            self.open[Asked::Ping as usize] += 1;
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTED: [u8; 4] = [0x20, 2, 0, 0];
    /// Of packet 1, with `QoS` 0 granted.
    const SUBSCRIBED: [u8; 5] = [0x90, 3, 0, 1, 0];
    const PONG: [u8; 2] = [0xD0, 0];

    fn line() -> Line {
        let settings = LineSettings {
            id: "rtcdiag".to_owned(),
            login: None,
            will: ("rtcdiag/all".to_owned(), Vec::new()),
            topics: vec!["rtcdiag/all".to_owned()],
        };
        let mut line = Line::new(Time::ZERO, settings);
        line.handle_input(Time::ZERO, &CONNECTED);
        line.handle_input(Time::ZERO, &SUBSCRIBED);
        assert_eq!(line.poll_event(), Some(LineEvent::Ready));
        line
    }

    fn said(topic: &str) -> Vec<u8> {
        let length = u8::try_from(topic.len()).expect("it is short");
        [&[0x30, length + 3, 0, length], topic.as_bytes(), b"x"].concat()
    }

    #[test]
    fn a_broker_that_floods_is_left() {
        for packet in [PONG.to_vec(), vec![0x40, 2, 0, 9], said("rtcdiag/other")] {
            let mut line = line();
            for number in 0..=UNASKED {
                assert_eq!(line.fault(), None, "after {number}");
                line.handle_input(Time::ZERO, &packet);
            }
            assert_eq!(line.fault(), Some(Fault::Flood(UNASKED)));
            assert_eq!(line.poll_event(), None);
        }
    }

    #[test]
    fn answers_and_what_was_subscribed_to_are_no_flood() {
        let mut line = line();
        for round in 1..=2 * UNASKED {
            let now = Time::ZERO + Duration::from_secs(60) * round;
            line.handle_input(now, &said("rtcdiag/all"));
            line.handle_timeout(now);
            line.handle_input(now, &PONG);
            // One that was not asked for, now and then.
            line.handle_input(now, &PONG);
            assert!(matches!(line.poll_event(), Some(LineEvent::Message(_))));
        }
        assert_eq!(line.fault(), None);
    }
}
