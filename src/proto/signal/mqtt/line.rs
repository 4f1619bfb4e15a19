//! A connection to a broker of one's own: many topics, and no budget as for a guest. Nothing is acknowledged (`QoS` 0):
//! what is said is numbered end to end, and a window of messages under way would make a broker that is far off slow.

use std::collections::VecDeque;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    LastWill, Packet, PubAck, Publish, Subscribe, SubscribeFilter, SubscribeReasonCode, Unsubscribe,
};

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::mqtt::Login;
use crate::proto::signal::mqtt::fault::{Fault, refused};
use crate::proto::signal::mqtt::packets::{Packets, connect};

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
    fault: Option<Fault>,
}

impl Line {
    pub fn new(now: Time, settings: LineSettings) -> Self {
        let mut line = Self {
            packets: Packets::new(now, LARGEST),
            is_connected: false,
            is_ready: false,
            events: VecDeque::new(),
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

    pub fn poll_event(&mut self) -> Option<LineEvent> {
        self.events.pop_front()
    }

    /// What is to be written now.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.packets.poll_transmit()
    }

    pub fn subscribe(&mut self, now: Time, topics: Vec<String>) {
        let filters = topics
            .into_iter()
            .map(|topic| SubscribeFilter::new(topic, QoS::AtMostOnce));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = self.packets.new_id();
        self.packets.write(now, &Packet::Subscribe(subscribe));
    }

    pub fn unsubscribe(&mut self, now: Time, topic: String) {
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
                let failed = |code: &SubscribeReasonCode| *code == SubscribeReasonCode::Failure;
                if answer.return_codes.iter().any(failed) {
                    return self.fail(Fault::TopicForbidden);
                }
                if !std::mem::replace(&mut self.is_ready, true) {
                    self.events.push_back(LineEvent::Ready);
                }
            }
            Packet::Publish(publish) => self.take_message(now, &publish),
            Packet::PubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {}
            _ => self.fail(Fault::Malformed),
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
        self.packets.ping(now);
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}
