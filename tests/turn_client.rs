//! The TURN client against the scripted server in virtual time: what RFC 8489 and 8656 ask of a
//! client, over links that lose, repeat, reorder and make things up.

mod support;

#[path = "turn_client/arbitrary.rs"]
mod arbitrary;
#[path = "turn_client/binder.rs"]
mod binder;
#[path = "turn_client/credentials.rs"]
mod credentials;
#[path = "turn_client/data.rs"]
mod data;
#[path = "turn_client/integrity.rs"]
mod integrity;
#[path = "turn_client/keepalive.rs"]
mod keepalive;
#[path = "turn_client/lab.rs"]
mod lab;
#[path = "turn_client/loss.rs"]
mod loss;
#[path = "turn_client/requests.rs"]
mod requests;
