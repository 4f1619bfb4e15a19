//! Requests that get no answer, and what that is due to.

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::base::words::listed;
use crate::commands::loss::{HINT_OF_SERVER, Losing};
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{NatResult, PathReport};
use crate::commands::nat::verdict::judged;
use crate::proto::nat::behavior::Limits;

const HINT_OF_LIMIT: &str = "run it again in a minute, and with servers of other operators (-s)";

/// Where many packets are lost, whether a call connects is the smaller question.
pub(super) fn of(result: &NatResult) -> Option<Finding> {
    let mut open = judged(&result.paths).filter(|p| p.is_open());
    let path = open.find(|path| {
        let loss = path.loss;
        loss.lost >= 3 && loss.lost * 5 >= loss.sent
    })?;
    let over = path.over(are_several(&result.paths));
    let (message, hint) = said(path, &over);
    Some(Finding::new(Code::PacketLoss, message, hint))
}

fn said(path: &PathReport, over: &str) -> (String, &'static str) {
    let (lost, sent) = (path.loss.lost, path.loss.sent);
    let losing = match &path.limits {
        Some(Limits::Some(hosts, theirs)) => {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            let message = format!(
                "{} of {} requests to {} got no answer {over}, and others answer: it limits the rate of requests or is overloaded; that is no loss of this line",
                theirs.lost,
                theirs.sent,
                listed(&hosts)
            );
            return (message, HINT_OF_SERVER);
        }
        Some(Limits::All { servers, is_over }) => {
            let (begin, why) = match (*is_over, *servers > 1) {
                (true, _) => (
                    "from one moment on none of the servers answered any more",
                    "the connection failed in mid-test, or something on the way lets no more through, or the servers limit the rate of requests",
                ),
                (false, true) => (
                    "the servers answer their first requests and few after those",
                    "they limit the rate of requests, or something on the way does, such as the router",
                ),
                (false, false) => (
                    "the server answers its first requests and few after those",
                    "it limits the rate of requests, or something on the way does, such as the router",
                ),
            };
            let message = format!("{begin} {over} ({lost} of {sent} got no answer): {why}");
            return (message, HINT_OF_LIMIT);
        }
        Some(Limits::First { flows, of }) => {
            let message = format!(
                "the first packet of a flow is lost {over} ({flows} of {of} flows), and those after it are not: something on the way, such as the router, drops what begins a flow; calls begin a little later, since ICE sends again"
            );
            return (
                message,
                "look for a filter of new flows in the router or firewall",
            );
        }
        Some(Limits::Sockets { old, new }) => {
            let message = format!(
                "{new} sockets got no answer {over} to anything, while {old} others were answered by the same servers: the NAT or a firewall lets no more flows through, as one that has run out of ports for this line does; close other programs, or have the limit raised"
            );
            return (
                message,
                "whoever runs the NAT sees how many ports a line has (RFC 6888 REQ-4)",
            );
        }
        Some(Limits::Line { .. }) => Losing::Line,
        Some(Limits::Untold { operators }) => Losing::Untold {
            operators: *operators,
        },
        None => Losing::Untold { operators: 2 },
    };
    let message = format!(
        "{lost} of {sent} requests to servers that answer got no answer {over}: {}",
        losing.why()
    );
    (message, losing.hint())
}
