//! How soon the first check leaves after the second host has begun, where both meet at an MQTT broker (mosquitto) that is
//! a round trip of 40 ms away from each; and what the broker is given. All on loopback: the delay is that of the way to
//! the broker alone. Prints a table; nothing is asserted, since time depends on the machine.
//!
//! `cargo bench -- broker`

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{milliseconds, summary};
use crate::rendezvous::goal;
use crate::support::ends::End;
use crate::support::meeting::Meeting;
use crate::support::mosquitto::mosquitto;

const RUNS: usize = 9;
const ROUND_TRIP: Duration = Duration::from_millis(40);
const GOAL_ROUND_TRIPS: f64 = 6.0;
/// The first host has long been there when the second one comes.
const HEAD_START: Duration = Duration::from_secs(1);

pub fn measure_all() {
    let Some(broker) = mosquitto(&["allow_anonymous true"], &[]) else {
        println!("broker: no mosquitto here, nothing to measure");
        return;
    };
    println!(
        "pair through a broker with {} ms, {RUNS} runs: from the start of the second host to the first check of either",
        ROUND_TRIP.as_millis()
    );
    let proxy = delayed(broker.port);
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| milliseconds(first_check(proxy)))
        .collect();
    times.sort_by(f64::total_cmp);
    let (median, most) = summary(&times);
    let trips = |ms: f64| ms / milliseconds(ROUND_TRIP);
    println!(
        "{:<34} {median:>10.1} median {most:>8.1} max",
        "first check (ms)"
    );
    goal(
        "round trips",
        trips(median),
        trips(median) <= GOAL_ROUND_TRIPS,
        GOAL_ROUND_TRIPS,
    );
    let log = broker.log();
    #[allow(clippy::cast_precision_loss)]
    let given = log.matches("Received PUBLISH").count() as f64 / RUNS as f64;
    goal("messages a session", given, given <= 60.0, 60.0);
}

fn first_check(port: u16) -> Duration {
    let meeting = Meeting::new();
    let broker = format!("mqtt://127.0.0.1:{port}");
    let side = || meeting.telling(&["--timeout", "40", "--rendezvous", &broker]);
    let mut first = End::start(&mut side());
    thread::sleep(HEAD_START);
    let began = Instant::now();
    let mut second = End::start(&mut side());
    // The first one hears of the other's candidates no later than the other way round.
    let waiting = thread::spawn(move || {
        first.wait_for_step("check-sent");
        (Instant::now(), first)
    });
    second.wait_for_step("check-sent");
    let of_second = Instant::now();
    let (of_first, first) = waiting.join().expect("no panic");
    for end in [first, second] {
        end.finish();
    }
    of_first.min(of_second) - began
}

/// A port that leads to another one, half of the round trip away each way; coming there takes a whole one.
fn delayed(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            let open_at = Instant::now() + ROUND_TRIP;
            for stream in [&client, &server] {
                stream.set_nodelay(true).expect("it is TCP");
            }
            let both = (client.try_clone(), server.try_clone());
            let (Ok(client_too), Ok(server_too)) = both else {
                continue;
            };
            carry(client, server, open_at);
            carry(server_too, client_too, open_at);
        }
    });
    port
}

fn carry(mut from: TcpStream, mut to: TcpStream, open_at: Instant) {
    let (sender, held) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(open_at) + ROUND_TRIP / 2;
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in held {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        // It may be closed already.
        let _ = to.shutdown(Shutdown::Write);
    });
}
