//! Labels in text that has its columns already: spaces make up for what is missing.

use crate::ui::redact::labels::Labels;

/// Columns are this far apart, as words are not.
const GAP: &str = "  ";

/// A text with labels in which columns stay where they are.
pub(super) fn redacted(text: &str, labels: &mut Labels) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut done = 0;
        let mut missing = 0;
        labels.each(line, |at, label| {
            fill(&mut out, &line[done..at.start], &mut missing);
            missing += (at.end - at.start).saturating_sub(label.len());
            out.push_str(&label);
            done = at.end;
        });
        fill(&mut out, &line[done..], &mut missing);
    }
    out
}

/// Adds what stands behind a label, its first gap wider by what is missing.
fn fill(out: &mut String, text: &str, missing: &mut usize) {
    match text.find(GAP) {
        Some(gap) if *missing > 0 => {
            out.push_str(&text[..gap]);
            out.extend(std::iter::repeat_n(' ', std::mem::take(missing)));
            out.push_str(&text[gap..]);
        }
        _ => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_columns() {
        let given = " type   address               from\n\
                     \x20srflx  203.0.113.5:40000     stun:203.0.113.10:3478\n\
                     \x20host   [2001:db8::5]:40000   -\n\
                     \x20host   192.168.1.7:40000\n\
                     seen at 203.0.113.5, 203.0.113.10 and  elsewhere\n";
        let wanted = " type   address               from\n\
                      \x20srflx  pub1:40000            stun:pub2:3478\n\
                      \x20host   pub6-1:40000          -\n\
                      \x20host   lan1:40000\n\
                      seen at pub1, pub2 and                 elsewhere\n";
        let mut labels = Labels::default();
        assert_eq!(redacted(given, &mut labels), wanted);
        assert_eq!(redacted(wanted, &mut labels), wanted);
    }
}
