//! IPv4 through a translator: NAT64 and 464XLAT.

pub mod report;
pub mod run;
pub mod verdict;
