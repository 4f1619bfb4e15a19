//! The rendezvous of `pair`: two clients meet in a room and hand each other sealed messages.
//!
//! # The protocol
//!
//! The server forwards and remembers nothing of what it forwards. Messages are sealed end to end
//! ([`crate::proto::signal::seal`]), and what is lost is sent again end to end
//! ([`crate::proto::signal::session`]), so a restart of the server costs a reconnect and nothing else.
//!
//! A client opens a WebSocket (RFC 6455) at `/pair`, behind the prefix of its URL, with the
//! subprotocol `rtcdiag.1`. Its first frame comes within 5 s and is text:
//!
//! `{"type":"join","version":1,"room":"<26 characters of base 32>","member":"<32 hexadecimal digits>"}`
//!
//! `room` comes from the session code and tells nothing of it; `member` is the client's random name
//! for this run. The server answers in text frames:
//!
//! | frame | meaning |
//! |---|---|
//! | `{"type":"joined","peer":true}` | in the room; whether the other member is there |
//! | `{"type":"peer-joined"}` | the other member has come, or has joined again |
//! | `{"type":"peer-left"}` | its connection has ended |
//! | `{"type":"third-refused"}` | somebody else wanted to join, and was refused |
//! | `{"type":"error","code":"...","message":"..."}` | the connection ends; a close frame follows |
//!
//! A lobby, where all members of a `mesh` meet, is joined with version 2 and `"kind":"lobby"` in the frame;
//! a server that has none answers with the code `version`. What one member says, all others hear; the notices
//! are the same, and do not say which member they are of.
//!
//! The codes are those of [`crate::proto::signal::wire::Refusal`]. Frames of unknown type are to be
//! ignored. Binary frames of a client are envelopes; each goes to the other member if it is there,
//! and is dropped if not. A client that joins a room which it is in already takes the place of its
//! older connection, so that one which broke without a word stands in nobody's way.
//!
//! The server pings every 20 s, and ends a connection that was silent for 60 s.
//!
//! Several servers may share their rooms ([`crate::proto::signal::siblings`]); clients see no difference.
//!
//! # Brokers
//!
//! The two sides may also meet at an MQTT broker, at a topic from the code ([`broker`],
//! [`crate::proto::signal::mqtt`]), and at several places at once ([`places`]).

pub(in crate::net) mod bounded;
pub mod broker;
pub mod client;
mod dial;
pub(in crate::net) mod failure;
pub(in crate::net) mod look;
pub mod places;
pub(in crate::net) mod stay;
mod steps;
mod waiting;
