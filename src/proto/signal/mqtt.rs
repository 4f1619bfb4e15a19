//! A client of an MQTT 3.1.1 broker (OASIS standard of 2014; its sections are named as MQTT 3.1) at which
//! the two sides meet: a topic whose name comes from the code, each message acknowledged (`QoS` 1), nothing retained.
//!
//! Everything that the broker says is met with a bound, and everything that it is given is counted: it
//! belongs to somebody else. What it loses is sent again end to end ([`crate::proto::signal::session`]).

mod budget;
mod fault;
pub mod line;
mod packets;
pub mod pieces;

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{LastWill, Packet, PubAck, Publish, Subscribe, SubscribeReasonCode};

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::seal::{self, Kind};
pub use budget::Budget;
pub use fault::Fault;
use fault::refused;
use packets::{Packets, connect};
use pieces::{Cutter, Joined, Joiner, Sender};

/// How long the first message has to come back, before it is sent again; and how often it is sent. A broker
/// may take it before it has noted the subscription.
const PROBE_AGAIN: Duration = Duration::from_millis(800);
const PROBES: u32 = 4;
/// How long a receipt waits for something else to travel with.
const RECEIPT_WAITS: Duration = Duration::from_millis(250);
/// Messages under way at a time. What is to be said meanwhile travels together; with one alone, a description would wait
/// for the acknowledgement of the greeting.
const FLYING: usize = 2;
/// How long one of them is waited for before the next, at most.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// How long a message has to come back before it is taken for lost: several times as long as the slowest one took,
/// and twice as long each time, for on a busy host all that is said again makes it only busier.
const LOST_AFTER: Duration = Duration::from_millis(1500);
const LOST_AFTER_TIMES: u32 = 4;
const LOST_DOUBLINGS: u32 = 3;
/// Messages of this size pass where larger ones do not.
pub const SMALL: usize = 512;
/// The largest packet of the broker: a piece, its topic, and room for what nobody here has.
const LARGEST: usize = bounds::BROKER_PIECE + 256;

/// User name and password for a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(..)")
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub topic: String,
    pub login: Option<Login>,
    /// Random, for this connection alone; the name of the client too.
    pub sender: Sender,
    /// The largest message that it is given.
    pub largest: usize,
    pub budget: Budget,
}

/// What a session has cost a broker, all connections to it together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    pub messages: u32,
    pub bytes: usize,
    pub heard: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What this side says comes to whoever knows the topic.
    Joined,
    Envelope(Vec<u8>),
    /// The broker did not hand on what this side said: it is to be said again.
    Forgotten,
    /// The other side has gone, or its connection has.
    PeerLeft,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// CONNECT, SUBSCRIBE and a first message are on their way (MQTT 3.1.4 lets them follow each other).
    Connecting,
    Subscribing,
    /// The first message has not come back.
    Probing,
    Joined,
}

#[derive(Debug)]
pub struct Client {
    topic: String,
    stage: Stage,
    packets: Packets,
    cutter: Cutter,
    joiner: Joiner,
    /// Envelopes that were not begun.
    waiting: VecDeque<Vec<u8>>,
    /// Since when only receipts wait.
    receipt_since: Option<Time>,
    /// Messages that are not acknowledged, by their numbers.
    flying: Vec<(u16, Time)>,
    probes: u32,
    probed_at: Time,
    echoed: bool,
    /// Messages that have not come back, by their numbers, with their sizes.
    unechoed: VecDeque<(u32, usize, Time)>,
    /// How long the slowest one took to come back.
    round_trip: Duration,
    /// How often some were taken for lost.
    forgotten: u32,
    used: Used,
    budget: Budget,
    /// Before, nothing more is said: the more of the budget is used, the longer things wait to travel together.
    paced_until: Time,
    events: VecDeque<Event>,
    fault: Option<Fault>,
}

impl Client {
    /// `used` is what earlier connections of the session have cost this broker.
    pub fn new(now: Time, settings: Settings, used: Used) -> Self {
        let mut cutter = Cutter::new(settings.sender);
        cutter.largest = settings.largest.clamp(SMALL, bounds::BROKER_PIECE);
        let id = format!("{:016x}", u64::from_be_bytes(settings.sender));
        let mut connect = connect(id, settings.login);
        let will = cutter.farewell();
        connect.last_will = Some(LastWill::new(
            settings.topic.clone(),
            will,
            QoS::AtLeastOnce,
            false,
        ));
        let mut client = Self {
            stage: Stage::Connecting,
            packets: Packets::new(now, LARGEST),
            joiner: Joiner::new(settings.sender, settings.budget.senders),
            cutter,
            waiting: VecDeque::new(),
            receipt_since: None,
            flying: Vec::new(),
            probes: 0,
            probed_at: now,
            echoed: false,
            unechoed: VecDeque::new(),
            round_trip: Duration::ZERO,
            forgotten: 0,
            used,
            budget: settings.budget,
            paced_until: now,
            events: VecDeque::new(),
            fault: None,
            topic: settings.topic,
        };
        let mut subscribe = Subscribe::new(client.topic.clone(), QoS::AtLeastOnce);
        subscribe.pkid = client.packets.new_id();
        client.packets.write(now, &Packet::Connect(connect));
        client.packets.write(now, &Packet::Subscribe(subscribe));
        client.probe(now);
        client
    }

    pub const fn used(&self) -> Used {
        self.used
    }

    /// The size of the largest message that the broker has not acknowledged or handed back: where it ends the
    /// connection, that may be why.
    pub fn unanswered(&self) -> Option<usize> {
        self.unechoed.iter().map(|(_, size, _)| *size).max()
    }

    /// Whether the broker has let this client in: what answers there speaks MQTT.
    pub fn is_let_in(&self) -> bool {
        self.stage != Stage::Connecting
    }

    /// Why it is over, if it is.
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What happened, from [`Event::Joined`] on: what comes before it waits.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.stage != Stage::Joined {
            return None;
        }
        self.events.pop_front()
    }

    /// What is to be written now.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.packets.poll_transmit()
    }

    /// Lets an envelope wait for its turn. What there is no room for is lost.
    pub fn send(&mut self, now: Time, envelope: Vec<u8>) {
        let is_receipt = is_receipt(&envelope);
        if is_receipt || is_beat(&envelope) {
            // The later one says all that the earlier one does.
            let is_same: fn(&[u8]) -> bool = if is_receipt {
                self::is_receipt
            } else {
                is_beat
            };
            self.waiting.retain(|waiting| !is_same(waiting));
        }
        // What is said again before it was said at all is the same, byte for byte.
        if self.waiting.contains(&envelope) {
            return;
        }
        let waiting: usize = self.waiting.iter().map(Vec::len).sum();
        if waiting + envelope.len() > bounds::BROKER_UNSENT {
            return;
        }
        self.waiting.push_back(envelope);
        self.receipt_since = match (self.waiting.iter().all(|w| self::is_receipt(w)), is_receipt) {
            (false, _) => None,
            (true, _) => self.receipt_since.or(Some(now)),
        };
        self.publish_next(now);
    }

    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        if self.fault.is_some() {
            return;
        }
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
        match (packet, self.stage) {
            (Packet::ConnAck(answer), Stage::Connecting) => match refused(answer.code) {
                Some(fault) => self.fail(fault),
                None => self.stage = Stage::Subscribing,
            },
            (Packet::SubAck(answer), Stage::Subscribing) => {
                let failed = |code: &SubscribeReasonCode| *code == SubscribeReasonCode::Failure;
                if answer.return_codes.iter().any(failed) {
                    return self.fail(Fault::TopicForbidden);
                }
                self.stage = Stage::Probing;
                self.join();
            }
            (Packet::Publish(publish), stage) if stage != Stage::Connecting => {
                self.take_message(now, &publish);
            }
            (Packet::PubAck(answer), _) => {
                self.flying.retain(|(id, _)| *id != answer.pkid);
                self.publish_next(now);
            }
            (Packet::PingResp, _) => {}
            _ => self.fail(Fault::Malformed),
        }
    }

    fn take_message(&mut self, now: Time, publish: &Publish) {
        self.used.heard += 1;
        if self.used.heard > self.budget.heard {
            return self.fail(Fault::Flood(self.budget.heard));
        }
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self
                .packets
                .write(now, &Packet::PubAck(PubAck::new(publish.pkid))),
            // More than was asked for.
            QoS::ExactlyOnce => return self.fail(Fault::Malformed),
        }
        // Nothing is retained here: what is was said to somebody else.
        if publish.topic != self.topic || publish.retain {
            return;
        }
        self.joiner.take(now, &publish.payload);
        self.take_joined(now);
    }

    fn take_joined(&mut self, now: Time) {
        while let Some(joined) = self.joiner.poll() {
            match joined {
                Joined::Echo(number) => {
                    if !std::mem::replace(&mut self.echoed, true) {
                        self.round_trip = now.saturating_sub(self.probed_at);
                    }
                    self.unechoed.retain(|(known, _, at)| {
                        let is_this = *known == number;
                        if is_this {
                            self.round_trip = self.round_trip.max(now.saturating_sub(*at));
                        }
                        !is_this
                    });
                    self.join();
                }
                Joined::Envelope(envelope) => self.events.push_back(Event::Envelope(envelope)),
                Joined::Left => self.events.push_back(Event::PeerLeft),
            }
        }
    }

    fn join(&mut self) {
        if self.stage == Stage::Probing && self.echoed {
            self.stage = Stage::Joined;
            // Before what may have come meanwhile.
            self.events.push_front(Event::Joined);
        }
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        if self.fault.is_some() {
            return None;
        }
        let probe = (self.stage != Stage::Joined).then(|| self.probed_at + PROBE_AGAIN);
        let receipt = self.receipt_since.map(|since| since + RECEIPT_WAITS);
        let taken = self.flying.first().map(|(_, at)| *at + TAKEN_WITHIN);
        let lost = self.lost_at();
        let is_paced = !self.waiting.is_empty() || !self.cutter.is_empty();
        let paced = (is_paced && self.flying.len() < FLYING).then_some(self.paced_until);
        let paced = paced.filter(|_| self.stage == Stage::Joined && receipt.is_none());
        let gaps = self.joiner.poll_timeout();
        [probe, receipt, taken, lost, paced, gaps]
            .into_iter()
            .flatten()
            .chain([self.packets.poll_timeout()])
            .min()
    }

    fn lost_at(&self) -> Option<Time> {
        let doublings = self.forgotten.min(LOST_DOUBLINGS);
        let patience = LOST_AFTER.max(self.round_trip * LOST_AFTER_TIMES) * (1 << doublings);
        let (_, _, at) = self.unechoed.front()?;
        (self.stage == Stage::Joined).then(|| *at + patience)
    }

    /// What has not come back is lost. A large one may have been too large.
    fn give_up_lost(&mut self, now: Time) {
        if self.lost_at().is_some_and(|at| now >= at) {
            if self.unanswered() > Some(SMALL) {
                self.cutter.largest = SMALL;
            }
            self.unechoed.clear();
            self.forgotten += 1;
            self.events.push_back(Event::Forgotten);
        }
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.fault.is_some() {
            return;
        }
        if self.packets.is_silent(now) {
            return self.fail(Fault::Silent);
        }
        if self.stage == Stage::Probing && now >= self.probed_at + PROBE_AGAIN {
            if self.probes >= PROBES {
                return self.fail(Fault::Swallows);
            }
            self.probe(now);
        } else if self.stage != Stage::Joined && now >= self.probed_at + PROBE_AGAIN {
            // The broker has not answered; how long that may take is for whoever drives this.
            self.probed_at = now;
        }
        self.flying.retain(|(_, at)| now < *at + TAKEN_WITHIN);
        if self
            .receipt_since
            .is_some_and(|since| now >= since + RECEIPT_WAITS)
        {
            self.receipt_since = None;
        }
        self.joiner.handle_timeout(now);
        self.take_joined(now);
        self.give_up_lost(now);
        self.publish_next(now);
        self.packets.ping(now);
    }

    /// Says what still waits, and that this side leaves.
    pub fn leave(&mut self, now: Time) {
        if self.fault.is_some() || self.stage != Stage::Joined {
            return;
        }
        while let Some(piece) = self.cutter.cut(&mut self.waiting) {
            self.publish(now, piece);
        }
        let farewell = self.cutter.farewell();
        self.publish(now, farewell);
        self.packets.write(now, &Packet::Disconnect);
    }

    fn probe(&mut self, now: Time) {
        self.probes += 1;
        self.probed_at = now;
        let probe = self.cutter.probe();
        self.publish(now, probe);
        // Nothing waits for it.
        self.flying.clear();
        self.unechoed.clear();
    }

    /// As many as may be under way.
    fn publish_next(&mut self, now: Time) {
        let has_time = self.receipt_since.is_some() && self.cutter.is_empty();
        if self.stage != Stage::Joined || has_time {
            return;
        }
        while self.fault.is_none()
            && self.flying.len() < FLYING
            && now >= self.paced_until
            && let Some(piece) = self.cutter.cut(&mut self.waiting)
        {
            let number = self.cutter.next_number() - 1;
            self.unechoed.push_back((number, piece.len(), now));
            self.publish(now, piece);
        }
    }

    fn publish(&mut self, now: Time, payload: Vec<u8>) {
        self.used.messages += 1;
        self.used.bytes += payload.len();
        self.paced_until = now + self.budget.pause(self.used);
        let Budget {
            messages, bytes, ..
        } = self.budget;
        if self.used.messages > messages || self.used.bytes > bytes {
            return self.fail(Fault::Budget(messages, bytes));
        }
        let mut publish = Publish::new(self.topic.clone(), QoS::AtLeastOnce, payload);
        publish.pkid = self.packets.new_id();
        self.flying.push((publish.pkid, now));
        self.packets.write(now, &Packet::Publish(publish));
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

fn is_receipt(envelope: &[u8]) -> bool {
    seal::header(envelope).is_ok_and(|header| matches!(header.kind, Kind::Receipt(_)))
}

fn is_beat(envelope: &[u8]) -> bool {
    seal::header(envelope).is_ok_and(|header| matches!(header.kind, Kind::Beat(_)))
}
