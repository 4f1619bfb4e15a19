//! What a service manager is told (`sd_notify` of systemd). Without one, nothing happens.

use tokio::sync::mpsc;

#[derive(Debug, Clone, Copy)]
pub enum State {
    /// Everything listens, or the files have been read again.
    Ready,
    Reloading,
    Stopping,
}

#[cfg(unix)]
pub fn tell(state: State) {
    use sd_notify::NotifyState;
    let states = match state {
        State::Ready => vec![NotifyState::Ready],
        State::Reloading => [
            Some(NotifyState::Reloading),
            NotifyState::monotonic_usec_now().ok(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        State::Stopping => vec![NotifyState::Stopping],
    };
    // A manager that does not listen is not worth ending for.
    let _ = sd_notify::notify(&states);
}

#[cfg(windows)]
pub fn tell(_: State) {}

/// Passes on each SIGHUP, and says so to the manager; where there are no files to be read again, that is done at once.
pub fn reload_on(mut hangups: mpsc::Receiver<()>, has_files: bool) -> mpsc::Receiver<()> {
    let (renew, renewals) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tell(State::Reloading);
            if !has_files {
                tell(State::Ready);
            } else if renew.send(()).await.is_err() {
                // The server is being stopped.
                return;
            }
        }
    });
    renewals
}
