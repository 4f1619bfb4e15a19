//! Brokers, and others at them, that mean no good.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use rtcdiag::proto::signal::rooms::Sibling;
use rtcdiag::proto::signal::siblings::frame::{Alias, Frame, Word};
use rtcdiag::proto::signal::siblings::topic_of_all;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, Publish};

use super::{Side, broker, run, say, servers, servers_at, target};
use crate::serve::lab::Server;
use crate::support::broker::{self, Manner};

/// Members at two servers say so much to each other, and each word comes once.
fn two_talk(one: &Server, two: &Server, words: u8) {
    run(async {
        let mut a = Side::new(target(&one.url(), 1)).await;
        let mut b = Side::new(target(&two.url(), 2)).await;
        say(&mut a, &mut b, 0..words);
        Side::work_together(&mut a, &mut b, usize::from(words)).await;
        let all: Vec<Vec<u8>> = (0..words).map(|number| vec![number]).collect();
        assert_eq!((&a.heard, &b.heard), (&all, &all));
    });
}

#[test]
fn sessions_bear_what_a_broker_does_to_messages() {
    for manner in [
        Manner::Repeats,
        Manner::Reorders,
        Manner::Drops,
        Manner::Slow(20),
        Manner::Floods,
    ] {
        println!("{manner:?}");
        let url = format!("mqtt://127.0.0.1:{}", broker::broker(manner));
        let [one, two] = servers_at(&url);
        two_talk(&one, &two, 10);
    }
}

/// Says as much as the broker takes, until it is told to stop: what is no frame, and what processes would say that
/// do not exist.
fn flood(port: u16, stop: &AtomicBool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut output = BytesMut::new();
    let add = |packet: Packet, output: &mut BytesMut| {
        packet.write(output, usize::MAX).expect("small");
    };
    add(Packet::Connect(Connect::new("stranger")), &mut output);
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..100 {
            number += 1;
            let sender = Sibling((number % 200).to_be_bytes());
            let room = Alias([u8::try_from(number % 251).expect("small"); 16]);
            let payload = match number % 3 {
                0 => vec![0x55; 300],
                1 => Frame::Word(number, Word::Third(room)).encode(sender),
                _ => Frame::Alive(number).encode(sender),
            };
            let publish = Publish::new(topic_of_all(), QoS::AtMostOnce, payload);
            add(Packet::Publish(publish), &mut output);
        }
        // A broker may have had enough of it.
        if stream.write_all(&output.split()).is_err() {
            return;
        }
    }
}

#[test]
fn whoever_floods_the_topics_does_not_part_those_who_share_their_rooms() {
    let Some(broker) = broker() else {
        return;
    };
    let [one, two] = servers(&broker);
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = std::thread::spawn({
        let (port, stop) = (broker.port, Arc::clone(&stop));
        move || flood(port, &stop)
    });
    super::wait_until(&one, "rtcdiag_broker_foreign_total", |count| count > 1000.0);
    let (mut c, mut d) = one.pair();
    c.send_bytes(b"within one server");
    d.expect_bytes(b"within one server");
    drop((c, d));
    two_talk(&one, &two, 20);
    stop.store(true, Ordering::Relaxed);
    flooding.join().expect("it ends");
    two_talk(&two, &one, 20);
    let stopped = one.stop();
    let foreign = stopped.result()["broker_totals"]["foreign"].as_u64();
    assert!(foreign.expect("a count") > 1000, "{stopped:#?}");
}
