//! The steps of a call: what a timeline proves of each, and where a call stopped.

use std::time::Duration;

use rtcdiag::base::report::Millis;
use rtcdiag::proto::ice::causes::Whose;
use rtcdiag::proto::ice::steps::{
    CallKind, Course, Entry, Event, Step, StepReport, StepSide, StepStatus, of_guest, steps,
    stopped,
};

use Step::{DescriptionMade, DescriptionReceived, DescriptionSent};
use StepSide::{Local, Remote};

/// What a call with a browser has until data goes both ways, each a millisecond after the other.
const WITH_BROWSER: [(StepSide, Event); 23] = [
    (Local, Event::PeerConnectionCreated),
    (Local, Event::RendezvousJoined),
    (Local, Event::CandidateFound),
    (Local, Event::ServerAnswered),
    (Local, Event::PeerJoined),
    (Remote, Event::RendezvousJoined),
    (Local, Event::DescriptionMade),
    (Local, Event::DescriptionSent),
    (Remote, Event::PeerConnectionCreated),
    (Remote, Event::DescriptionReceived),
    (Remote, Event::DescriptionMade),
    (Remote, Event::DescriptionSent),
    (Local, Event::DescriptionReceived),
    (Remote, Event::CandidateReceived),
    (Remote, Event::ServerAnswered),
    (Local, Event::CandidateReceived),
    (Local, Event::CheckSent),
    (Local, Event::CheckSucceeded),
    (Local, Event::PairNominated),
    (Local, Event::Connected),
    (Local, Event::DtlsConnected),
    (Local, Event::ChannelOpened),
    (Local, Event::DataExchanged),
];

fn timeline(events: &[(StepSide, Event)]) -> Vec<Entry> {
    let entries = events.iter().zip(1..);
    let entries = entries.map(|(&(side, event), ms)| Entry {
        at_ms: Millis(Duration::from_millis(ms)),
        side,
        event,
        detail: None,
    });
    entries.collect()
}

fn of(kind: CallKind, events: &[(StepSide, Event)], has_failed: bool) -> Vec<StepReport> {
    steps(&Course {
        kind,
        timeline: &timeline(events),
        offerer: Local,
        has_failed,
    })
}

fn stop(steps: &[StepReport]) -> Option<(usize, Step, Whose)> {
    let mut all = steps.iter().filter(|it| it.status == StepStatus::Stopped);
    let stop = all.next().map(|it| (it.number, it.step, it.side));
    assert!(all.next().is_none(), "{steps:#?}");
    stop
}

#[test]
fn a_call_with_a_browser_has_every_step_in_its_order_with_its_time() {
    let steps = of(CallKind::Browser, &WITH_BROWSER, false);
    let numbers: Vec<usize> = steps.iter().map(|step| step.number).collect();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    for step in &steps {
        assert_eq!(step.status, StepStatus::Done, "{step:?}");
        assert!(step.at_ms.is_some(), "{step:?}");
    }
    // The description's steps are those of the offer, then those of the answer.
    let of_descriptions: Vec<_> = steps[2..8].iter().map(|it| (it.step, it.side)).collect();
    assert_eq!(
        of_descriptions,
        [
            (DescriptionMade, Whose::Local),
            (DescriptionSent, Whose::Local),
            (DescriptionReceived, Whose::Remote),
            (DescriptionMade, Whose::Remote),
            (DescriptionSent, Whose::Remote),
            (DescriptionReceived, Whose::Local),
        ]
    );
    assert!(
        steps[2..8].is_sorted_by_key(|step| step.at_ms),
        "{steps:#?}"
    );
    assert_eq!(stop(&steps), None);
}

/// Wherever a call with a browser is cut off, it stopped at the first step that it did not make.
#[test]
fn a_call_that_is_cut_off_stops_at_what_did_not_come() {
    for (kept, stopped_at) in [
        (1, (1, Step::Signalling, Whose::Local)),
        (4, (1, Step::Signalling, Whose::Remote)),
        // The browser is there, and has said nothing else.
        (6, (2, Step::PeerConnections, Whose::Remote)),
        (9, (5, Step::DescriptionReceived, Whose::Remote)),
        (10, (6, Step::DescriptionMade, Whose::Remote)),
        (11, (7, Step::DescriptionSent, Whose::Remote)),
        // It has sent the answer, which is not here.
        (12, (8, Step::DescriptionReceived, Whose::Local)),
        (13, (10, Step::Candidates, Whose::Between)),
        (15, (11, Step::Candidates, Whose::Remote)),
        (17, (12, Step::Checks, Whose::Between)),
        (18, (13, Step::Connected, Whose::Between)),
        (20, (14, Step::Dtls, Whose::Between)),
        (21, (15, Step::Channel, Whose::Between)),
        (22, (16, Step::Data, Whose::Between)),
    ] {
        let steps = of(CallKind::Browser, &WITH_BROWSER[..kept], true);
        assert_eq!(stop(&steps), Some(stopped_at), "{kept}: {steps:#?}");
        let said = stopped(&steps).expect("it stopped");
        assert!(said.contains(&format!("step {},", stopped_at.0)), "{said}");
    }
}

/// Where the page is of an older version and tells nothing of its steps, nothing is claimed of them.
#[test]
fn what_nobody_tells_is_not_claimed() {
    let silent: Vec<_> = WITH_BROWSER
        .into_iter()
        .filter(|(side, _)| *side == Local)
        .collect();
    let until = |event| {
        let end = silent.iter().position(|(_, it)| *it == event);
        of(
            CallKind::Browser,
            &silent[..end.expect("it is there")],
            true,
        )
    };
    let steps = until(Event::DescriptionReceived);
    assert_eq!(steps[4].status, StepStatus::Unknown, "{steps:#?}");
    // The browser or the way between them.
    let expected = (8, Step::DescriptionReceived, Whose::Between);
    assert_eq!(stop(&steps), Some(expected));
    // The answer proves what went before it.
    let steps = until(Event::DtlsConnected);
    for step in &steps[..8] {
        assert_eq!(step.status, StepStatus::Done, "{step:?}");
    }
    assert_eq!(steps[4].at_ms, None);
}

#[test]
fn two_terminals_have_no_dtls_and_do_not_wait_for_each_other() {
    let events = [
        (Local, Event::PeerConnectionCreated),
        (Local, Event::RendezvousJoined),
        (Local, Event::CandidateFound),
        (Local, Event::PeerJoined),
        (Local, Event::DescriptionMade),
        (Local, Event::DescriptionSent),
        (Local, Event::DescriptionReceived),
        (Local, Event::CandidateReceived),
        (Local, Event::CheckSent),
    ];
    let steps = of(CallKind::Terminals, &events, true);
    assert_eq!(stop(&steps), Some((12, Step::Checks, Whose::Between)));
    // Its description is here, which does not say that it has this one's.
    assert_eq!(steps[4].status, StepStatus::Unknown);
    assert_eq!(steps[6].status, StepStatus::Done);
    let message = &steps[4].message;
    assert_eq!(message, "description of this side received");
    assert!(
        steps
            .iter()
            .all(|it| !matches!(it.step, Step::Dtls | Step::Channel))
    );
    let mut connected = events.to_vec();
    connected.extend([(Local, Event::Connected), (Local, Event::DataExchanged)]);
    let steps = of(CallKind::Terminals, &connected, false);
    assert_eq!(steps[4].status, StepStatus::Done);
    let carried = of(CallKind::Carried, &connected, false);
    assert_eq!(carried[0].step, Step::PeerConnections);
}

#[test]
fn servers_that_do_not_answer_are_whose_they_are_and_stop_nothing() {
    let mut events = WITH_BROWSER.to_vec();
    events[14].1 = Event::ServerFailed;
    let steps = of(CallKind::Browser, &events, false);
    let servers = &steps[8];
    assert_eq!(
        (servers.status, servers.side),
        (StepStatus::Failed, Whose::Remote)
    );
    let detail = servers.detail.as_deref().unwrap_or_default();
    assert!(
        detail.contains("the other side: 0 of 1 server answered"),
        "{detail}"
    );
    events.truncate(17);
    let steps = of(CallKind::Browser, &events, true);
    assert_eq!(stop(&steps), Some((12, Step::Checks, Whose::Between)));
}

/// A server that is asked over both families, by several URIs or over several transports is one; it answers if any of
/// these does.
#[test]
fn servers_are_counted_and_not_how_they_were_asked() {
    let told = [
        (Local, Event::ServerAnswered, "turn:turn.example.org:3478"),
        (
            Local,
            Event::ServerFailed,
            "turns:turn.example.org:5349: tls",
        ),
        (
            Local,
            Event::ServerFailed,
            "stun:[2001:db8::1]:3478: timeout",
        ),
        (
            Remote,
            Event::ServerFailed,
            "turn:192.0.2.1:3478?transport=udp: TURN allocate request timed out.",
        ),
        (
            Remote,
            Event::ServerFailed,
            "turn:192.0.2.1:3478?transport=tcp: Failed to establish connection",
        ),
        (
            Remote,
            Event::ServerFailed,
            "stun:192.0.2.1:3478: STUN binding request timed out.",
        ),
    ];
    let entries = told.map(|(side, event, detail)| Entry {
        at_ms: Millis(Duration::from_millis(5)),
        side,
        event,
        detail: Some(detail.to_owned()),
    });
    let steps = steps(&Course {
        kind: CallKind::Browser,
        timeline: &entries,
        offerer: Local,
        has_failed: false,
    });
    let detail = steps[8].detail.as_deref().unwrap_or_default();
    assert_eq!(
        detail,
        "this side: 1 of 2 servers answered; the other side: 0 of 1 server answered"
    );
}

#[test]
fn a_browser_that_hides_its_addresses_is_found_by_its_checks() {
    let mut events = WITH_BROWSER.to_vec();
    events[15].1 = Event::RemoteGatheringComplete;
    let steps = of(CallKind::Browser, &events, false);
    assert_eq!(steps[10].status, StepStatus::Skipped, "{:?}", steps[10]);
}

/// Files tell what one end set, not what it sent.
#[test]
fn a_recorded_call_is_not_more_than_its_files_tell() {
    let events = [
        (Local, Event::DescriptionSent),
        (Local, Event::GatheringStarted),
        (Local, Event::CandidateFound),
    ];
    let steps = of(CallKind::Recorded, &events, true);
    assert_eq!(steps[2].status, StepStatus::Done);
    assert_eq!(steps[3].status, StepStatus::Unknown);
    let expected = (8, Step::DescriptionReceived, Whose::Between);
    assert_eq!(stop(&steps), Some(expected), "{steps:#?}");
    let one_end = of(CallKind::Recorded, &events, false);
    assert_eq!(stop(&one_end), None);
}

#[test]
fn the_page_has_the_same_list_seen_from_the_browser() {
    let here = of(CallKind::Browser, &[], false);
    let there = of_guest();
    assert_eq!(there.len(), 16);
    for (here, there) in here.iter().zip(&there) {
        assert_eq!((here.number, here.step), (there.number, there.step));
    }
    assert_eq!(there[4].message, "offer set by this browser");
    assert!(there.iter().all(|step| !step.message.contains("this side")));
    assert_eq!(here[4].message, "offer set by the other side");
}
