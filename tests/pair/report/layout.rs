//! Text for people: whatever the result, no line is wider than the terminal, and the most important
//! one is the last.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::report::{Document, ErrorReport, Millis, SCHEMA_VERSION};
use rtcdiag::commands::pair::render::{live, text};
use rtcdiag::commands::pair::report::{
    CheckState, EndReport, Expected, MediaReport, PairReport, PairResult, PairState, PathKind,
    Role, SessionMode, StepSide, TimelineEntry, TimelineEvent,
};
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{
    Company, Context, PeerEnd, RoleConflict, WantedPair, verdict,
};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::Found;
use rtcdiag::proto::media::Kind;
use rtcdiag::proto::signal::message::Source;
use rtcdiag::ui::layout::Detail;
use rtcdiag::ui::redact::Redaction;
use rtcdiag::ui::style::Style;
use strum::VariantArray as _;

use crate::support::pair_results::{
    answered, candidate, chosen, direct, end, failing, ms, nobody, quality, relayed, section, side,
    silent, silent_server, strict,
};
use crate::support::schema;

const LONG: &str = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50000";
fn document(result: PairResult, context: &Context) -> Document<PairResult> {
    let result = with_causes(result, context);
    let verdict = verdict(&result, context);
    Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: env!("CARGO_PKG_VERSION"),
        redacted: false,
        command: Some("pair"),
        started_at: "2026-11-22T10:00:00.000Z".into(),
        elapsed_ms: Millis::default(),
        outcome: verdict.outcome,
        caveat: verdict.caveat,
        summary: verdict.summary,
        findings: verdict.findings,
        result: Some(result),
    }
}

/// The text with 80 columns, for which the common rules hold.
fn shown(result: &PairResult, context: &Context, detail: Detail) -> String {
    let document = document(result.clone(), context);
    let style = Style {
        color: false,
        width: 80,
        redaction: None,
    };
    let text = text(&document, style, detail);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "too wide: {line}\n{text}");
        assert_eq!(line, line.trim_end(), "spaces at the end");
    }
    assert!(!text.contains('\u{1b}'), "colour");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).ends_with(&words(&document.summary)), "{text}");
    text
}

fn plain(result: &PairResult) -> String {
    shown(result, &Context::default(), Detail::default())
}

const VERBOSE: Detail = Detail {
    verbose: true,
    terse: false,
};

#[test]
fn a_direct_connection() {
    let text = plain(&direct());
    assert!(text.starts_with("good: connected directly\n"), "{text}");
    for line in [
        " IPv4   NAT, mapping endpoint-independent, filtering address-dependent",
        " srflx  203.0.113.5:40000 from stun:stun.example.org:3478",
        " * host  192.168.1.10:40000  3/3/3   selected",
        "   srflx 198.51.100.7:50000  2/2     11.9 ms",
        "   host  192.168.1.10:40000  5/0/0   failed, no-response:",
        "    812.0 ms   1 signalling reached by both",
    ] {
        assert!(text.lines().any(|l| l == line), "no '{line}' in\n{text}");
    }
    assert!(
        text.contains("Expected a direct connection, and it held."),
        "{text}"
    );
}

#[test]
fn other_ends() {
    let text = plain(&relayed());
    assert!(
        text.starts_with("relayed: connected through a TURN server\n"),
        "{text}"
    );
    assert!(text.contains("failed, forbidden-ip:"), "{text}");
    let text = plain(&strict());
    assert!(text.starts_with("bad: no connection\n"), "{text}");
    let text = plain(&nobody());
    assert!(
        text.starts_with("bad: the other side never came\n"),
        "{text}"
    );
    assert!(!text.contains("Pairs"), "{text}");
    let interrupted = Context {
        stopped: Some(Reason::Interrupted),
        ..Context::default()
    };
    let text = shown(&nobody(), &interrupted, Detail::default());
    assert!(text.starts_with("interrupted: "), "{text}");
}

#[test]
fn what_is_not_known_is_a_question_mark() {
    let mut result = strict();
    result.pairs[0].requests_arrived = None;
    result.remote.nats[0].filtering = Fact::not_tested(Reason::NoBehaviorDiscovery);
    let text = plain(&result);
    assert!(text.contains("  9/?/0 "), "{text}");
    assert!(text.contains("filtering not known (no server"), "{text}");
}

#[test]
fn long_addresses_stay_whole() {
    let mut result = direct();
    let long = || end(CandidateType::Srflx, LONG);
    result.pairs = vec![
        chosen(answered(long(), long())),
        failing(
            silent(long(), long(), 5, Some(0)),
            "permission-failed",
            "no",
        ),
    ];
    let address = LONG.split("]:").next().expect("it has a port");
    for detail in [Detail::default(), VERBOSE] {
        let text = shown(&result, &Context::default(), detail);
        let whole = text.lines().filter(|l| l.contains(address)).count();
        assert!(whole >= 4, "{text}");
        assert!(text.contains("permission-"), "{text}");
    }
}

#[test]
fn many_candidates_and_pairs() {
    let mut result = strict();
    let kinds = CandidateType::VARIANTS.iter().copied().cycle();
    let addresses = (0..40).map(|n| format!("198.51.100.{n}:50000"));
    result.remote = side(
        result.remote.nats[0].clone(),
        kinds
            .zip(addresses)
            .map(|(kind, a)| candidate(kind, &a))
            .collect(),
    );
    result.pairs = result
        .remote
        .candidates
        .iter()
        .map(|c| EndReport {
            kind: c.kind,
            address: c.address,
            port: c.port,
            interface: None,
            relay_transport: None,
        })
        .map(|remote| {
            failing(
                silent(result.pairs[0].local.clone(), remote, 4, Some(0)),
                "no-response",
                "why not",
            )
        })
        .collect();
    let short = plain(&result);
    assert!(short.contains("(32 more; -v shows them)"), "{short}");
    // Every pair, but their reasons only as codes.
    assert_eq!(short.matches("  4/0/0  ").count(), 40, "{short}");
    assert!(!short.contains("why not"), "{short}");
    let long = shown(&result, &Context::default(), VERBOSE);
    assert_eq!(long.matches("why not").count(), 40, "{long}");
    assert!(long.contains("198.51.100.39:50000 from turn:"), "{long}");
}

#[test]
fn the_timeline_is_short_unless_asked() {
    let short = plain(&direct());
    assert!(!short.contains("candidate found"), "{short}");
    assert!(short.contains(" 1 signalling reached by both"), "{short}");
    assert!(!short.contains("Timeline"), "{short}");
    let long = shown(&direct(), &Context::default(), VERBOSE);
    assert!(
        long.contains("candidate found: host 192.168.1.10:40000"),
        "{long}"
    );
    let mut words = std::collections::BTreeSet::new();
    for &event in TimelineEvent::VARIANTS {
        let entry = TimelineEntry {
            at_ms: ms(1_234_567),
            side: StepSide::Local,
            event,
            detail: Some("detail".into()),
        };
        let line = live(&entry);
        assert!(line.starts_with("    1234.6 ms  "), "{line}");
        assert!(line.ends_with(": detail"), "{line}");
        words.insert(line);
    }
    assert_eq!(words.len(), TimelineEvent::VARIANTS.len());
}

/// Anything that may come, however unlikely together.
fn random(seed: u64) -> (PairResult, Context) {
    let rng = &mut StdRng::seed_from_u64(seed);
    let base = match rng.random_range(0..4) {
        0 => direct(),
        1 => relayed(),
        2 => strict(),
        _ => nobody(),
    };
    let mut result = base;
    result.role = pick(rng, Role::VARIANTS);
    result.local.candidates = (0..rng.random_range(0..12))
        .map(|_| random_candidate(rng))
        .collect();
    result.remote.candidates = (0..rng.random_range(0..12))
        .map(|_| random_candidate(rng))
        .collect();
    result.remote.is_complete = rng.random();
    result.local.is_complete = rng.random();
    if rng.random() {
        result.local.nats.clear();
    }
    for nat in &mut result.remote.nats {
        if rng.random() {
            nat.mapping = Fact::inconclusive(Reason::Unknown, "why");
            nat.udp = Fact::not_tested(Reason::Timeout);
        }
    }
    result.pairs = (0..rng.random_range(0..30))
        .map(|_| random_pair(rng))
        .collect();
    let state = pick(rng, PairState::VARIANTS);
    if state != PairState::Connected || result.selected.is_none() {
        result.state = if state == PairState::Connected {
            PairState::Failed
        } else {
            state
        };
        (result.path, result.selected) = (None, None);
    } else {
        result.state = state;
        result.path = Some(pick(rng, PathKind::VARIANTS));
    }
    let received = rng.random_range(0..=100);
    result.quality = rng.random::<bool>().then(|| {
        quality(
            100,
            received,
            rng.random_range(0..2_000_000),
            rng.random_range(0..200_000),
        )
    });
    result.prediction.expected = pick(rng, Expected::VARIANTS);
    result.prediction.agrees = pick(rng, &[None, Some(true), Some(false)]);
    result.timeline = (0..rng.random_range(0..30))
        .map(|_| TimelineEntry {
            at_ms: ms(rng.random_range(0..100_000_000)),
            side: pick(rng, StepSide::VARIANTS),
            event: pick(rng, TimelineEvent::VARIANTS),
            detail: rng.random::<bool>().then(|| words(rng)),
        })
        .collect();
    if rng.random() {
        result.servers = vec![silent_server()];
    }
    result.session.mode = pick(rng, SessionMode::VARIANTS);
    result.session.peer_agrees = pick(rng, &[None, Some(true), Some(false)]);
    result.session.reconnects = rng.random_range(0..3);
    result.session.refused = (0..rng.random_range(0..3)).map(|_| words(rng)).collect();
    result.media = rng.random_bool(0.3).then(|| random_media(rng));
    (result, random_context(rng))
}

fn random_media(rng: &mut StdRng) -> Vec<MediaReport> {
    let mut sections = [Kind::Audio, Kind::Video].map(section);
    for section in &mut sections {
        section.accepted = rng.random_bool(0.8);
        section.lacks_codec = !section.accepted && rng.random();
        section.received = pick(rng, &[0, 100]);
        section.incoming.packets_sent = pick(rng, &[None, Some(0), Some(100)]);
        section.outgoing.packets_received = pick(rng, &[None, Some(0), Some(100)]);
        section.source = pick(rng, &[None, Some(Source::Device), Some(Source::Synthetic)]);
        section.reason = rng.random::<bool>().then(|| words(rng));
    }
    sections.to_vec()
}

fn random_context(rng: &mut StdRng) -> Context {
    Context {
        came_with_code: false,
        silent_company: pick(rng, &[None, Some(Company::There), Some(Company::Left)]),
        has_foreign: rng.random(),
        wanted: pick(
            rng,
            &[None, Some(WantedPair::Connected), Some(WantedPair::Direct)],
        ),
        stopped: pick(
            rng,
            &[None, Some(Reason::Interrupted), Some(Reason::Timeout)],
        ),
        findings: Vec::new(),
        relay_only: rng.random_bool(0.2),
        peer_relay_only: rng.random_bool(0.2),
        waited_s: rng.random_range(0.0..1e4),
        peer_end: match rng.random_range(0..8) {
            0 => Some(PeerEnd::Interrupted),
            1 => Some(PeerEnd::OutOfTime),
            2 => Some(PeerEnd::Error(words(rng))),
            3 => Some(PeerEnd::Vanished),
            _ => None,
        },
        unusable: None,
        no_data: rng
            .random_bool(0.1)
            .then(|| "192.0.2.1:1 <-> 192.0.2.2:2".to_owned()),
        channel_error: rng
            .random_bool(0.5)
            .then(|| ErrorReport::new(Code::DtlsFailed, words(rng))),
        is_undecided: rng.random_bool(0.2),
        gave_up_early: rng.random_bool(0.1),
        lost_rendezvous: rng
            .random_bool(0.1)
            .then(|| ErrorReport::new(Code::Refused, words(rng))),
        rendezvous_error: rng
            .random_bool(0.2)
            .then(|| ErrorReport::new(Code::Closed, words(rng))),
        manual: rng.random(),
        with_browser: rng.random_bool(0.2),
        media_wanted: rng.random_bool(0.2),
        left_out: Vec::new(),
        peer_servers: None,
        peer_troubles: Vec::new(),
        own_relays: Vec::new(),
        peer_own_relays: Vec::new(),
        found: Found::default(),
        peer_found: Found::default(),
        odd: Vec::new(),
        turned_away: rng.random_range(0..3),
        role_conflict: match rng.random_range(0..4) {
            0 => Some(RoleConflict::Told(pick(rng, Role::VARIANTS))),
            1 => Some(RoleConflict::Switched),
            _ => None,
        },
        ended_relays: (0..rng.random_range(0..3))
            .map(|_| ("192.0.2.9:50000".parse().expect("an address"), words(rng)))
            .collect(),
        pairs_left_out: rng.random_bool(0.2),
    }
}

fn pick<T: Copy>(rng: &mut StdRng, values: &[T]) -> T {
    *values.choose(rng).expect("there are some")
}

fn words(rng: &mut StdRng) -> String {
    let count = rng.random_range(1..20);
    let words: Vec<&str> = (0..count)
        .map(|_| pick(rng, &["a", "packet", "192.0.2.1:40000", LONG]))
        .collect();
    words.join(" ")
}

fn random_address(rng: &mut StdRng) -> String {
    if rng.random() {
        let bytes: [u8; 4] = rng.random();
        format!(
            "{}:{}",
            std::net::Ipv4Addr::from(bytes),
            rng.random::<u16>()
        )
    } else {
        let bytes: [u8; 16] = rng.random();
        format!(
            "[{}]:{}",
            std::net::Ipv6Addr::from(bytes),
            rng.random::<u16>()
        )
    }
}

fn random_candidate(rng: &mut StdRng) -> rtcdiag::commands::gather::report::CandidateReport {
    let mut candidate = candidate(pick(rng, CandidateType::VARIANTS), &random_address(rng));
    candidate.interface = pick(
        rng,
        &[None, Some("docker0"), Some("wg0"), Some("enp0s31f6")],
    )
    .map(str::to_owned);
    candidate
}

fn random_pair(rng: &mut StdRng) -> PairReport {
    let local = end(pick(rng, CandidateType::VARIANTS), &random_address(rng));
    let remote = end(pick(rng, CandidateType::VARIANTS), &random_address(rng));
    let mut pair = silent(
        local,
        remote,
        rng.random_range(0..1000),
        pick(rng, &[None, Some(0), Some(999)]),
    );
    pair.state = pick(rng, CheckState::VARIANTS);
    pair.requests_received = rng.random_range(0..1000);
    pair.responses_sent = rng.random_range(0..1000);
    pair.responses_received = rng.random_range(0..1000);
    pair.rtt_ms = rng
        .random::<bool>()
        .then(|| ms(rng.random_range(0..10_000_000)));
    let code = pick(
        rng,
        &[
            "no-response",
            "icmp-unreachable",
            "forbidden-ip",
            "role-conflict",
            "not-reachable-family",
            "not-checked",
            "cut-short",
            "peer-gone",
            "answer-from-elsewhere",
            "permission-failed",
        ],
    );
    if pair.state != CheckState::Succeeded && rng.random() {
        pair = failing(pair, code, &words(rng));
    }
    pair
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_has_a_verdict_and_a_layout(seed: u64) {
        let (result, context) = random(seed);
        for detail in [Detail::default(), VERBOSE, Detail { verbose: false, terse: true }] {
            shown(&result, &context, detail);
        }
        let document = document(result, &context);
        for (width, color) in [(40, false), (120, true)] {
            let text = text(&document, Style { color, width, redaction: None }, VERBOSE);
            prop_assert!(text.contains("\n\n"));
        }
        let redaction = Redaction::new(true);
        for width in [40, 80, 120] {
            let style = Style { color: false, width, redaction: Some(&redaction) };
            let text = text(&document, style, VERBOSE);
            // What the layout does not see is hidden later; it must be whole then.
            let text = redaction.laid_out(&text);
            for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.contains("://")) {
                prop_assert!(word.parse::<std::net::SocketAddr>().is_err(), "{}", text);
                prop_assert!(!word.contains("::") && word.matches(':').count() < 3, "{}: {}", word, text);
            }
            for line in text.lines() {
                prop_assert!(width < 80 || line.chars().count() <= usize::from(width), "too wide: {}\n{}", line, text);
            }
        }
        let document = serde_json::to_value(document).expect("it is JSON");
        schema::assert_valid(&document);
    }
}
