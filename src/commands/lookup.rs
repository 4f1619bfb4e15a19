//! From a server's URI to its addresses, with the reason where there is none.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::misdirected;
use crate::net::resolve::{self, resolve};
use crate::proto::stun::uri::ServerUri;

/// The addresses of a server, without those that lead nowhere.
///
/// # Errors
///
/// `dns` if the name does not exist or the name servers are silent, `wrong-family` if it has no
/// address of a wanted family, `name-misdirected` if all of them lead nowhere.
pub async fn addresses(
    uri: &ServerUri,
    wanted: &[Family],
    patience: Duration,
) -> Result<Vec<SocketAddr>, ErrorReport> {
    match tokio::time::timeout(patience, resolve(uri, wanted)).await {
        Ok(Ok(addresses)) => misdirected::without(&uri.host, addresses),
        Ok(Err(error)) => Err(error_report(uri, &error)),
        Err(_) => Err(resolve::silence(&uri.host)),
    }
}

pub fn error_report(uri: &ServerUri, error: &std::io::Error) -> ErrorReport {
    resolve::error_report(&uri.host, error)
}
