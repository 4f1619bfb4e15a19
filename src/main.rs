//! The `rtcdiag` program: read the command line, run the command, print, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    rtcdiag::commands::run(&args)
}
