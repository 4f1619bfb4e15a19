//! How long an unused binding lives.

use super::deeper::Tested;
use crate::fact::Reason;
use crate::report::Finding;
use crate::report::nat::LifetimeReport;

/// Measures it, if the options ask for it.
pub async fn run(_tested: Tested<'_>) -> (LifetimeReport, Vec<Finding>) {
    (LifetimeReport::not_tested(Reason::NotAskedFor), Vec::new())
}
