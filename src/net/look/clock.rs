//! What time it is elsewhere: a certificate that is not valid now may be, and this machine's clock be wrong.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::{Look, WEB_PORT, probe};
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;

/// What one asks without TLS.
const PLAIN_WEB_PORT: u16 = 80;
/// How long both may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Clocks that differ less explain no certificate that is not valid.
const MUCH_S: i64 = 86_400;

/// The error of a certificate out of its time, with the time that a web server at the same address tells, if that
/// is another than here.
pub(super) async fn compare(look: &Look, error: &ErrorReport) -> Option<ErrorReport> {
    let mut plain = look.clone();
    plain.target.address.set_port(PLAIN_WEB_PORT);
    let mut over_tls = look.clone();
    over_tls.target.address.set_port(WEB_PORT);
    let told = timeout(PATIENCE, async {
        let (plain, over_tls) =
            tokio::join!(probe::date(&plain, false), probe::date(&over_tls, true));
        plain.or(over_tls)
    });
    let there = told.await.ok()??;
    let here = i64::try_from(Clock::start().unix_now()).ok()?;
    let ahead = there.checked_sub(here)?;
    if ahead.abs() < MUCH_S {
        return None;
    }
    let days = ahead.abs() / MUCH_S;
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let date = Timestamp::from_second(there).ok()?.to_string();
    let date = date.split('T').next().unwrap_or(&date);
    let plural = if days == 1 { "" } else { "s" };
    Some(ErrorReport {
        message: format!(
            "{}; a web server at that address says that it is {date}, {days} day{plural} {side} this machine's clock: one of the two is wrong",
            error.message
        ),
        hint: Some(
            "set this machine's clock (timedatectl, NTP); if it is right, the other one is wrong, and the certificate out of its time",
        ),
        ..error.clone()
    })
}

/// Seconds since 1970, from the header of an answer.
pub(super) fn date_in(answer: &str) -> Option<i64> {
    let value = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    })?;
    let zoned = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let answer = "HTTP/1.1 200 OK\r\nServer: x\r\ndate: Tue, 01 Dec 2026 10:00:00 GMT\r\n\r\n";
        assert_eq!(date_in(answer), Some(1_796_119_200));
        assert_eq!(date_in("HTTP/1.1 200 OK\r\nDate: soon\r\n\r\n"), None);
    }
}
