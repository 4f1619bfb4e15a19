//! Where things are in a value: lists, entries, and what stands under a name.

use crate::proto::ice::ice_servers::text::{Node, What, is_url};

/// Names of a list, without underscores and in lower case.
const LISTS: [&str; 4] = ["iceservers", "iceserverlist", "stunservers", "turnservers"];
/// Names of the URLs of an entry; the first that is there counts. Browsers know `urls`.
pub(super) const URLS: [&str; 4] = ["urls", "url", "uris", "uri"];
/// How deep a list may be hidden.
const DEEPEST: usize = 8;

/// What there is on each level, from the outside in, as deep as a list may be hidden.
pub(super) fn levels(value: &Node) -> impl Iterator<Item = Vec<&Node>> {
    fn below<'a>(level: &Vec<&'a Node>) -> Option<Vec<&'a Node>> {
        let below: Vec<&Node> = level.iter().copied().flat_map(children).collect();
        (!below.is_empty()).then_some(below)
    }
    std::iter::successors(Some(vec![value]), below).take(DEEPEST)
}

/// The lists at the least depth, each with its name and depth.
pub(super) fn lists_in(value: &Node) -> Vec<(&str, usize, &Node)> {
    let mut found = levels(value).zip(0..).map(|(level, depth)| {
        let objects = level.into_iter().filter_map(|node| match &node.what {
            What::Object(properties) => Some(properties),
            _ => None,
        });
        let lists = objects.flatten();
        let lists = lists.filter(|(name, _)| LISTS.contains(&&*plain(name)));
        let lists: Vec<_> = lists
            .map(|(name, list)| (name.as_str(), depth, list))
            .collect();
        lists
    });
    found.find(|lists| !lists.is_empty()).unwrap_or_default()
}

/// The entries with URLs at the least depth, whatever they stand under.
pub(super) fn entries_in(value: &Node) -> Vec<&Node> {
    let mut found = levels(value).map(|mut level| {
        level.retain(|node| urls(node).is_some_and(has_url));
        level
    });
    found.find(|level| !level.is_empty()).unwrap_or_default()
}

fn has_url(node: &Node) -> bool {
    match &node.what {
        What::Text(text) => is_url(text),
        What::List(nodes) => nodes.iter().any(has_url),
        _ => false,
    }
}

fn children(node: &Node) -> Vec<&Node> {
    match &node.what {
        What::List(nodes) => nodes.iter().collect(),
        What::Object(properties) => properties.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn urls(entry: &Node) -> Option<&Node> {
    get(entry, &URLS)
}

/// The value under the first of these names that is there; of a name that stands twice, the last, as in
/// JavaScript.
pub(super) fn get<'a>(object: &'a Node, names: &[&str]) -> Option<&'a Node> {
    let What::Object(properties) = &object.what else {
        return None;
    };
    names.iter().find_map(|wanted| {
        let mut from_last = properties.iter().rev();
        from_last
            .find(|(name, _)| plain(name) == *wanted)
            .map(|(_, value)| value)
    })
}

/// A name without what differs from one provider to the other.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}
