//! Candidates of another program that could not be used: what kinds there are, and what that means.

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::{counted, listed};
use crate::commands::pair::report::PairResult;
use crate::commands::pair::verdict::Context;
use crate::proto::ice::candidate::CandidateError;
use crate::proto::ice::causes::{LeftOut, RemedyCode};

const NEEDS_STUN: &str = "give the other side a STUN server (iceServers), so that it tells a srflx candidate; a browser that may use camera or microphone tells its local addresses too";
const NEEDS_ADDRESS: &str = "have the other side tell IP addresses, or put the address in place of the name in its candidate lines";
const NEEDS_HOST: &str = "look where the other side's program takes that address from; a STUN server (iceServers) tells it the public address of its host";
const NEEDS_UDP: &str = "have the other side listen on UDP, or test with an ICE agent that has UDP: checks here are made over UDP alone";
const WRONG_LINES: &str = "compare its candidate lines with RFC 8839 5.1";

/// How many there are of each kind.
#[derive(Default)]
struct Kinds {
    hidden: usize,
    names: BTreeSet<String>,
    named: usize,
    streams: usize,
    useless: BTreeSet<String>,
    others: BTreeSet<String>,
    other: usize,
}

impl Kinds {
    fn of(errors: &[CandidateError]) -> Self {
        let mut kinds = Self::default();
        for error in errors {
            match error {
                CandidateError::Name(name) if is_hidden(name) => kinds.hidden += 1,
                CandidateError::Name(name) => {
                    kinds.named += 1;
                    kinds.names.insert(name.clone());
                }
                CandidateError::Transport(_) => kinds.streams += 1,
                useless @ CandidateError::Useless(..) => {
                    kinds.useless.insert(useless.to_string());
                }
                other => {
                    kinds.other += 1;
                    kinds.others.insert(other.to_string());
                }
            }
        }
        kinds
    }

    /// Whether all are addresses that nobody can send to.
    fn is_useless(&self, all: usize) -> bool {
        !self.useless.is_empty()
            && self.hidden + self.named + self.streams + self.other == 0
            && all > 0
    }

    fn sentences(&self) -> Vec<String> {
        let mut parts = Vec::new();
        let verb = |count| if count == 1 { "" } else { "s" };
        if self.hidden > 0 {
            let with = if self.hidden == 1 {
                "an mDNS name (.local) in place of its address"
            } else {
                "mDNS names (.local) in place of their addresses"
            };
            parts.push(format!("{} with {with}", self.hidden));
        }
        if self.named > 0 {
            let names: Vec<String> = self.names.iter().take(3).cloned().collect();
            parts.push(format!(
                "{} with a host name in place of an address ({})",
                self.named,
                listed(&names)
            ));
        }
        if self.streams > 0 {
            parts.push(format!(
                "{} for TCP, and checks are made over UDP alone",
                self.streams
            ));
        }
        if !self.useless.is_empty() {
            let which: Vec<String> = self.useless.iter().take(3).cloned().collect();
            parts.push(listed(&which));
        }
        if self.other > 0 {
            let why: Vec<String> = self.others.iter().take(3).cloned().collect();
            parts.push(format!(
                "{} line{} that cannot be read: {}",
                self.other,
                verb(self.other),
                listed(&why)
            ));
        }
        parts
    }

    /// After how many candidates there are: where all are of one kind, their number is not said again.
    fn after_count(&self, all: usize) -> String {
        let sentences = self.sentences();
        match (self.hidden == all, &*sentences) {
            (true, _) if all == 1 => "it hides its address behind an mDNS name (.local)".to_owned(),
            (true, _) => "they hide their addresses behind mDNS names (.local)".to_owned(),
            (false, [one]) => {
                let bare = one.strip_prefix(&format!("{all} "));
                let bare = bare.filter(|rest| !rest.starts_with("line"));
                bare.unwrap_or(one).to_owned()
            }
            _ => sentences.join("; "),
        }
    }

    fn hint(&self) -> &'static str {
        if self.hidden > 0 {
            NEEDS_STUN
        } else if self.named > 0 {
            NEEDS_ADDRESS
        } else if self.streams > 0 {
            NEEDS_UDP
        } else if !self.useless.is_empty() {
            NEEDS_HOST
        } else {
            WRONG_LINES
        }
    }

    /// What there has to be.
    fn remedy(&self) -> &'static str {
        if self.hidden > 0 {
            "a STUN server for the other side (iceServers)"
        } else if self.named > 0 {
            "IP addresses in place of the names in its candidate lines"
        } else if self.streams > 0 {
            "a UDP candidate of the other side"
        } else if !self.useless.is_empty() {
            "an address of the other side that other hosts can send to"
        } else {
            "candidate lines as RFC 8839 5.1 has them"
        }
    }
}

/// RFC 6762 3.
fn is_hidden(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.rsplit('.')
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case("local"))
}

/// What was left out of a description, and what in it is odd.
pub(super) fn findings(context: &Context, findings: &mut Vec<Finding>) {
    if !context.odd.is_empty() {
        findings.push(Finding::new(
            Code::DescriptionOdd,
            format!(
                "the other side's description is not as RFC 8839 has it, and was read all the same, as browsers do: {}",
                listed(&context.odd)
            ),
            "have the program that wrote it mended: other ICE agents may refuse it",
        ));
    }
    if !context.left_out.is_empty() {
        let kinds = Kinds::of(&context.left_out);
        let count = context.left_out.len();
        if context.with_browser {
            findings.push(of_browser(&kinds, count));
            return;
        }
        let were = if count == 1 { "was" } else { "were" };
        findings.push(Finding::new(
            Code::CandidatesLeftOut,
            format!(
                "{} of the other side {were} left out: {}",
                counted(count, "candidate"),
                kinds.after_count(count)
            ),
            kinds.hint(),
        ));
    }
}

/// A browser hides addresses from every page and has candidates for TCP, and its checks come over UDP all the same.
fn of_browser(kinds: &Kinds, count: usize) -> Finding {
    let (found, hint) = if kinds.hidden > 0 {
        (
            "; what it hides is found by its own checks, as a peer-reflexive address",
            "a browser that may use camera or microphone tells the addresses of its host",
        )
    } else if kinds.streams == count {
        (
            "",
            "that is so with every browser, and keeps no call from it",
        )
    } else {
        ("", kinds.hint())
    };
    let message = format!(
        "{} of the browser {} left out: {}{found}",
        counted(count, "candidate"),
        if count == 1 { "was" } else { "were" },
        kinds.after_count(count)
    );
    Finding::new(Code::CandidatesLeftOut, message, hint).severity(Severity::Info)
}

/// The other side said that it has no candidates at all. A description that was carried need not have waited for them.
fn nothing_found(context: &Context) -> Option<LeftOut> {
    let (why, remedy) = if context.with_browser {
        (
            "its machine is in no network, or a policy, an extension or a VPN keeps the browser from using it",
            "a network that the browser may use (its settings for WebRTC)",
        )
    } else {
        (
            "its machine is in no network but the one to the rendezvous",
            "a network at the other side",
        )
    };
    (!context.manual).then(|| LeftOut {
        brief: "the other side has found no address of its own",
        code: Code::NoCandidates,
        message: format!("the other side has found no address of its own: {why}"),
        remedy: (RemedyCode::Gathering, remedy.to_owned()),
    })
}

/// Why the other side has no address that can be checked, if that is known.
pub(super) fn cause(result: &PairResult, context: &Context) -> Option<LeftOut> {
    let kinds = Kinds::of(&context.left_out);
    let all = context.left_out.len();
    let short = match all {
        0 if result.remote.candidates.is_empty() => return nothing_found(context),
        0 => return None,
        _ if kinds.hidden == all => {
            "the other side hides its addresses behind mDNS names (.local), and has no srflx candidate".to_owned()
        }
        _ if kinds.named == all => {
            let names: Vec<String> = kinds.names.iter().take(2).cloned().collect();
            format!(
                "the other side tells host names in place of addresses ({}), which are not looked up here",
                listed(&names)
            )
        }
        _ if kinds.streams == all => {
            "the other side has candidates for TCP only, and checks are made over UDP".to_owned()
        }
        _ if kinds.is_useless(all) => {
            let which: Vec<String> = kinds.useless.iter().take(2).cloned().collect();
            format!(
                "the other side tells no address that can be sent to: {}",
                which.join("; ")
            )
        }
        _ => format!(
            "none of the other side's candidates can be used: {}",
            kinds.sentences().join("; ")
        ),
    };
    let brief = if kinds.hidden == all {
        "the other side hides its addresses behind mDNS names (.local)"
    } else if kinds.named == all {
        "the other side tells host names in place of addresses"
    } else if kinds.streams == all {
        "the other side has candidates for TCP only"
    } else if kinds.is_useless(all) {
        "the other side tells no address that can be sent to"
    } else {
        "none of the other side's candidates can be used"
    };
    Some(LeftOut {
        brief,
        code: if kinds.hidden == all {
            Code::HiddenAddresses
        } else {
            Code::NoCandidates
        },
        message: short,
        remedy: (RemedyCode::Stun, kinds.remedy().to_owned()),
    })
}
