//! What is explained.

use serde::Serialize;

use crate::base::codes::catalogue::{self, Entry};
use crate::commands::explain::manual;

/// Codes and topics. A name may be both.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainResult {
    pub codes: Vec<Entry>,
    pub topics: Vec<Topic>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Topic {
    pub topic: &'static str,
    pub title: String,
    /// One sentence.
    pub description: String,
    /// Markdown.
    pub text: &'static str,
}

impl Topic {
    fn new((topic, text): (&'static str, &'static str)) -> Self {
        let (title, description) = manual::about(text);
        Self {
            topic,
            title,
            description,
            text,
        }
    }
}

impl ExplainResult {
    /// All that can be explained.
    pub fn all() -> Self {
        Self {
            codes: catalogue::entries().to_vec(),
            topics: manual::TOPICS.into_iter().map(Topic::new).collect(),
        }
    }

    /// What has this name; `None` if nothing has.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let named = |entry: &&Entry| entry.code.name() == name;
        let codes: Vec<Entry> = catalogue::entries().iter().filter(named).cloned().collect();
        let topics: Vec<Topic> = manual::topic(&name).map(Topic::new).into_iter().collect();
        (!codes.is_empty() || !topics.is_empty()).then_some(Self { codes, topics })
    }
}
