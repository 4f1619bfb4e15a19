//! Tables are laid out for the labels: long addresses neither break nor leave holes.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::base::exit::Outcome;
use rtcdiag::base::report::{Document, Millis, SCHEMA_VERSION};
use rtcdiag::commands::gather::render::text;
use rtcdiag::commands::gather::report::{CandidateReport, GatherResult};
use rtcdiag::proto::ice::candidate::{Candidate, CandidateType};
use rtcdiag::ui::layout::Detail;
use rtcdiag::ui::redact::Redaction;
use rtcdiag::ui::style::Style;

/// As long as an address can be.
const LONG: &str = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50000";
const OTHER: &str = "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:50001";

fn candidate(address: &str, kind: CandidateType) -> CandidateReport {
    let address: SocketAddr = address.parse().expect("an address");
    let candidate = Candidate {
        foundation: "1234567890".to_owned(),
        component: 1,
        priority: 7,
        address,
        kind,
        related: None,
    };
    let mut report = CandidateReport::new(&candidate, address, Millis(Duration::from_millis(5)));
    report.interface = Some("wlp0s20f3".to_owned());
    report.server = Some(format!("turn:{OTHER}?transport=tcp"));
    report
}

fn shown(width: u16, redaction: &Redaction) -> String {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: "0.1.0",
        redacted: true,
        command: Some("gather"),
        started_at: String::new(),
        elapsed_ms: Millis::default(),
        outcome: Outcome::Good,
        caveat: None,
        summary: format!(
            "All at {LONG} and {OTHER}, which is a long sentence that has to be broken."
        ),
        findings: Vec::new(),
        result: Some(GatherResult {
            candidates: vec![
                candidate(LONG, CandidateType::Host),
                candidate(OTHER, CandidateType::Relay),
            ],
            ..GatherResult::default()
        }),
    };
    let style = Style {
        color: false,
        width,
        redaction: Some(redaction),
    };
    let text = text(&document, style, Detail::default());
    redaction.laid_out(&text).into_owned()
}

#[test]
fn no_address_is_broken_before_it_is_found() {
    let redaction = Redaction::new(true);
    for width in [40, 60, 80, 120] {
        let text = shown(width, &redaction);
        for piece in ["2001", "db8", "5678", "9abc", "def0", "1234567890"] {
            assert!(!text.contains(piece), "{width}: {text}");
        }
        let mut rows = text.lines().skip_while(|l| !l.contains(" type ")).take(4);
        let heading = rows.next().expect("a heading");
        if width < 80 {
            continue;
        }
        let column = heading.find("interface").expect("a column");
        for row in rows.filter(|row| row.starts_with(" host") || row.starts_with(" relay")) {
            assert_eq!(row.find("wlp0s20f3"), Some(column), "{text}");
        }
        assert!(
            text.lines()
                .all(|l| l.chars().count() <= usize::from(width)),
            "{text}"
        );
        assert!(heading.len() < 60, "wide for nothing: {text}");
    }
}
