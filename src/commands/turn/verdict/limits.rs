//! What a server that works keeps back: its word in the headline, and the sentence.

use super::is_unsafe;
use crate::base::codes::Code;
use crate::base::report::{Caveat, Finding, Severity};
use crate::commands::turn::report::{ThroughputReport, TransportReport};

/// Where so much is lost one by one, on whatever part of the way, a call is not what people want.
const BAD_LOSS_PERCENT: f64 = 40.0;

pub(super) fn caveat(ok: &[&TransportReport], findings: &[Finding]) -> Option<Caveat> {
    let is_limited =
        |f: &Finding| matches!(f.code, Code::RelayRateLimited | Code::RelayOpensFromInside);
    let is_lossy = ok.iter().any(|t| worst_loss(t) >= BAD_LOSS_PERCENT);
    if is_unsafe(findings) {
        Some(Caveat::Unsafe)
    } else {
        (is_lossy || findings.iter().any(is_limited)).then_some(Caveat::Limited)
    }
}

/// The greatest part of single datagrams that was lost by way of the relay.
fn worst_loss(transport: &TransportReport) -> f64 {
    let ways = [&transport.relay_to_relay, &transport.to_reflexive];
    let losses = ways
        .into_iter()
        .filter(|data| data.received > 0)
        .filter_map(|data| data.loss_percent);
    losses.fold(0.0, f64::max)
}

/// The sentence on a server that works over these transports (`ways`).
pub(super) fn of_good(ways: &str, ok: &[&TransportReport], findings: &[Finding]) -> String {
    let warnings = findings
        .iter()
        .filter(|f| f.severity == Severity::Warning)
        .count();
    let remark = match warnings {
        0 => String::new(),
        1 => ", with a warning above".to_owned(),
        count => format!(", with {count} warnings above"),
    };
    if let Some(kbit) = limit_kbit(ok, findings) {
        format!(
            "Calls are relayed over {ways} within a limit: the TURN server {}{remark}.",
            meaning_of(kbit)
        )
    } else if ok.iter().any(|t| t.opens_from_inside()) {
        format!(
            "Calls can be relayed over {ways}, but not to peers behind a symmetric NAT: the ports of the relay are open only for whom it has sent to first{remark}."
        )
    } else if let Some(loss) = ok
        .iter()
        .map(|t| worst_loss(t))
        .filter(|loss| *loss >= BAD_LOSS_PERCENT)
        .max_by(f64::total_cmp)
    {
        format!(
            "Calls can be relayed over {ways}, and would suffer: {loss:.0} % of the datagrams were lost between here and the relays, on this line, on the way or at the server{remark}."
        )
    } else if is_unsafe(findings) {
        format!("Calls can be relayed over {ways}: the TURN server works, but is not safe{remark}.")
    } else {
        format!("Calls can be relayed over {ways}: the TURN server is healthy{remark}.")
    }
}

/// The least that came out of a relay of a stream that lost much, in thousand bits a second.
fn limit_kbit(ok: &[&TransportReport], findings: &[Finding]) -> Option<f64> {
    if !findings.iter().any(|f| f.code == Code::RelayRateLimited) {
        return None;
    }
    ok.iter()
        .filter_map(|t| t.throughput)
        .filter(ThroughputReport::loses_much)
        .map(|stream| stream.kbit_per_s)
        .min_by(f64::total_cmp)
}

/// What a limit of the rate means for a call.
fn meaning_of(kbit: f64) -> String {
    let what = match kbit {
        ..100.0 => "which hardly lets a call through",
        ..1000.0 => "enough for voice, and for no good video",
        _ => "enough for some video, and not for several streams",
    };
    let carried = match kbit {
        ..1.0 => return format!("let nothing of a steady stream out, {what}"),
        ..1000.0 => format!("{kbit:.0} kbit/s"),
        _ => format!("{:.1} Mbit/s", kbit / 1000.0),
    };
    format!("carries about {carried} for each client, {what}")
}
