//! The mapping while another local address holds the same port.

use super::deeper::Tested;
use crate::fact::{Fact, Reason};
use crate::nat::behavior::Mapping;
use crate::report::Finding;

/// Tests it, if the options ask for it.
pub async fn run(_tested: Tested<'_>) -> (Fact<Mapping>, Vec<Finding>) {
    (Fact::not_tested(Reason::NotAskedFor), Vec::new())
}
