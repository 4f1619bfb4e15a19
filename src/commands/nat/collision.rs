//! Mapping while another host of the same NAT holds the port (`--collision-test`).

pub mod run;
pub mod verdict;
