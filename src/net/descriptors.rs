//! File descriptors: how many the system lets this program have, and whether they ran out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Socket, Type};

/// What the runtime needs for itself before it has a socket to report an error with.
const DESCRIPTORS: usize = 8;

/// Whether something could not be opened since there were none left. It holds for the whole process, as
/// the limit does: what fails then may fail far from where it is said.
static RAN_OUT: AtomicBool = AtomicBool::new(false);

/// Lets this program open as many files as the system allows without asking; gives that number, if it can be known.
pub fn raise_limit() -> Option<u64> {
    rlimit::increase_nofile_limit(u64::MAX).ok()
}

/// How many this program may have open, if it can be known.
pub fn limit() -> Option<u64> {
    rlimit::getrlimit(rlimit::Resource::NOFILE)
        .ok()
        .map(|(soft, _)| soft)
}

/// Sees that the system lets this program open a few sockets at all.
pub fn are_there_some() -> io::Result<()> {
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let probes: io::Result<Vec<Socket>> = (0..DESCRIPTORS)
        .map(|_| Socket::new(Domain::for_address(any), Type::DGRAM, None))
        .collect();
    match probes {
        Err(error) if is_shortage(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the system says that there are none left: for this process (EMFILE), or for all (ENFILE).
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// The same result; a shortage in it is remembered.
pub fn noted<T>(result: io::Result<T>) -> io::Result<T> {
    if result.as_ref().is_err_and(is_shortage) {
        RAN_OUT.store(true, Ordering::Relaxed);
    }
    result
}

/// Whether there was a shortage at any time.
pub fn ran_out() -> bool {
    RAN_OUT.load(Ordering::Relaxed)
}
