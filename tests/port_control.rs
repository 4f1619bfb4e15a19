//! What the router is asked, what its answers mean, and what follows for the NATs behind it.

#[path = "port_control/igd.rs"]
mod igd;
#[path = "port_control/inquiry.rs"]
mod inquiry;
#[path = "port_control/layers.rs"]
mod layers;
#[path = "port_control/packets.rs"]
mod packets;
#[path = "port_control/ssdp.rs"]
mod ssdp;
