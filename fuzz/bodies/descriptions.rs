//! Files with session descriptions: found, read, judged, answered, and held against each other.

use rtcdiag::proto::sdp::answerer::{Answerer, Application, predict};
use rtcdiag::proto::sdp::lint;
use rtcdiag::proto::sdp::negotiation::negotiate;
use rtcdiag::proto::sdp::source;

pub fn body(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(found) = source::read(&text) else {
        return;
    };
    for description in &found {
        let problems = lint::problems(description);
        let lines = text.split(['\n', '\r']).count() + text.matches('\\').count();
        assert!(problems.len() < 1000);
        for line in problems.iter().filter_map(|problem| problem.line) {
            assert!(
                description.is_exact || line <= lines || !text.contains("v="),
                "line {line} of {lines}"
            );
        }
        let like = Answerer::Like(Box::new(found[0].clone()));
        for answerer in [Answerer::Chromium, Answerer::WebrtcRs, like] {
            let application = Application { has_tracks: true };
            let prediction = predict(description, &problems, &answerer, application);
            assert_eq!(prediction.media.len(), description.sections.len());
        }
        let negotiation = negotiate(&found[0], description);
        assert_eq!(negotiation.media.len(), found[0].sections.len());
    }
}
