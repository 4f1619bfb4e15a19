//! The packets of a connection to a broker, and whether it is alive.

use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::{Connect, Packet};

use crate::base::time::Time;
use crate::proto::signal::mqtt::Login;
use crate::proto::signal::mqtt::fault::{Fault, foreign};

/// How long the connection may be idle before the broker is asked for a sign of life, and how long it may
/// be silent. For how long it lets this side be silent, it is told in seconds: half as long again (MQTT 3.1.2.10).
const PING_AFTER: Duration = Duration::from_secs(10);
pub(super) const SILENCE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_S: u16 = 20;
/// The first byte of an answer to CONNECT (MQTT 3.2.1).
const CONNACK: u8 = 0x20;

#[derive(Debug)]
pub(super) struct Packets {
    input: BytesMut,
    output: BytesMut,
    /// The largest packet of the broker.
    largest: usize,
    is_answered: bool,
    last_id: u16,
    heard_at: Time,
    sent_at: Time,
}

impl Packets {
    pub(super) fn new(now: Time, largest: usize) -> Self {
        Self {
            input: BytesMut::new(),
            output: BytesMut::new(),
            largest,
            is_answered: false,
            last_id: 0,
            heard_at: now,
            sent_at: now,
        }
    }

    /// What is to be written now.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| self.output.split().to_vec())
    }

    pub(super) fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.heard_at = now;
        self.input.extend_from_slice(bytes);
    }

    /// The next packet of the broker, if it is whole.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Fault> {
        let Some(first) = self.input.first() else {
            return Ok(None);
        };
        if !self.is_answered && *first != CONNACK {
            return foreign(&self.input).map_or(Ok(None), Err);
        }
        // What a broker has no reason to say is not even decoded.
        if !matches!(first >> 4, 2 | 3 | 4 | 9 | 11 | 13) {
            return Err(Fault::Malformed);
        }
        match Packet::read(&mut self.input, self.largest) {
            Ok(packet) => {
                self.is_answered = true;
                Ok(Some(packet))
            }
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(_) => Err(Fault::Malformed),
        }
    }

    pub(super) fn write(&mut self, now: Time, packet: &Packet) {
        self.sent_at = now;
        // All are far smaller than the largest.
        let _ = packet.write(&mut self.output, usize::MAX);
    }

    pub(super) const fn new_id(&mut self) -> u16 {
        // None is 0 (MQTT 2.3.1).
        self.last_id = if self.last_id == u16::MAX {
            1
        } else {
            self.last_id + 1
        };
        self.last_id
    }

    pub(super) fn poll_timeout(&self) -> Time {
        (self.sent_at + PING_AFTER).min(self.heard_at + SILENCE)
    }

    pub(super) fn is_silent(&self, now: Time) -> bool {
        now >= self.heard_at + SILENCE
    }

    /// Asks for a sign of life, if it is time; whether it was.
    pub(super) fn ping(&mut self, now: Time) -> bool {
        let is_due = now >= self.sent_at + PING_AFTER;
        if is_due {
            self.write(now, &Packet::PingReq);
        }
        is_due
    }
}

/// The beginning of a connection; `id` is the name of the client.
pub(super) fn connect(id: String, login: Option<Login>) -> Connect {
    let mut connect = Connect::new(id);
    connect.keep_alive = KEEP_ALIVE_S;
    if let Some(login) = login {
        connect.set_login(login.user, login.password);
    }
    connect
}
