//! Ends of a run that come from outside: Ctrl-C, SIGTERM, SIGHUP, `--timeout`.

use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;

/// A receiver that learns when and why the run is to end; without `timeout`, only a signal ends it. From here on signals no longer
/// kill the program. `hangup_ends` is false for a service, which SIGHUP tells to read its files again ([`hangups`]).
pub fn listen(
    timeout: Option<Duration>,
    hangup_ends: bool,
) -> io::Result<watch::Receiver<Option<Reason>>> {
    let (sender, receiver) = watch::channel(None);
    let interrupt = interrupt(hangup_ends)?;
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
#[cfg(unix)]
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        terminated.recv().await;
    })
}

/// There is none on Windows.
#[cfg(windows)]
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}

/// One message for each SIGHUP.
#[cfg(unix)]
pub fn hangups() -> io::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hung_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() && sender.send(()).await.is_ok() {}
    });
    Ok(receiver)
}

/// There is none on Windows.
#[cfg(windows)]
pub fn hangups() -> io::Result<mpsc::Receiver<()>> {
    Ok(mpsc::channel(1).1)
}

#[cfg(unix)]
fn interrupt(hangup_ends: bool) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv(), if hangup_ends => {}
        }
    })
}

#[cfg(windows)]
fn interrupt(_: bool) -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}
