//! `rtcdiag gather` and `rtcdiag turn`, the program itself, with everything that can be wrong:
//! servers that break the protocol, files, URIs and passwords. A clear error each time, no panic,
//! and an end within the patience.

#[path = "cli_turn_bad_input/files.rs"]
mod files;
#[path = "common/program.rs"]
mod program;
#[path = "common/schema.rs"]
mod schema;
#[path = "cli_turn_bad_input/servers.rs"]
mod servers;
mod support;
#[path = "cli_turn_bad_input/uris.rs"]
mod uris;
