//! When time-limited credentials end.

use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Finding, Severity};
use crate::base::time::rfc3339;
use crate::base::words::span;

/// A number in a user name that may be the time when the credentials end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// Seconds since 1970.
    pub at: u64,
    /// How it is written.
    pub form: ExpiryForm,
}

/// How a time is written in a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryForm {
    /// `time:user` or `user:time`, as servers with a shared secret read it.
    Usual,
    /// A number alone, or apart from the rest in another way: it may be something else.
    Loose,
    /// In milliseconds, which the usual servers take for a time in thousands of years.
    Milliseconds,
}

/// What servers said to the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// One took them.
    Accepted,
    /// One refused them.
    Refused,
    /// None was asked, or none answered.
    Unknown,
}

/// No time-limited credentials are older: a smaller number is something else.
const FIRST_PLAUSIBLE: u64 = 1_325_376_000;

/// The time in a user name, if there may be one.
pub fn expiry_in(username: &str) -> Option<Expiry> {
    let number = |text: &str, digits: usize| -> Option<u64> {
        let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let seconds = |text: &str| number(text, 10).filter(|time| *time >= 1_000_000_000);
    if username.contains(':')
        && let Some(at) = username.split(':').find_map(seconds)
    {
        return Some(Expiry {
            at,
            form: ExpiryForm::Usual,
        });
    }
    username
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|part| {
            let loose = seconds(part).map(|at| (at, ExpiryForm::Loose));
            let millis = number(part, 13).map(|ms| (ms / 1000, ExpiryForm::Milliseconds));
            loose.or(millis)
        })
        .filter(|(at, _)| *at >= FIRST_PLAUSIBLE)
        .map(|(at, form)| Expiry { at, form })
}

/// What is worth knowing about credentials that end at a time: that they have ended, or, where a
/// server refuses them, that its clock may say so. `now` is in seconds since 1970.
pub fn of_expiry(expiry: Expiry, now: u64, reception: Reception) -> Option<Finding> {
    let Expiry { at, form } = expiry;
    let refused = reception == Reception::Refused;
    let date = rfc3339(at);
    if at > now {
        return refused.then(|| of_future(at - now, &date, form)).flatten();
    }
    let since = format!("{} ago, on {date}, by this machine's clock", span(now - at));
    match (form, reception) {
        (ExpiryForm::Usual, Reception::Accepted) => Some(
            Finding::new(
                Code::CredentialsExpired,
                format!("the time in the user name passed {since}; the server takes the credentials all the same"),
                "it does not look at the time, or this machine's clock is ahead",
            )
            .severity(Severity::Warning),
        ),
        (ExpiryForm::Usual, _) => Some(Finding::new(
            Code::CredentialsExpired,
            format!("the time-limited credentials expired {since}"),
            "get fresh ones; if they are fresh, this machine's clock is ahead",
        )),
        (_, Reception::Refused) => {
            let unit = if form == ExpiryForm::Milliseconds {
                "in milliseconds "
            } else {
                ""
            };
            Some(Finding::new(
                Code::CredentialsExpired,
                format!("the user name has a number in it that {unit}is a time, and that time passed {since}: if the credentials are time-limited, they have expired"),
                "get fresh ones",
            ))
        }
        _ => None,
    }
}

/// Says of a refusal that the time of the credentials has passed, if their user name says so for certain. `now` is in
/// seconds since 1970.
pub fn explain_refusal(error: &mut ErrorReport, expiry: Expiry, now: u64) {
    let has_passed = expiry.form == ExpiryForm::Usual && expiry.at <= now;
    if !has_passed || !error.code.is_of_credentials() {
        return;
    }
    if let Some(found) = of_expiry(expiry, now, Reception::Refused) {
        error.code = found.code;
        error.message = format!("{}; {}", error.message, found.message);
        error.hint = Some("get fresh ones; if they are fresh, this machine's clock is ahead");
    }
}

/// Refused although their time has not come.
fn of_future(ahead: u64, date: &str, form: ExpiryForm) -> Option<Finding> {
    let (message, hint) = match form {
        ExpiryForm::Usual => (
            format!(
                "the credentials are time-limited and expire in {}, on {date}, by this machine's clock",
                span(ahead)
            ),
            "so they have not expired, unless the server's clock is ahead; else they were made with another secret than the server's",
        ),
        ExpiryForm::Milliseconds => (
            format!(
                "the time in the user name is in milliseconds ({date}); the usual servers (coturn: use-auth-secret) count in seconds"
            ),
            "have the credentials made with the time in seconds since 1970",
        ),
        ExpiryForm::Loose => return None,
    };
    Some(Finding::new(Code::CredentialsTimeLimited, message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_wherever_it_stands() {
        use ExpiryForm::{Loose, Milliseconds, Usual};
        for (name, expected) in [
            ("1700000000:ann", Some(Usual)),
            ("ann:1700000000", Some(Usual)),
            ("app:1700000000:ann", Some(Usual)),
            ("1700000000", Some(Loose)),
            ("ann_1700000000", Some(Loose)),
            ("1700000000-ann", Some(Loose)),
            ("1700000000000:ann", Some(Milliseconds)),
            ("1700000000000", Some(Milliseconds)),
            ("0301234567", None),
            ("1234567890", None),
            ("ann17000000001", None),
            ("0700000000:ann", None),
            ("ann", None),
        ] {
            let found = expiry_in(name);
            assert_eq!(found.map(|e| e.form), expected, "{name}");
            assert!(found.is_none_or(|e| e.at == 1_700_000_000), "{name}");
        }
    }

    #[test]
    fn what_may_be_something_else_counts_only_where_it_is_refused() {
        let at = 1_700_000_000;
        for form in [ExpiryForm::Loose, ExpiryForm::Milliseconds] {
            let of = |reception| of_expiry(Expiry { at, form }, at + 5, reception);
            assert!(of(Reception::Accepted).is_none() && of(Reception::Unknown).is_none());
            let finding = of(Reception::Refused).expect("a finding");
            assert!(finding.message.contains("2023-11-14T22:13:20Z"));
        }
    }

    #[test]
    fn a_refusal_is_explained_by_a_time_that_has_passed_for_certain() {
        let explained = |code: Code, username: &str| {
            let mut error = ErrorReport::new(code, "error 401 again with credentials");
            explain_refusal(
                &mut error,
                expiry_in(username).expect("a time"),
                1_700_000_000,
            );
            (error.code, error.message)
        };
        let (code, message) = explained(Code::Unauthorized, "1600000000:ann");
        assert_eq!(code, Code::CredentialsExpired);
        assert!(
            message.starts_with("error 401") && message.contains("expired"),
            "{message}"
        );
        for (code, username) in [
            (Code::Unauthorized, "1800000000:ann"),
            (Code::Unauthorized, "ann-1600000000"),
            (Code::AllocationQuotaReached, "1600000000:ann"),
        ] {
            assert_eq!(explained(code, username).0, code, "{username}");
        }
    }
}
