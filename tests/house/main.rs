//! What holds for the whole program: what is generated, the schema, decoders, `--redact`, secrets.

mod architecture;
mod codes;
mod decoders;
mod generated;
mod redact;
mod schema;
mod secrets;
mod supply_chain;
#[path = "../support/mod.rs"]
mod support;
