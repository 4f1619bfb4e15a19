//! The core in virtual time and simulated networks: NAT behaviour, what the router says, TURN, connectivity checks, signalling.

mod call_steps;
mod capture;
mod collision_rules;
mod data_channel;
mod evidence;
mod mqtt;
mod nat_classify;
mod nat_collision;
mod nat_lifetime;
mod nat_matrix;
mod nat_rounds;
mod nat_rules;
mod pair_checks;
mod pair_largest;
mod pair_prediction;
mod port_control;
mod prediction_cells;
mod random_inputs;
mod sdp;
mod signal_lobbies;
mod signal_rooms;
mod signal_session;
mod signal_siblings;
mod stun_server;
#[path = "../support/mod.rs"]
mod support;
mod tcp_mapping;
mod turn_client;
mod turn_peers;
mod turn_server;
