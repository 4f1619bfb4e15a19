//! Ends of a run that come from outside: Ctrl-C, SIGTERM, SIGQUIT, SIGHUP, `--timeout`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::base::fact::Reason;

/// Time beyond the limit that a command has by itself: a long way to the servers needs it. Where the user
/// has set a limit, it holds.
#[derive(Debug, Clone, Default)]
pub struct Slack(Option<Arc<AtomicU64>>);

impl Slack {
    pub fn new(is_limit_set: bool) -> Self {
        Self((!is_limit_set).then(Arc::default))
    }

    /// Allows so much in all; less than before changes nothing.
    pub fn allow(&self, more: Duration) {
        let millis = u64::try_from(more.as_millis()).unwrap_or(u64::MAX);
        if let Some(allowed) = &self.0 {
            allowed.fetch_max(millis, Ordering::Relaxed);
        }
    }

    fn allowed(&self) -> Duration {
        let millis = self.0.as_ref().map_or(0, |a| a.load(Ordering::Relaxed));
        Duration::from_millis(millis)
    }
}

/// A receiver that learns when and why the run is to end; without `timeout`, only a signal ends it. From here on signals no longer
/// kill the program. `hangup_ends` is false for a service, which SIGHUP tells to read its files again ([`hangups`]).
pub fn listen(
    timeout: Option<Duration>,
    slack: Slack,
    hangup_ends: bool,
) -> io::Result<watch::Receiver<Option<Reason>>> {
    let (sender, receiver) = watch::channel(None);
    let interrupt = interrupt(hangup_ends)?;
    tokio::spawn(async move {
        let reason = tokio::select! {
            () = interrupt => Reason::Interrupted,
            () = after(timeout, &slack) => Reason::Timeout,
        };
        // Nobody listens any more when the run has ended by itself.
        let _ = sender.send(Some(reason));
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

async fn after(timeout: Option<Duration>, slack: &Slack) {
    let Some(timeout) = timeout else {
        return std::future::pending().await;
    };
    let began = Instant::now();
    loop {
        let until = began + timeout + slack.allowed();
        tokio::time::sleep_until(until).await;
        if until >= began + timeout + slack.allowed() {
            return;
        }
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
    // Ctrl-\ of a keyboard: what was taken of servers is given back as with Ctrl-C.
    let mut quit = signal(SignalKind::quit())?;
    // Of those who limit a program's time.
    let mut alarm = signal(SignalKind::alarm())?;
    let mut one = signal(SignalKind::user_defined1())?;
    let mut two = signal(SignalKind::user_defined2())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = quit.recv() => {}
            _ = alarm.recv() => {}
            _ = one.recv() => {}
            _ = two.recv() => {}
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
