//! The command line of `rtcdiag pair`: flags, codes, URLs, files, variables, what stands at the
//! rendezvous' port, and lines that people carry. Loopback only, no root.

mod manual;
mod options;
mod program;
mod rendezvous;
mod streams;
