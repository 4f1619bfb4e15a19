//! rtcdiag tells why two machines can or cannot reach each other.
//!
//! # How the house is built
//!
//! Five rooms. Each knows only those below it; `tests/house/architecture.rs` holds this.
//!
//! | room | what is in it | knows |
//! |---|---|---|
//! | [`commands`] | one folder for each command, and the frame around them | everything |
//! | [`ui`] | the terminal: output, style, tables, redaction | `base`, `proto` |
//! | [`net`] | sockets, the clock, names, routes, TLS; the servers that `serve` runs | `base`, `proto` |
//! | [`proto`] | STUN, TURN, ICE, NAT behaviour, signalling: decisions without I/O | `base` |
//! | [`base`] | what everybody says: facts, reasons, findings, outcomes, times | nobody |
//!
//! How to guess the file:
//!
//! - What is on the wire is in `proto`, what touches a socket in `net`, what the user typed in
//!   `commands/X/args`.
//! - A command has the same file names as the others: flags in `args`, doing in `run`, facts in
//!   `report`, outcome, findings and sentence in `verdict`, layout in `render`. The last three name
//!   neither sockets nor the clock.
//! - A subject has one word: `lifetime` is `proto/nat/lifetime`, `commands/nat/lifetime`, `--lifetime`.
//!
//! `base` and `proto` have no I/O, no clock and no randomness: time and seeds are arguments. So the
//! tests run the whole matrix of NATs in virtual time.
//!
//! # What is deliberately not done
//!
//! - Each transmission has a transaction ID of its own, where RFC 8489 6.2.1 would repeat one: an
//!   answer then tells which transmission it belongs to, so round trips and loss are exact.
//! - With endpoint-dependent mapping, a server that drops CHANGE-REQUEST is told from a filter with
//!   RESPONSE-PORT (RFC 5780 7.5). Where a server does not honour that either, its silence is taken
//!   for the filter's until another server says otherwise, and the verdict is known to rest on
//!   silence ([`proto::nat::behavior::Discovery::filtering_rests_on_silence`]).
//! - Answers with unknown comprehension-required attributes are read all the same, where RFC 8489
//!   6.3.3 would discard them: servers of RFC 3489 send SOURCE-ADDRESS and CHANGED-ADDRESS.
//! - The prefix of a NAT64 is asked for in DNS (RFC 7050), not read from Router Advertisements (RFC
//!   8781): that takes rights that a program does not have. Of several prefixes the first is tested.
//! - `nat --all-interfaces` leaves out the bridges of containers and virtual machines, which nothing
//!   outside is behind, unless they have the default route. Paths of one host wait for each other
//!   before they visit a server's other address ([`proto::nat::behavior`], [`commands::nat::run`]).
//! - Rounds of `nat` leave local ports alone that rounds before have used, and do not call a filter open
//!   for what the host has sent to before ([`proto::nat::behavior::earlier`]): holes would be found. A program that is
//!   started again and again by hand does not know them.
//! - `nat --watch` calls nothing a change that could not be determined, and no round trip that was
//!   slow once ([`commands::nat::rounds`]).
//! - Filtering over TCP is not tested: STUN servers open no connections.
//! - STUN servers that demand credentials for Binding requests count as failed (error 401).
//! - DTLS is spoken with browsers alone, not with servers (`turns:` over UDP). TCP candidates (RFC 6544) are not gathered.
//! - Sound and picture that a browser sends come back as they are, without NACK, retransmission or an estimate of the
//!   bandwidth: so the loss that is seen is that of the network ([`proto::media`]). SRTP is that of webrtc-srtp, with what it
//!   lets through unchecked kept from it ([`proto::media::srtp`]).
//! - TURN requests are repeated after 100, 150, 250... ms where RFC 8489 6.2.1 begins with 500 ms: a
//!   person waits. They keep their transaction ID, unlike Binding requests, since an Allocate request
//!   has an effect.
//! - Error answers without MESSAGE-INTEGRITY are believed, where RFC 8489 9.2.5 would discard them:
//!   several servers send them so, and they are what is to be diagnosed.
//! - The ICE agent of `pair` (webrtc-ice, in [`net::agent`]) sees only the pairs that
//!   [`proto::ice::checks`] gives it: that one makes and answers all other checks, records them, and chooses.
//!   So the choice runs in virtual time in the tests, and no answer has to be signed a second time.
//! - Checks from relayed addresses carry the priority of the relayed candidate, where RFC 8445 7.1.1
//!   has that of a peer-reflexive one: a side that hears such a check before the candidate would take
//!   the relay for a direct way.
//! - Offer and answer of `pair` are sent without waiting for each other: nothing in the answer depends
//!   on the offer, and it saves a round trip.
//! - PCP, NAT-PMP and UPnP IGD are spoken by [`proto::nat::router`], with roxmltree and hyper, and not
//!   by crates for them: `crab_nat` cannot ask a PCP server without making a mapping, nor from one
//!   interface (and adds 12 packages); `igd-next` takes the first gateway that answers, whose HTTP
//!   connections leave from anywhere (and adds 15; this adds 3).
//! - The router is known on Linux only, from the kernel ([`net::route`]); elsewhere it is not asked.
//! - USERHASH (RFC 8489 14.4) is not sent; servers have to know USERNAME too.
//! - The STUN server's behaviour discovery (RFC 5780) is over UDP alone: CHANGE-REQUEST and RESPONSE-PORT
//!   over TCP are answered with 420.
//! - Lifetimes of bindings are measured with one server, and only where it leads an answer to another
//!   socket: by RESPONSE-PORT, or by HELD-ANSWER of our own server ([`proto::stun::held`], an attribute that is
//!   not registered). That a binding has the same port still is no evidence of its life.
//! - Descriptions of `sdp` are scanned line by line ([`proto::sdp::scan`]), since parsers of whole files stop at the
//!   first error; each attribute is held against Mozilla's parser. What Chromium and webrtc-rs answer is what they were
//!   seen to answer (`tests/browser`), not what the standard wants.
//! - The TURN server is for small use: UDP and TCP, without TLS, RFC 6062, reserved ports, mobility and
//!   password algorithms. It takes the channels of RFC 5766 too, up to 0x7fff; RFC 8656 ends at 0x4fff.

pub mod base;
pub mod commands;
pub mod net;
pub mod proto;
pub mod ui;
