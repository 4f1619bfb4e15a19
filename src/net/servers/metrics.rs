//! Metrics in the text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

/// A page of metrics, each with its name, kind and a sentence about it.
#[derive(Debug, Default)]
pub struct Metrics(String);

impl Metrics {
    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.row(name, "", value);
    }

    /// A count since the start.
    pub fn counter(&mut self, name: &str, help: &str, count: u64) {
        self.head(name, "counter", help);
        self.row(name, "", count);
    }

    /// Counts since the start, one for each value of a label. The values have no characters that
    /// would have to be escaped.
    pub fn counter_by<L: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (L, u64)>,
    ) {
        self.head(name, "counter", help);
        for (value, count) in counts {
            self.row(name, &format!("{{{label}=\"{value}\"}}"), count);
        }
    }

    pub fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP rtcdiag_{name} {help}");
        let _ = writeln!(self.0, "# TYPE rtcdiag_{name} {kind}");
    }

    fn row(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "rtcdiag_{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_line_for_each_value() {
        let mut page = Metrics::default();
        page.gauge("rooms_open", "Open rooms.", 2);
        page.counter_by("refused_total", "Refused.", "code", [("a", 1), ("b", 0)]);
        let expected = "# HELP rtcdiag_rooms_open Open rooms.\n# TYPE rtcdiag_rooms_open gauge\nrtcdiag_rooms_open 2\n\
             # HELP rtcdiag_refused_total Refused.\n# TYPE rtcdiag_refused_total counter\n\
             rtcdiag_refused_total{code=\"a\"} 1\nrtcdiag_refused_total{code=\"b\"} 0\n";
        assert_eq!(page.into_text(), expected);
    }
}
