//! Ends of a run that come from outside: Ctrl-C, SIGTERM, SIGHUP, `--timeout`.

use std::io;
use std::time::Duration;

use tokio::sync::watch;

use crate::fact::Reason;

/// A receiver that learns when and why the run is to end; without `timeout`, only a signal ends it. From here on signals no longer kill the
/// program.
///
/// # Errors
///
/// If the system does not let signals be caught.
pub fn listen(timeout: Option<Duration>) -> io::Result<watch::Receiver<Option<Reason>>> {
    let (sender, receiver) = watch::channel(None);
    let interrupt = interrupt()?;
    tokio::spawn(async move {
        let reason = tokio::select! {
            () = interrupt => Reason::Interrupted,
            () = after(timeout) => Reason::Timeout,
        };
        // Nobody listens any more when the run has ended by itself.
        let _ = sender.send(Some(reason));
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

async fn after(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// SIGTERM alone, which is the ordinary end of a service and no interruption. Where both are waited
/// for, this is done before [`listen`] has an answer.
///
/// # Errors
///
/// As [`listen`].
#[cfg(unix)]
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        terminated.recv().await;
    })
}

/// There is none on Windows.
///
/// # Errors
///
/// None.
#[cfg(windows)]
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}

#[cfg(unix)]
fn interrupt() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
    })
}

#[cfg(windows)]
fn interrupt() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}
