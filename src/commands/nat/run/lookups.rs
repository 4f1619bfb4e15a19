//! The names of the servers, each resolved once for all paths.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::report::ErrorReport;
use crate::commands::lookup;
use crate::commands::nat::nat64::run::Translation;
use crate::commands::nat::run::{Event, Options};
use crate::net::resolve::resolve;

/// The addresses of a server, or why it has none.
pub type Resolved = Result<Vec<SocketAddr>, ErrorReport>;

/// Names that are being resolved. When the last copy is dropped, that ends.
#[derive(Clone)]
pub struct Lookups {
    answers: Vec<watch::Receiver<Option<Resolved>>>,
    _tasks: Arc<JoinSet<()>>,
}

impl Lookups {
    pub fn start(options: &Options, events: &mpsc::UnboundedSender<Event>) -> Self {
        let mut tasks = JoinSet::new();
        let families = Translation::new(options).families();
        let answers = options
            .servers
            .iter()
            .cloned()
            .map(|uri| {
                let (answer, waiting) = watch::channel(None);
                let (families, events) = (families.clone(), events.clone());
                tasks.spawn(async move {
                    let found = resolve(&uri, &families)
                        .await
                        .map_err(|e| lookup::error_report(&uri, &e));
                    // Nobody may be listening; the result has it all the same.
                    let _ = events.send(Event::Resolved {
                        uri: uri.to_string(),
                        addresses: found.clone().unwrap_or_default(),
                    });
                    let _ = answer.send(Some(found));
                });
                waiting
            })
            .collect();
        Self {
            answers,
            _tasks: Arc::new(tasks),
        }
    }

    /// Waits for every server; each comes with its place in the list.
    pub fn wait_for_each(&self) -> JoinSet<(usize, Resolved)> {
        let mut waiting = JoinSet::new();
        for (index, answer) in self.answers.iter().cloned().enumerate() {
            waiting.spawn(async move { (index, wait(answer).await) });
        }
        waiting
    }

    /// What is known of a server by now.
    pub fn known(&self, index: usize) -> Option<Resolved> {
        self.answers[index].borrow().clone()
    }
}

async fn wait(mut answer: watch::Receiver<Option<Resolved>>) -> Resolved {
    match answer.wait_for(Option::is_some).await.map(|a| (*a).clone()) {
        Ok(Some(found)) => found,
        // The lookups have ended, and with them whoever asked.
        _ => std::future::pending().await,
    }
}
