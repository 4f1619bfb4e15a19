//! A request at both ends of a trial.

use std::time::Duration;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::turn::run::exchange::Ends;
use crate::commands::turn::run::trial::ROUND_TRIPS;
use crate::proto::turn::client::{Client, RequestId};

/// What it takes beyond that where a server that was heard is silent later: each request is waited for before it is
/// known what that means.
const IF_SILENT: Duration = Duration::from_secs(10);

/// Makes the same request at both ends.
pub(super) async fn request(
    ends: &mut Ends,
    of_a: impl FnOnce(&mut Client, Duration) -> RequestId,
    of_b: impl FnOnce(&mut Client, Duration) -> Option<RequestId>,
) -> Result<(), ErrorReport> {
    let a = ends.a.begin(of_a);
    let b = ends.b.as_mut().and_then(|session| session.begin(of_b));
    let (a, b) = ends.settle(a, b).await;
    let settled = a.and(b.unwrap_or(Ok(())));
    if matches!(&settled, Err(error) if error.code == Code::Timeout) {
        let way = ends.a.round_trip() * ROUND_TRIPS;
        ends.slack.allow(way + IF_SILENT);
    }
    settled
}
