//! STUN over TCP from one local port to several servers.

use super::deeper::Tested;
use crate::fact::Reason;
use crate::report::Finding;
use crate::report::nat::TcpReport;

/// Tests TCP, if the options ask for it.
pub async fn run(_tested: Tested<'_>) -> (TcpReport, Vec<Finding>) {
    (TcpReport::not_tested(Reason::LeftOut), Vec::new())
}
