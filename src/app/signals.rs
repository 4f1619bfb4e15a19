//! Ends of a run that come from outside: Ctrl-C, SIGTERM, `--timeout`.

use std::time::Duration;

use tokio::sync::watch;

use crate::fact::Reason;

/// A receiver that learns when and why the run is to end.
pub fn listen(timeout: Duration) -> watch::Receiver<Option<Reason>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let reason = tokio::select! {
            () = interrupt() => Reason::Interrupted,
            () = tokio::time::sleep(timeout) => Reason::Timeout,
        };
        // Nobody listens any more when the run has ended by itself.
        let _ = sender.send(Some(reason));
        std::future::pending::<()>().await;
    });
    receiver
}

#[cfg(unix)]
async fn interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ctrl_c() => {}
        () = terminated => {}
    }
}

#[cfg(not(unix))]
async fn interrupt() {
    ctrl_c().await;
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
