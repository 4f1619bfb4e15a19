//! How much somebody else can make this program hold or send, all in one place, each with its reason.
//!
//! The other side of a session, a rendezvous and whoever stands on the way to one may be hostile.
//! What is honest stays far below each of these; what is above is left out, and the user is told.

/// Checks without an answer that one pair gets: at five a second that is twenty seconds, where an honest pair
/// that works is answered within the first few (RFC 8445 14.3 repeats a check seven times).
pub const CHECKS_OF_PAIR: u32 = 100;
/// The same for a pair that the other side has nominated: its checks follow each other faster, and it has sent one.
pub const CHECKS_OF_ENGINE: u32 = 3 * CHECKS_OF_PAIR;
/// Checks that every pair gets whatever the others have had, as long as [`CHECKS_TO_ADDRESS`] and
/// [`CHECKS_IN_ALL`] allow: about what RFC 8445 14.3 asks for.
pub const CHECKS_ASSURED: u32 = 8;
/// Checks to an IP address that has answered none: it may belong to somebody who takes no part. Forty
/// pairs with one address have twenty-five each.
pub const CHECKS_TO_ADDRESS: u32 = 1000;
/// Of those, how many are for pairs that have not had [`CHECKS_ASSURED`].
pub const CHECKS_TO_ADDRESS_KEPT: u32 = 250;
/// Checks to all IP addresses that have answered none: 200 pairs have twenty each.
pub const CHECKS_IN_ALL: u32 = 4000;
/// Of those, how many are for pairs that have not had [`CHECKS_ASSURED`].
pub const CHECKS_IN_ALL_KEPT: u32 = 1000;

/// Bytes for the rendezvous that it has not taken: a session has some hundred kilobytes at most, all messages
/// sent again included. What is more is lost, and sent again after the next greeting.
pub const RENDEZVOUS_UNSENT: usize = 4 << 20;
/// The same in the WebSocket, beside the message that is being written: answers to pings of a rendezvous that reads nothing.
pub const RENDEZVOUS_WRITE_BUFFER: usize = 64 << 10;
/// What the rendezvous says and has not been looked at: each may be an envelope of the largest size.
pub const RENDEZVOUS_EVENTS: usize = 16;
/// How often members of a room come and go in one session: each time, all that is not confirmed is sent again,
/// and the timeline grows. A side whose connection drops each second does so for a quarter of an hour.
pub const COMINGS_AND_GOINGS: u32 = 1000;
/// Events of a session's timeline: the first check and the first answer of 200 pairs, all candidates, and
/// every coming and going of a session as it should be.
pub const TIMELINE: usize = 2000;
/// How often a call begins anew since the browser has loaded its page again.
pub const ATTEMPTS: usize = 10;
/// Steps that a browser tells of: a dozen, and one for each candidate and server.
pub const TOLD_STEPS: usize = 300;
/// Kinds of messages that were refused, and are told; more are a flood.
pub const REFUSED: usize = 20;
/// The largest message of a session: descriptions and records are far smaller.
pub const MESSAGE: usize = 256 << 10;
/// The largest result that a browser is told in such a message: one with 200 pairs has some 150 kB.
pub const REPORT: usize = MESSAGE - (8 << 10);
/// The longest text frame of a rendezvous: a join has some 120 bytes.
pub const NOTICE: usize = 4096;
/// Messages that the other side has not confirmed: a pair needs some dozens.
pub const UNCONFIRMED: usize = 512;

/// Candidates of one side: a host has a handful for each interface.
pub const CANDIDATES: usize = 100;
/// The most pairs that are checked (RFC 8445 6.1.2.5 has 100 for each stream).
pub const PAIRS: usize = 200;
/// Peer-reflexive addresses of one IP address that become pairs, for each base. Two NATs whose
/// mappings depend on the endpoint otherwise feed each other new ones without end.
pub const REFLEXIVE_PAIRS: usize = 6;
/// Checks of the other side whose arrival it is told of: a session has some hundreds.
pub const ARRIVED: usize = 8000;
/// Checks of this side whose answers are waited for: [`CHECKS_IN_ALL`], and those to addresses that answer.
pub const TRANSACTIONS: usize = 20_000;
/// NATs that the other side tells of: one for each address family.
pub const NATS: usize = 2;
/// Addresses of one NAT: what the STUN servers of one side saw, a handful.
pub const REFLEXIVE_ADDRESSES: usize = 32;
/// Servers of the other side that are remembered: it has a handful, each with a row for each interface.
pub const SERVERS: usize = 64;
/// Codes that the other side tells of all its pairs: there are three.
pub const TROUBLES: usize = 8;
/// Datagrams on the way into the ICE agent, and out of it: what is more is lost, as on the network.
pub const AGENT_DATAGRAMS: usize = 256;
/// Bytes that wait in a data channel for the other side to take them: two seconds of a test. What is more is lost.
pub const CHANNEL_UNSENT: usize = 64 << 10;
/// Sections of audio and video that a browser tells of: there are two.
pub const MEDIA_SECTIONS: usize = 8;
/// Bytes of datagrams that have come to this side's sockets and relays and wait for the session: more than
/// a session's checks and quality test together.
pub const SUPPLIED: usize = 4 << 20;

/// The longest description that is read from a person.
pub const PASTE: usize = 256 << 10;
/// Pastes that are no description; whoever gives more is no person.
pub const WRONG_PASTES: usize = 100;
/// What was pasted and has not been looked at.
pub const PASTES_WAITING: usize = 4;

/// Bytes that a client of the TURN server over TCP has not taken: half a second at the usual rate of an
/// allocation. What is more is lost, as datagrams are.
pub const RELAY_UNTAKEN: usize = 512 << 10;

/// Messages that one side gives a broker in one session, so that both together stay below 60: brokers that everybody
/// may use are guests' houses.
pub const BROKER_MESSAGES: u32 = 30;
/// Bytes in them, so that both together stay below 100 kB.
pub const BROKER_BYTES: usize = 50_000;
/// The largest of them: some brokers take no more than a few kilobytes.
pub const BROKER_PIECE: usize = 2048;
/// Messages of a broker in one session: what both sides may send comes to each of them, some of it again.
pub const BROKER_HEARD: u32 = 600;
/// Messages of one sender that are kept until those before them have come.
pub const BROKER_HELD: usize = 16;
/// Senders whose messages are put together at a time: the other side, again for each time that it connects.
pub const BROKER_SENDERS: usize = 16;
/// Bytes for a broker that wait for it, or for their turn.
pub const BROKER_UNSENT: usize = 1 << 20;
/// How often the other side is asked to say again what a broker has lost or changed.
pub const BROKER_ASKED_AGAIN: u32 = 6;
/// Places at which a session meets at a time.
pub const PLACES: usize = 16;

/// Members of one mesh: 64 hosts have 2016 ways between them.
pub const MESH_MEMBERS: usize = 64;
/// Sessions of one member at a time: each has sockets, and relays that cost somebody else.
pub const MESH_SESSIONS: usize = 4;
/// How often one way is tried, where a session has ended without a result.
pub const MESH_ATTEMPTS: u32 = 2;
/// What a member says to all others at a time: 63 ways, each with its causes in words.
pub const BEAT: usize = 64 << 10;
/// Causes of one way that another member tells.
pub const BEAT_CAUSES: usize = 4;
/// Characters of the name that a member gives itself, and of a sentence.
pub const BEAT_NAME: usize = 32;
pub const BEAT_SENTENCE: usize = 240;
/// The same as [`BROKER_MESSAGES`] for a lobby: a beat each three seconds, and some for each way.
pub const LOBBY_MESSAGES: u32 = 3000;
pub const LOBBY_BYTES: usize = 8_000_000;
/// All that the other members may say.
pub const LOBBY_HEARD: u32 = 100_000;
/// Each member, again for each time that it connects.
pub const LOBBY_SENDERS: usize = 4 * MESH_MEMBERS;

/// Other processes that share their rooms with `serve` at a broker.
pub const SIBLINGS: usize = 64;
/// Claims to the seats of one room at a time; all but two are about to be refused, or to be found gone.
pub const SIBLING_SEATS: usize = 8;
/// Words of one of them that are kept until those before them have come, and the bytes in them: some large envelopes.
pub const SIBLING_HELD: usize = 256;
pub const SIBLING_HELD_BYTES: usize = 1 << 20;
/// The largest message that they give the broker: larger envelopes are cut.
pub const SIBLING_PIECE: usize = 32 << 10;
/// Bytes for siblings that the broker has not taken: what is more is lost, and said to be lost. A hundred rooms at
/// the rate that one may have send as much in a tenth of a second.
pub const SIBLING_UNSENT: usize = 8 << 20;
