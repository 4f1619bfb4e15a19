//! What the router is asked, what its answers mean, and what follows for the NATs behind it.

mod igd;
mod inquiry;
mod layers;
mod packets;
mod ssdp;
