//! The manual: topics in depth, in the Markdown files of `src/manual`.

use crate::commands::explain::markdown::{Block, blocks};

/// Names and texts, in the order of the list.
pub const TOPICS: [(&str, &str); 24] = [
    (
        "troubleshooting",
        include_str!("../../manual/troubleshooting.md"),
    ),
    ("nat", include_str!("../../manual/nat.md")),
    ("filtering", include_str!("../../manual/filtering.md")),
    ("lifetime", include_str!("../../manual/lifetime.md")),
    ("router", include_str!("../../manual/router.md")),
    ("nat64", include_str!("../../manual/nat64.md")),
    ("collisions", include_str!("../../manual/collisions.md")),
    ("tcp", include_str!("../../manual/tcp.md")),
    ("interfaces", include_str!("../../manual/interfaces.md")),
    ("rounds", include_str!("../../manual/rounds.md")),
    ("gather", include_str!("../../manual/gather.md")),
    ("servers", include_str!("../../manual/servers.md")),
    ("pair", include_str!("../../manual/pair.md")),
    ("mesh", include_str!("../../manual/mesh.md")),
    ("browser", include_str!("../../manual/browser.md")),
    ("inspect", include_str!("../../manual/inspect.md")),
    ("turn", include_str!("../../manual/turn.md")),
    ("sdp", include_str!("../../manual/sdp.md")),
    ("serve", include_str!("../../manual/serve.md")),
    ("redact", include_str!("../../manual/redact.md")),
    ("json", include_str!("../../manual/json.md")),
    ("exit-codes", include_str!("../../manual/exit-codes.md")),
    (
        "configuration",
        include_str!("../../manual/configuration.md"),
    ),
    ("limits", include_str!("../../manual/limits.md")),
];

/// The text of a topic.
pub fn topic(name: &str) -> Option<(&'static str, &'static str)> {
    TOPICS.into_iter().find(|(topic, _)| *topic == name)
}

/// The title of a text, and the sentence that describes it: its first two blocks.
pub fn about(text: &str) -> (String, String) {
    let mut blocks = blocks(text).into_iter();
    let mut next = || match blocks.next() {
        Some(Block::Title(text) | Block::Paragraph(text)) => text,
        _ => String::new(),
    };
    (next(), next())
}
