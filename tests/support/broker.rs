//! A small MQTT broker that does what no broker should: it repeats, reorders, alters, drops, retains, floods.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// Each message three times.
    Repeats,
    /// Two and two change places.
    Reorders,
    /// A byte of every fifth message.
    Alters,
    /// Every fifth message is lost.
    Drops,
    /// Old messages come first, as retained ones.
    Retains,
    /// Many thousand messages for each one.
    Floods,
    /// Takes all, and hands nothing on.
    Swallows,
    /// Refuses the subscription.
    Forbids,
    /// Does not answer the subscription.
    Ignores,
    /// Refuses user and password.
    Refuses,
    /// Each message takes so many milliseconds.
    Slow(u64),
    /// Accepts and says nothing.
    Dead,
}

struct Subscriber {
    topics: Vec<String>,
    stream: TcpStream,
}

struct Shared {
    manner: Manner,
    subscribers: Mutex<Vec<Subscriber>>,
    held: Mutex<Option<Publish>>,
    count: AtomicUsize,
}

/// Starts one that lives as long as the process; gives its port.
/// Manners that a session bears without being any the worse for it.
pub const HARMLESS: [Manner; 4] = [
    Manner::Honest,
    Manner::Repeats,
    Manner::Reorders,
    Manner::Slow(20),
];

pub fn broker(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    let shared = Arc::new(Shared {
        manner,
        subscribers: Mutex::new(Vec::new()),
        held: Mutex::new(None),
        count: AtomicUsize::new(0),
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.serve(stream));
        }
    });
    port
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let mut input = BytesMut::new();
        let mut buffer = [0; 4096];
        // It is gone when it is gone.
        while let Ok(length) = stream.read(&mut buffer)
            && length > 0
        {
            input.extend_from_slice(&buffer[..length]);
            while let Ok(packet) = Packet::read(&mut input, 1 << 20) {
                if self.manner != Manner::Dead {
                    self.take(&mut stream, packet);
                }
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn take(&self, stream: &mut TcpStream, packet: Packet) {
        match packet {
            Packet::Connect(_) => {
                let code = match self.manner {
                    Manner::Refuses => ConnectReturnCode::BadUserNamePassword,
                    _ => ConnectReturnCode::Success,
                };
                write(stream, &Packet::ConnAck(ConnAck::new(code, false)));
            }
            Packet::Subscribe(_) if self.manner == Manner::Ignores => {}
            Packet::Subscribe(subscribe) => {
                let code = match self.manner {
                    Manner::Forbids => SubscribeReasonCode::Failure,
                    _ => SubscribeReasonCode::Success(QoS::AtLeastOnce),
                };
                let filters = subscribe.filters.into_iter();
                let topics: Vec<String> = filters.map(|filter| filter.path).collect();
                let codes = vec![code; topics.len()];
                let answer = SubAck::new(subscribe.pkid, codes);
                write(stream, &Packet::SubAck(answer));
                if self.manner == Manner::Retains {
                    for text in [
                        &b"{}"[..],
                        &[1; 300],
                        &[1, 1, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0],
                    ] {
                        let mut old = Publish::new(&topics[0], QoS::AtLeastOnce, text);
                        old.retain = true;
                        old.pkid = 77;
                        write(stream, &Packet::Publish(old));
                    }
                }
                let stream = stream.try_clone().expect("a descriptor");
                let subscriber = Subscriber { topics, stream };
                self.subscribers.lock().expect("no panic").push(subscriber);
            }
            Packet::Publish(publish) => {
                if publish.qos != QoS::AtMostOnce {
                    write(stream, &Packet::PubAck(PubAck::new(publish.pkid)));
                }
                self.hand_on(publish);
            }
            Packet::PingReq => write(stream, &Packet::PingResp),
            _ => {}
        }
    }

    fn hand_on(&self, publish: Publish) {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        match self.manner {
            Manner::Repeats => (0..3).for_each(|_| self.send(&publish)),
            Manner::Reorders => {
                // The first messages only show that it works.
                let earlier = self.held.lock().expect("no panic").take();
                match earlier {
                    Some(earlier) => {
                        self.send(&publish);
                        self.send(&earlier);
                    }
                    None if number > 4 && number % 2 == 1 => {
                        *self.held.lock().expect("no panic") = Some(publish);
                    }
                    None => self.send(&publish),
                }
            }
            Manner::Alters if number.is_multiple_of(5) => {
                let mut payload = publish.payload.to_vec();
                if let Some(byte) = payload.last_mut() {
                    *byte ^= 0x55;
                }
                self.send(&Publish::new(&publish.topic, QoS::AtLeastOnce, payload));
            }
            Manner::Drops if number.is_multiple_of(5) => {}
            Manner::Floods => {
                for _ in 0..5000 {
                    self.send(&publish);
                }
            }
            Manner::Swallows => {}
            Manner::Slow(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                self.send(&publish);
            }
            _ => self.send(&publish),
        }
    }

    fn send(&self, publish: &Publish) {
        let mut publish = publish.clone();
        publish.pkid = 1;
        let subscribers = self.subscribers.lock().expect("no panic");
        let hears = |subscriber: &&Subscriber| subscriber.topics.contains(&publish.topic);
        for subscriber in subscribers.iter().filter(hears) {
            let mut stream = &subscriber.stream;
            let mut output = BytesMut::new();
            let packet = Packet::Publish(publish.clone());
            packet.write(&mut output, usize::MAX).expect("small");
            let _ = stream.write_all(&output);
        }
    }
}

fn write(stream: &mut TcpStream, packet: &Packet) {
    let mut output = BytesMut::new();
    packet.write(&mut output, usize::MAX).expect("small");
    // The other end may have gone.
    let _ = stream.write_all(&output);
}
