//! Real servers for tests of the program itself, on loopback only and without root:
//! UDP with an emulated NAT in front ([`Loopback`]), TCP and TLS ([`TcpServer`]).

pub use super::certificates::{Authority, Certificate};
pub use super::loopback::{EXTERNAL, Loopback, Role, Script};
pub use super::tcp_servers::{TcpRole, TcpServer};
