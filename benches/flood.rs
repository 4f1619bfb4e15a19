//! Newcomers of our STUN server, and of coturn if it is installed, while forged sources ask too: each request comes from
//! another address of 127.0.0.0/8. A newcomer asks once and waits half a second.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rtcdiag::proto::stun::message::{Change, binding_request};

/// What is tried for, in requests a second.
const RATES: [u64; 2] = [20_000, 60_000];
const LASTS: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_millis(500);
const NEWCOMERS: u32 = 200;

pub fn measure_all() {
    println!(
        "STUN under forged sources: newcomers answered of {NEWCOMERS}, requests of the flood a second"
    );
    println!("(on one machine with the flood itself; the rate is what the flood came to)");
    let program = std::env::var("RTCDIAG_BENCH_PROGRAM");
    let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_rtcdiag").to_owned());
    for (name, port) in [("rtcdiag", 34_781_u16), ("coturn", 34_782)] {
        let mut command = if name == "rtcdiag" {
            let mut command = Command::new(&program);
            command.args(["serve", "-q", "--listen", "127.0.0.1:0", "--stun"]);
            command.arg(format!("127.0.0.1:{port}"));
            command
        } else {
            let mut command = Command::new("turnserver");
            command.args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-auth"]);
            command.args(["--log-file=stdout", "-L", "127.0.0.1", "-p"]);
            command.arg(port.to_string());
            command
        };
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(server) = spawned else {
            println!("{name:8} is not installed");
            continue;
        };
        let mut server = Server(server);
        thread::sleep(Duration::from_secs(1));
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        for rate in RATES {
            let (answered, came) = flooded(target, rate);
            let memory = memory(&mut server);
            println!(
                "{name:8} {rate:>6}/s wanted, {came:>6}/s came: {answered:>3} answered, {memory} kB"
            );
        }
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn memory(server: &mut Server) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.0.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("? kB")
        .trim()
        .trim_end_matches(" kB")
        .to_owned()
}

/// How many newcomers were answered, and how fast the flood was.
fn flooded(target: SocketAddr, rate: u64) -> (u32, u64) {
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let answered = thread::scope(|scope| {
        scope.spawn(|| flood(target, rate, &over, &sent));
        let waiting: Vec<_> = (0..NEWCOMERS)
            .map(|number| {
                thread::sleep(LASTS / NEWCOMERS);
                scope.spawn(move || is_answered(target, number))
            })
            .collect();
        let answered = waiting
            .into_iter()
            .map(|thread| thread.join().unwrap_or(false));
        let answered = answered.filter(|answered| *answered).count();
        over.store(true, Ordering::Relaxed);
        u32::try_from(answered).unwrap_or(0)
    });
    let seconds = began.elapsed().as_millis().max(1);
    let came = u128::from(sent.load(Ordering::Relaxed)) * 1000 / seconds;
    (answered, u64::try_from(came).unwrap_or(0))
}

fn flood(target: SocketAddr, rate: u64, over: &AtomicBool, sent: &AtomicU64) {
    let began = Instant::now();
    let request = binding_request([7; 12], Change::None);
    let mut number = 0_u32;
    while !over.load(Ordering::Relaxed) {
        let due = u128::from(rate) * began.elapsed().as_micros() / 1_000_000;
        if u128::from(number) >= due {
            thread::sleep(Duration::from_micros(200));
            continue;
        }
        number += 1;
        let [_, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let source = Ipv4Addr::new(127, b % 128 + 1, c, d);
        if let Ok(socket) = UdpSocket::bind((source, 0)) {
            // A full queue is what a flood makes.
            let _ = socket.send_to(&request, target);
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn is_answered(target: SocketAddr, number: u32) -> bool {
    let [_, _, c, d] = number.to_be_bytes();
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::new(127, 200, c, d), 0)) else {
        return false;
    };
    let asked = socket.set_read_timeout(Some(PATIENCE)).is_ok()
        && socket
            .send_to(&binding_request([9; 12], Change::None), target)
            .is_ok();
    asked && socket.recv_from(&mut [0; 2000]).is_ok()
}
