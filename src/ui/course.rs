//! The course of a call on a terminal: its steps, and with `-v` all that happened.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::report::Millis;
use crate::base::words::listed;
use crate::proto::ice::steps::{Entry, StepReport, StepSide, StepStatus};
use crate::ui::layout::{Detail, line, milliseconds, section};
use crate::ui::style::{Ink, Style};

/// What stands before the text of a step.
const MARGIN: u16 = 14;

/// Adds the steps, as far as the call came, and with `-v` the timeline. Times count from `start`, if there is one.
pub fn list(
    out: &mut String,
    steps: &[StepReport],
    timeline: &[Entry],
    start: Option<Duration>,
    style: Style,
    detail: Detail,
) {
    let from = if start.is_some() {
        ", from when the other side was there"
    } else {
        ""
    };
    if steps.iter().any(|step| step.status == StepStatus::Done) {
        section(out, style, &format!("Steps of the call{from}"));
        let stop = steps.iter().position(|it| it.status == StepStatus::Stopped);
        for step in steps.iter().take(stop.map_or(steps.len(), |stop| stop + 1)) {
            let number = format!("{:>2} ", step.number);
            row(out, style, &state(step, start), &number, &named(step));
        }
        if let (None, Some(note)) = (stop, missing(steps.iter().map(|step| step.number))) {
            line(out, &style.paint(Ink::Faint, &format!(" ({note})")));
        }
    }
    if detail.verbose && !timeline.is_empty() {
        section(out, style, &format!("Timeline{from}"));
        for entry in timeline {
            row(
                out,
                style,
                &since(entry.at_ms, start),
                "",
                &described(entry),
            );
        }
    }
}

/// The numbers of steps that are no part of such a call: each step has the same one in every call.
pub fn missing(numbers: impl Iterator<Item = usize>) -> Option<String> {
    let there: BTreeSet<usize> = numbers.collect();
    let all = 1..there.last().copied()?;
    let missing: Vec<String> = all
        .filter(|number| !there.contains(number))
        .map(|number| number.to_string())
        .collect();
    let (step, is) = match missing.len() {
        0 => return None,
        1 => ("step", "is"),
        _ => ("steps", "are"),
    };
    Some(format!(
        "{step} {} {is} no part of such a call",
        listed(&missing)
    ))
}

fn row(out: &mut String, style: Style, at: &str, number: &str, text: &str) {
    let width = u16::try_from(number.len()).unwrap_or(0);
    let wrapped = style.narrower(MARGIN + width).wrap(text, 2);
    for (place, text) in wrapped.lines().enumerate() {
        let first = place == 0;
        let (at, number) = if first { (at, number) } else { ("", "") };
        let width = usize::from(width);
        line(out, &format!(" {at:>11}  {number:width$}{text}"));
    }
}

fn named(step: &StepReport) -> String {
    match &step.detail {
        Some(detail) => format!("{}: {detail}", step.message),
        None => step.message.clone(),
    }
}

/// When it was done, or why there is no time.
fn state(step: &StepReport, start: Option<Duration>) -> String {
    match (step.status, step.at_ms) {
        (StepStatus::Done, Some(at)) => since(at, start),
        (StepStatus::Done, None) => "done".to_owned(),
        (StepStatus::Failed, _) => "failed".to_owned(),
        (StepStatus::Stopped, _) => "STOPPED".to_owned(),
        (StepStatus::Open, _) => "not seen".to_owned(),
        (StepStatus::Unknown, _) => "not told".to_owned(),
        (StepStatus::Skipped, _) => "none".to_owned(),
    }
}

/// The time of a step; what was before the start has a sign.
fn since(at: Millis, start: Option<Duration>) -> String {
    let start = start.unwrap_or_default();
    let sign = if at.0 < start { "-" } else { "" };
    format!("{sign}{}", milliseconds(Some(Millis(at.0.abs_diff(start)))))
}

/// An entry as it happens, for a line on the terminal.
pub fn live(entry: &Entry) -> String {
    let at = milliseconds(Some(entry.at_ms));
    format!("  {at:>11}  {}", described(entry))
}

fn described(entry: &Entry) -> String {
    let who = if entry.side == StepSide::Remote {
        "other side: "
    } else {
        ""
    };
    let what = entry.event.words();
    match &entry.detail {
        Some(detail) => format!("{who}{what}: {detail}"),
        None => format!("{who}{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_left_out_are_said() {
        let said = |numbers: &[usize]| missing(numbers.iter().copied());
        assert_eq!(said(&[1, 2, 3]), None);
        assert_eq!(said(&[]), None);
        let expected = "step 2 is no part of such a call";
        assert_eq!(said(&[1, 3]).as_deref(), Some(expected));
        let expected = "steps 1, 3 and 4 are no part of such a call";
        assert_eq!(said(&[2, 5]).as_deref(), Some(expected));
    }

    #[test]
    fn what_was_before_the_other_side_came_has_a_sign() {
        let ms = |count| Millis(Duration::from_millis(count));
        let start = Some(Duration::from_secs(12));
        assert_eq!(since(ms(12_040), start), milliseconds(Some(ms(40))));
        assert_eq!(
            since(ms(11_500), start),
            format!("-{}", milliseconds(Some(ms(500))))
        );
        assert_eq!(since(ms(40), None), milliseconds(Some(ms(40))));
    }
}
