//! ICE that begins anew: a later description of one side with other parameters (RFC 8839 4.4.1.1.1).

use super::super::model::{Attribute, Description};
use super::super::problem::Problem;
use super::Party;
use crate::base::codes::Code;
use crate::base::report::Severity;

/// What an offer and its answer change, held against the descriptions before them, which are of any side.
pub fn restarts(
    earlier: &[Description],
    offer: &Description,
    answer: Option<&Description>,
) -> Vec<(Party, Problem)> {
    let answered = answer.map_or(Change::Unknown, |answer| change(earlier, answer));
    let say = |party, line, message: &str, practice| {
        let found = Problem::new(
            Code::SdpIceRestart,
            line,
            message,
            "RFC 8839 4.4.1.1.1",
            practice,
        );
        (party, found)
    };
    let found = match (change(earlier, offer), answered) {
        (Change::Made(line), Change::None(kept)) => {
            let (party, found) = say(
                Party::Answer,
                kept,
                "the offer restarts ICE, and the answer keeps the parameters that this side had before",
                "an answer to a restart has new ones; the answerer has not seen the restart, or does not do it",
            );
            let message = format!("{} (line {line} of the offer)", found.message);
            (
                party,
                Problem { message, ..found }.severity(Severity::Warning),
            )
        }
        (Change::Made(line), _) => say(
            Party::Offer,
            line,
            "ICE restarts: the parameters are others than in this side's description before",
            "candidates are gathered and checked anew, and media goes on over the old pair until then",
        ),
        (Change::None(_), Change::Made(line)) => {
            let (party, found) = say(
                Party::Answer,
                line,
                "the answer has new ICE parameters, and the offer did not restart ICE",
                "an answer has new ones only if the offer has: the answerer may have begun anew, as after a reload",
            );
            (party, found.severity(Severity::Warning))
        }
        _ => return Vec::new(),
    };
    vec![found]
}

/// Whether the parameters of one side are others than before, and the line of its user fragment.
enum Change {
    /// It has said nothing before.
    Unknown,
    None(usize),
    Made(usize),
}

fn change(earlier: &[Description], later: &Description) -> Change {
    let origin = origin(later);
    let before = earlier
        .iter()
        .rev()
        .filter(|before| origin.is_some() && self::origin(before) == origin)
        .find_map(fragment);
    match (before, fragment(later)) {
        (Some(before), Some(own)) if before.value == own.value => Change::None(own.line),
        (Some(_), Some(own)) => Change::Made(own.line),
        _ => Change::Unknown,
    }
}

/// Whose description it is: user, session and address in `o=` stay the same (RFC 8866 5.2, RFC 3264 8).
fn origin(description: &Description) -> Option<[&str; 3]> {
    let mut others = description.session.others.iter();
    let line = others.find(|line| line.letter == 'o')?;
    let mut fields = line.value.split_ascii_whitespace();
    Some([fields.next()?, fields.next()?, fields.nth(3)?])
}

/// That of the first section that is open.
fn fragment(description: &Description) -> Option<&Attribute> {
    let mut sections = description.sections.iter();
    let section = sections.find(|section| section.port != Some(0))?;
    description.of_section(description.carrier(section), "ice-ufrag")
}
