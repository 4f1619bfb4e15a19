//! `rtcdiag gather` and `rtcdiag turn`, the program itself, with everything that can be wrong:
//! servers that break the protocol, files, URIs and passwords. A clear error each time, no panic,
//! and an end within the patience.

mod files;
mod servers;
mod uris;
