//! Captures of made-up calls in which something is lost on the way, at a machine or at a TURN server.

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::commands::inspect::verdict;
use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::evidence::{Record, calls, facts};

use super::named;
use super::tape::{
    ACK, DATA, RST, SYN, Tape, USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
    answer, check, error, rtp, stun, xored,
};

pub(super) const A: &str = "192.168.1.10:5000";
pub(super) const A_OUTSIDE: &str = "203.0.113.100:5000";
pub(super) const B: &str = "203.0.113.200:6000";
const B_INSIDE: &str = "192.168.2.10:6000";
pub(super) const STUN: &str = "198.51.100.10:3478";
const RELAY: &str = "198.51.100.10:49200";

pub(super) fn judge(records: &[Record]) -> JudgedCall {
    let joined = calls::join(records.to_vec());
    assert_eq!(joined.len(), 1, "they are of one call: {records:?}");
    facts::judge(&joined[0])
}

pub(super) fn summary(records: &[Record]) -> String {
    let names: Vec<String> = (0..records.len()).map(|place| place.to_string()).collect();
    let result = InspectResult::new(&names, records, calls::join(records.to_vec()));
    verdict::verdict(&result, &names, records).summary
}

/// What is seen of a call at one of its ends, half a second by half a second.
pub(super) struct Seen {
    pub(super) tape: Tape,
    /// The two as they are seen there: the near one first.
    pub(super) ends: [&'static str; 2],
    pub(super) names: [&'static str; 2],
    /// How the near end is seen from there.
    pub(super) outside: &'static str,
    pub(super) number: u32,
}

impl Seen {
    pub(super) fn at_a() -> Self {
        Self::new([A, B], A_OUTSIDE, ["bbbb:aaaa", "aaaa:bbbb"])
    }

    pub(super) fn at_b() -> Self {
        Self::new([B_INSIDE, A_OUTSIDE], B, ["aaaa:bbbb", "bbbb:aaaa"])
    }

    pub(super) fn new(
        ends: [&'static str; 2],
        outside: &'static str,
        names: [&'static str; 2],
    ) -> Self {
        let mut seen = Self {
            tape: Tape::new(),
            ends,
            names,
            outside,
            number: 0,
        };
        let (here, there) = ((ends[0], STUN), (STUN, ends[0]));
        seen.tape.udp(0, here, &stun(0x0001, 1_000_000, &[]));
        seen.tape.udp(10, there, &answer(1_000_000, outside));
        seen
    }

    /// A check of one end, and whether it is answered here.
    pub(super) fn checks(&mut self, ms: u32, from: usize, is_answered: bool) {
        self.number += 1;
        let number = self.number + 10_000 * u32::try_from(from).expect("small");
        let (one, two) = (self.ends[from], self.ends[1 - from]);
        let names = self.names[from];
        self.tape
            .udp(ms, (one, two), &check(number, names, from == 0));
        if is_answered {
            self.tape
                .udp(ms + 20, (two, one), &answer(number, self.outside));
        }
    }

    pub(super) fn media(&mut self, ms: u32, from: usize) {
        let way = (self.ends[from], self.ends[1 - from]);
        for part in 0..25 {
            let sequence = u16::try_from(ms / 20 + part).expect("a short call");
            let source = 1 + u32::try_from(from).expect("small");
            self.tape.udp(ms + part * 20, way, &rtp(sequence, source));
        }
    }

    /// Everything works from a moment to another.
    pub(super) fn works(&mut self, from: u32, to: u32) {
        for ms in (from..to).step_by(500) {
            for end in [0, 1] {
                self.checks(ms, end, true);
                self.media(ms + 30, end);
            }
        }
    }
}

/// From 7 s on the machine of B drops all that comes to it: A goes on, and so does B until 17 s.
fn deaf_in_the_middle() -> [Record; 2] {
    let (mut a, mut b) = (Seen::at_a(), Seen::at_b());
    a.works(100, 7000);
    b.works(100, 7000);
    for ms in (7000..25_000).step_by(500) {
        a.checks(ms, 0, false);
        b.checks(ms, 1, false);
        if ms < 17_000 {
            // A answers what comes of B, and that is dropped at B.
            a.checks(ms, 1, true);
            b.checks(ms, 0, true);
        }
    }
    [a.tape.record(), b.tape.record()]
}

#[test]
fn a_path_that_is_lost_one_way_is_not_said_to_be_lost_both_ways() {
    let [a, b] = deaf_in_the_middle();
    let alone = judge(std::slice::from_ref(&a));
    assert_eq!(
        named(&alone.causes),
        [("path-lost".to_owned(), "between".to_owned())]
    );
    let said = &alone.causes[0].message;
    assert!(
        said.contains("what this side sends is not answered any more"),
        "{said}"
    );
    assert!(!said.contains("sent nothing any more"), "{said}");
    let there = judge(std::slice::from_ref(&b));
    let said = &there.causes[0].message;
    assert!(
        said.contains("a firewall on that machine drops them"),
        "{said}"
    );
    assert!(said.contains("the machine of this side"), "{said}");
    for (records, who) in [
        ([a.clone(), b.clone()], "the machine of the other side"),
        ([b, a], "the machine of this side"),
    ] {
        let both = judge(&records);
        assert_eq!(both.standing, Standing::Lost);
        let said = &both.causes[0].message;
        assert!(said.contains(who), "{said}");
    }
}

/// An end that stops sends nothing more, and the other one is heard: its address may have changed, too.
#[test]
fn an_end_that_sends_nothing_is_told_from_one_that_is_not_heard() {
    let mut a = Seen::at_a();
    a.works(100, 7000);
    for ms in (7000..20_000).step_by(500) {
        a.media(ms, 1);
    }
    let call = judge(&[a.tape.record()]);
    let said = &call.causes[0].message;
    assert!(said.contains("this side sent nothing any more"), "{said}");
    assert!(said.contains("its network or address changed"), "{said}");
}

/// From the beginning on nothing that comes to the machine of B gets to its program.
#[test]
fn checks_that_a_machine_drops_are_told_from_checks_that_do_not_arrive() {
    let mut b = Seen::at_b();
    for ms in (100..12_000).step_by(500) {
        b.checks(ms, 0, true);
        b.checks(ms + 100, 1, false);
    }
    let call = judge(&[b.tape.record()]);
    assert_eq!(
        named(&call.causes),
        [("filtered".to_owned(), "local".to_owned())]
    );
    let said = &call.causes[0].message;
    assert!(said.contains("a firewall on that machine"), "{said}");
    assert!(call.relay_causes.is_empty(), "{:?}", call.relay_causes);
}

/// The password of one end was altered on the way to the other one.
#[test]
fn checks_that_are_refused_need_no_relay() {
    let refused = |mut seen: Seen, from: usize| {
        for ms in (100..8000_u32).step_by(500) {
            seen.checks(ms, 1 - from, true);
            seen.checks(ms + 100, from, false);
            let number = seen.number + 10_000 * u32::try_from(from).expect("small");
            let way = (seen.ends[1 - from], seen.ends[from]);
            seen.tape.udp(ms + 120, way, &error(0x0111, number, 401));
        }
        seen.tape.record()
    };
    let (a, b) = (refused(Seen::at_a(), 0), refused(Seen::at_b(), 1));
    for (records, side) in [
        (vec![a.clone()], "local"),
        (vec![b.clone()], "remote"),
        (vec![a.clone(), b.clone()], "local"),
        (vec![b, a], "remote"),
    ] {
        let call = judge(&records);
        assert_eq!(
            named(&call.causes),
            [("unauthorized".to_owned(), side.to_owned())]
        );
        assert!(
            call.relay_causes.is_empty() && call.path.is_none(),
            "{call:?}"
        );
        let said = summary(&records);
        assert!(!said.contains("TURN"), "{said}");
    }
}

/// A call over a relay of A, over UDP or TCP.
struct Relayed {
    tape: Tape,
    is_tcp: bool,
    sequences: [u32; 2],
    number: u32,
}

impl Relayed {
    const CLIENT: &str = "192.168.1.10:7000";

    fn new(is_tcp: bool) -> Self {
        let mut call = Self {
            tape: Tape::new(),
            is_tcp,
            sequences: [1, 1],
            number: 0,
        };
        if is_tcp {
            call.tape.tcp(0, (Self::CLIENT, STUN), (0, SYN), &[]);
            call.tape.tcp(1, (STUN, Self::CLIENT), (0, SYN | ACK), &[]);
        }
        call.sends(10, 0, &stun(0x0003, 900_000, &[(USERNAME, b"user")]));
        let given: [(u16, &[u8]); 2] = [
            (XOR_RELAYED_ADDRESS, &xored(RELAY)),
            (XOR_MAPPED_ADDRESS, &xored("203.0.113.100:7000")),
        ];
        call.sends(20, 1, &stun(0x0103, 900_000, &given));
        call
    }

    fn sends(&mut self, ms: u32, from: usize, payload: &[u8]) {
        let ends = [Self::CLIENT, STUN];
        let way = (ends[from], ends[1 - from]);
        if self.is_tcp {
            let sequence = self.sequences[from];
            self.tape.tcp(ms, way, (sequence, ACK), payload);
            self.sequences[from] += u32::try_from(payload.len()).expect("short");
        } else {
            self.tape.udp(ms, way, payload);
        }
    }

    /// Through the relay: a Send indication, or a Data indication.
    fn relays(&mut self, ms: u32, from: usize, data: &[u8]) {
        self.number += 1;
        let kind = [0x0016, 0x0017][from];
        let peer = xored(B);
        let message = stun(
            kind,
            self.number,
            &[(XOR_PEER_ADDRESS, &peer), (DATA, data)],
        );
        self.sends(ms, from, &message);
    }

    fn checks(&mut self, ms: u32, from: usize, is_answered: bool) {
        let number = 50_000 + ms * 2 + u32::try_from(from).expect("small");
        let names = ["bbbb:aaaa", "aaaa:bbbb"][from];
        self.relays(ms, from, &check(number, names, from == 0));
        if is_answered {
            self.relays(ms + 20, 1 - from, &answer(number, RELAY));
        }
    }

    fn works(&mut self, from: u32, to: u32) {
        for ms in (from..to).step_by(500) {
            self.checks(ms, 0, true);
            self.checks(ms + 5, 1, true);
            for part in 0..20 {
                let sequence = u16::try_from(ms / 20 + part).expect("short");
                self.relays(ms + 30 + part * 20, 0, &rtp(sequence, 1));
                self.relays(ms + 35 + part * 20, 1, &rtp(sequence, 2));
            }
        }
    }
}

#[test]
fn a_relay_that_died_is_no_connection() {
    let mut call = Relayed::new(false);
    call.works(100, 7000);
    assert_eq!(judge(&[call.tape.record()]).standing, Standing::Connected);
    // What A sends is lost, and what comes for its relay still comes.
    for ms in (7000..18_000).step_by(500) {
        call.checks(ms, 0, false);
        call.checks(ms + 5, 1, true);
    }
    let judged = judge(&[call.tape.record()]);
    assert_eq!(judged.standing, Standing::Lost);
    let said = &judged.causes[0].message;
    assert!(
        said.contains(&format!("through the TURN server of this side, {RELAY},")),
        "{said}"
    );
}

/// The server ends the connection: what it sends again, and what it sends on, brings nothing.
#[test]
fn a_connection_that_a_turn_server_ended_has_lost_the_path() {
    let mut call = Relayed::new(true);
    call.works(100, 7000);
    let sent = judge(&[call.tape.record()]).pairs[0].record.bytes_received;
    let (next, last) = (call.sequences[1], rtp(1, 2));
    let old = next - u32::try_from(last.len()).expect("short");
    call.tape
        .tcp(7010, (STUN, Relayed::CLIENT), (next, RST), &[]);
    for ms in (7100..20_000).step_by(1000) {
        call.tape
            .tcp(ms, (STUN, Relayed::CLIENT), (old, ACK), &last);
        call.tape.tcp(
            ms + 1,
            (Relayed::CLIENT, STUN),
            (call.sequences[0], RST),
            &[],
        );
    }
    let judged = judge(&[call.tape.record()]);
    assert_eq!(judged.standing, Standing::Lost);
    assert_eq!(
        judged.pairs[0].record.bytes_received, sent,
        "nothing came twice"
    );
    let said = &judged.causes[0].message;
    assert!(
        said.contains("to its TURN server was ended from there"),
        "{said}"
    );
    assert!(!said.contains("came back"), "{said}");
}

/// A test before the call holds the one relay that the user may have.
#[test]
fn a_relay_of_another_connection_is_not_that_of_the_call() {
    let mut a = Seen::at_a();
    let other = "192.168.1.10:4000";
    a.tape.udp(
        50,
        (other, STUN),
        &stun(0x0003, 800, &[(USERNAME, b"user")]),
    );
    a.tape.udp(
        60,
        (STUN, other),
        &stun(0x0103, 800, &[(XOR_RELAYED_ADDRESS, &xored(RELAY))]),
    );
    a.tape
        .udp(70, (A, STUN), &stun(0x0003, 801, &[(USERNAME, b"user")]));
    a.tape.udp(80, (STUN, A), &error(0x0113, 801, 486));
    for ms in (100..9000).step_by(500) {
        a.checks(ms, 0, false);
    }
    a.media(9000, 0);
    let record = a.tape.record();
    let servers = record.accounts[0].servers.as_ref().expect("asked");
    let turn = servers
        .iter()
        .find(|server| server.url.starts_with("turn:"))
        .expect("it is TURN");
    assert_eq!(
        turn.error.as_ref().map(|(code, _)| code.name()),
        Some("allocation-quota-reached")
    );
    assert!(
        !record.accounts[0]
            .own
            .candidates
            .iter()
            .any(|c| c.url.is_some() && c.port == 49200)
    );
}

/// Where TCP to the TURN server is dropped as well, nothing shows that TLS would do.
#[test]
fn attempts_over_tcp_without_an_answer_are_told() {
    let mut tape = Tape::new();
    for (count, ms) in [0, 500, 1500, 3500, 7500].into_iter().enumerate() {
        let number = u32::try_from(count).expect("few");
        tape.udp(ms, (A, STUN), &stun(0x0003, 900 + number, &[]));
        tape.tcp(ms + 10, ("192.168.1.10:5001", STUN), (77, SYN), &[]);
        tape.udp(ms + 20, (A, B), &check(1 + number, "bbbb:aaaa", true));
    }
    let record = tape.record();
    let servers = record.accounts[0].servers.as_ref().expect("asked");
    let streams: Vec<&str> = servers
        .iter()
        .filter(|server| server.url.ends_with("transport=tcp"))
        .filter_map(|server| server.error.as_ref().map(|(_, said)| said.as_str()))
        .collect();
    assert_eq!(streams, ["no answer to 5 attempts to connect"]);
}

/// All packets have passed routers: what goes by there need not have come to anybody.
#[test]
fn a_capture_between_the_hosts_is_none_of_a_host() {
    let capture = |hops: u8| {
        let mut a = Seen::new([A_OUTSIDE, B], A_OUTSIDE, ["bbbb:aaaa", "aaaa:bbbb"]);
        a.tape = Tape::new();
        a.tape.hops(hops);
        for ms in (100..9000).step_by(500) {
            a.checks(ms, 0, false);
            a.checks(ms + 100, 1, false);
        }
        a.tape.record()
    };
    let said = summary(&[capture(62)]);
    assert!(
        said.contains("taken on the way and on no host of the call"),
        "{said}"
    );
    assert!(!said.contains("TURN"), "{said}");
    let said = summary(&[capture(64)]);
    assert!(!said.contains("on no host"), "{said}");
}

#[test]
fn rtp_without_ice_is_not_called_a_capture_begun_too_late() {
    let mut seen = Seen::at_a();
    seen.tape = Tape::new();
    for ms in (0..3000).step_by(500) {
        seen.media(ms, 0);
    }
    let message = |tape: &Tape| tape.record().faults[0].message.clone();
    let one_way = message(&seen.tape);
    assert!(one_way.contains("without ICE and DTLS"), "{one_way}");
    assert!(
        one_way.contains("and none from 203.0.113.200:6000"),
        "{one_way}"
    );
    for ms in (0..3000).step_by(500) {
        seen.media(ms, 1);
    }
    assert!(message(&seen.tape).contains("such calls, as of phones with SIP, are not judged"));
    let mut sip = Tape::new();
    sip.udp(
        0,
        ("10.0.0.1:5060", "10.0.0.2:5060"),
        b"INVITE sip:b@10.0.0.2 SIP/2.0\r\n\r\n",
    );
    assert!(message(&sip).contains("there is SIP in it"));
}

/// "Lets checks through" needs a check that was answered while media was sent.
#[test]
fn media_that_is_lost_with_the_path_is_not_dropped_alone() {
    let ends = |is_answered: bool| {
        [Seen::at_a(), Seen::at_b()].map(|mut seen| {
            seen.checks(100, 0, true);
            seen.checks(150, 1, true);
            for ms in (600..6000).step_by(500) {
                seen.checks(ms, 0, is_answered);
                seen.media(ms, 0);
            }
            seen.tape.record()
        })
    };
    let lost = judge(&ends(false));
    let said = &lost.causes[0].message;
    assert_eq!(
        named(&lost.causes),
        [("path-lost".to_owned(), "between".to_owned())]
    );
    assert!(said.contains("no check is answered any more"), "{said}");
    let dropped = judge(&ends(true));
    let said = &dropped.causes[0].message;
    assert_eq!(
        named(&dropped.causes),
        [("no-media".to_owned(), "between".to_owned())]
    );
    assert!(
        said.contains("lets checks through and drops SRTP"),
        "{said}"
    );
}
