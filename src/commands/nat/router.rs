//! The router: PCP, NAT-PMP, UPnP IGD, and the NATs behind it.

pub mod report;
pub mod run;
pub mod verdict;
