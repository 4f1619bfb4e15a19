//! The TURN client against the scripted server in virtual time: what RFC 8489 and 8656 ask of a
//! client, over links that lose, repeat, reorder and make things up.

mod arbitrary;
mod binder;
mod credentials;
mod data;
mod integrity;
mod keepalive;
mod lab;
mod loss;
mod requests;
