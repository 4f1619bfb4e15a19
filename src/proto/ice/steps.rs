//! The steps of a call between two, in their order, from signalling to data: which were made and when, and at which one
//! it stopped. One list for calls that are made here, with a terminal or a browser, and for recorded ones.

mod evidence;
mod timeline;

use serde::Serialize;

use crate::base::report::Millis;
use crate::proto::ice::causes::Whose;
use evidence::{Evidence, Known};
pub use timeline::{Entry, Event, StepSide};

/// What belongs to a call. Descriptions stand in the list twice: the offer, then the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Signalling,
    PeerConnections,
    DescriptionMade,
    DescriptionSent,
    DescriptionReceived,
    Servers,
    Candidates,
    Checks,
    Connected,
    Dtls,
    Channel,
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    Done,
    /// It did not come about, and the call went on without it.
    Failed,
    /// The call ended here.
    Stopped,
    /// It has not come.
    Open,
    /// Nobody tells of it.
    Unknown,
    /// There was nothing to do.
    Skipped,
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// From 1 to 13 until ICE is connected, then DTLS, channel, data.
    pub number: usize,
    pub step: Step,
    /// Whose it is; of one that the call stopped at, whose doing that is.
    pub side: Whose,
    pub status: StepStatus,
    /// When it was done; `None` too if that only follows from what came later.
    pub at_ms: Option<Millis>,
    /// The step in words.
    pub message: String,
    pub detail: Option<String>,
}

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// Two of this program, who describe themselves without waiting for each other.
    Terminals,
    /// The other side is a browser.
    Browser,
    /// Descriptions are carried by people.
    Carried,
    /// It is known from files.
    Recorded,
}

/// A call as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    pub kind: CallKind,
    pub timeline: &'a [Entry],
    /// Who offers.
    pub offerer: StepSide,
    /// Whether it ended without a connection.
    pub has_failed: bool,
}

/// A row as it stands in every list.
#[derive(Debug, Clone, Copy)]
struct Row {
    step: Step,
    /// Of a description, and of candidates: whose; `None` for what both do.
    side: Option<StepSide>,
    /// What is known if this is: the places of other rows.
    implies: &'static [usize],
}

/// Until ICE is connected, all that is needed for it.
const NEEDED: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 11];

fn rows(kind: CallKind, offerer: StepSide) -> [Row; 16] {
    let answerer = offerer.other();
    // Who answers an offer has it. Two of this program describe themselves at once.
    let is_ordered = matches!(kind, CallKind::Browser | CallKind::Recorded);
    let either = |ordered: &'static [usize], at_once| if is_ordered { ordered } else { at_once };
    let row = |step, side, implies| Row {
        step,
        side,
        implies,
    };
    [
        row(Step::Signalling, None, &[]),
        row(Step::PeerConnections, None, &[]),
        row(Step::DescriptionMade, Some(offerer), &[]),
        row(Step::DescriptionSent, Some(offerer), &[2]),
        row(Step::DescriptionReceived, Some(answerer), &[0, 2, 3]),
        row(Step::DescriptionMade, Some(answerer), either(&[4], &[])),
        row(Step::DescriptionSent, Some(answerer), &[5]),
        row(
            Step::DescriptionReceived,
            Some(offerer),
            either(&[0, 1, 5, 6], &[0, 5, 6]),
        ),
        row(Step::Servers, None, &[]),
        row(Step::Candidates, Some(offerer), &[]),
        row(Step::Candidates, Some(answerer), &[]),
        row(Step::Checks, None, &[]),
        row(Step::Connected, None, NEEDED),
        row(Step::Dtls, None, &[12]),
        row(Step::Channel, None, &[12, 13]),
        row(Step::Data, None, &[12]),
    ]
}

impl CallKind {
    const fn has(self, step: Step) -> bool {
        match step {
            Step::Signalling => !matches!(self, Self::Carried),
            Step::Dtls => matches!(self, Self::Browser | Self::Recorded),
            Step::Channel => matches!(self, Self::Browser),
            _ => true,
        }
    }
}

/// The list of a call.
pub fn steps(course: &Course<'_>) -> Vec<StepReport> {
    let rows = rows(course.kind, course.offerer);
    let evidence = Evidence::new(course);
    let mut known = rows.map(|row| evidence.of(row.step, row.side));
    for (place, row) in rows.iter().enumerate().rev() {
        if known[place].is_done() {
            for &earlier in row.implies {
                known[earlier].follows();
            }
        }
    }
    let stop = course.has_failed.then(|| stop(&rows, &known, course.kind));
    let stop = stop.flatten();
    let mut reports = Vec::new();
    for (place, (row, known)) in rows.iter().zip(known).enumerate() {
        if !course.kind.has(row.step) {
            continue;
        }
        let mut side = known
            .side
            .or(row.side.map(Whose::from))
            .unwrap_or(Whose::Both);
        let mut status = known.status;
        let is_reached = stop.is_none_or(|(stopped, _)| place <= stopped);
        if let Some((stopped, whose)) = stop
            && stopped == place
        {
            status = StepStatus::Stopped;
            side = whose;
        } else if status == StepStatus::Failed && is_reached && row.step == Step::Candidates {
            status = StepStatus::Skipped;
        }
        reports.push(StepReport {
            number: place + 1,
            step: row.step,
            side,
            status,
            at_ms: known.at,
            message: message(row, course.kind, course.offerer),
            detail: known.detail,
        });
    }
    reports
}

/// Where it stopped: the first that is needed and did not come, and whose that is.
fn stop(rows: &[Row; 16], known: &[Known; 16], kind: CallKind) -> Option<(usize, Whose)> {
    let has_checked = known[11].is_done() || known[11].detail.is_some();
    let place = rows.iter().enumerate().position(|(place, row)| {
        let is_needed = match row.step {
            Step::Servers => false,
            // A side without any may still be found by its checks.
            Step::Candidates => !has_checked,
            step => kind.has(step),
        };
        let is_missing = matches!(known[place].status, StepStatus::Open | StepStatus::Failed);
        is_needed && is_missing
    })?;
    let row = &rows[place];
    // Who set nothing has got nothing, or the other one has sent nothing.
    let is_unclear = row.step == Step::DescriptionReceived
        && known[place - 1].status != StepStatus::Open
        && !(known[place - 1].is_done() && kind == CallKind::Browser);
    let side = match (known[place].side, row.side) {
        _ if is_unclear => Whose::Between,
        (Some(side), _) => side,
        (None, Some(side)) => side.into(),
        (None, None) => Whose::Between,
    };
    Some((place, side))
}

/// At which one the call stopped, and whose that is, as a sentence.
pub fn stopped(steps: &[StepReport]) -> Option<String> {
    let stop = steps.iter().find(|it| it.status == StepStatus::Stopped)?;
    let whose = match stop.side {
        Whose::Local => "this side's",
        Whose::Remote => "the other side's",
        Whose::Both => "of both sides",
        Whose::Between => "between the two",
    };
    Some(format!(
        "It stopped at step {}, \"{}\" ({whose}).",
        stop.number, stop.message
    ))
}

/// The list as a browser has it that nothing is known of yet: number, step, side and words.
pub fn of_guest() -> Vec<StepReport> {
    let mut steps = steps(&Course {
        kind: CallKind::Browser,
        timeline: &[],
        offerer: StepSide::Remote,
        has_failed: false,
    });
    for step in &mut steps {
        step.message = step.message.replace("this side", "this browser");
    }
    steps
}

fn message(row: &Row, kind: CallKind, offerer: StepSide) -> String {
    let is_real = matches!(kind, CallKind::Browser | CallKind::Recorded);
    let side = row.side.unwrap_or(StepSide::Local);
    let description = |of: StepSide| match (is_real, of == offerer) {
        (true, true) => "offer".to_owned(),
        (true, false) => "answer".to_owned(),
        (false, _) => format!("description of {}", of.words()),
    };
    match row.step {
        Step::Signalling => "signalling reached by both".to_owned(),
        Step::PeerConnections if is_real => "peer connections made by both".to_owned(),
        Step::PeerConnections => "ICE agents made by both".to_owned(),
        // The answer is set while it is on its way.
        Step::DescriptionMade if is_real && side != offerer => {
            format!("{} made by {}", description(side), side.words())
        }
        Step::DescriptionMade if is_real => {
            format!("{} made and set by {}", description(side), side.words())
        }
        Step::DescriptionMade => format!("{} made", description(side)),
        Step::DescriptionSent => format!("{} sent", description(side)),
        Step::DescriptionReceived if is_real => {
            format!("{} set by {}", description(side.other()), side.words())
        }
        Step::DescriptionReceived => {
            format!("{} received", description(side.other()))
        }
        Step::Servers => "STUN and TURN servers asked and answered".to_owned(),
        Step::Candidates => format!("candidates of {} sent and added", side.words()),
        Step::Checks => "a check answered".to_owned(),
        Step::Connected => "connected".to_owned(),
        Step::Dtls => "DTLS up".to_owned(),
        Step::Channel => "data channel open".to_owned(),
        Step::Data if kind == CallKind::Recorded => "media or data came".to_owned(),
        Step::Data => "data went both ways".to_owned(),
    }
}
