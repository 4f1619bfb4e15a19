//! Takes a saved web page apart. Nothing is nested and nothing kept, so that no page is too deep.

/// A piece of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The name of a translated text, the same in all languages, and the values in it, as JSON.
    Label(&'a str, Option<String>),
    /// `id` of an element.
    Id(String),
    RowBegins,
    RowEnds,
    Cell,
    Text(String),
}

pub(super) fn scan(text: &str, take: &mut impl FnMut(Piece<'_>)) {
    let mut rest = text;
    while let Some(at) = tag_in(rest) {
        plain(&rest[..at], take);
        let after = &rest[at + 1..];
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let Some(end) = after.find('>') else {
            return;
        };
        let tag = &after[..end];
        rest = &after[end + 1..];
        let name = tag
            .split(|c: char| c.is_whitespace() || c == '/')
            .find(|part| !part.is_empty());
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let closes = tag.starts_with('/');
        if !closes && (name == "script" || name == "style") {
            let close = format!("</{name}");
            rest = rest.find(&close).map_or("", |end| &rest[end..]);
            continue;
        }
        if let Some(id) = attribute(tag, "id").filter(|_| !closes) {
            take(Piece::Id(unescaped(id)));
        }
        match (name.as_str(), closes) {
            ("tr", false) => take(Piece::RowBegins),
            ("tr", true) => take(Piece::RowEnds),
            ("td", false) => take(Piece::Cell),
            _ => {}
        }
        if let Some(label) = attribute(tag, "data-l10n-id") {
            take(Piece::Label(
                label,
                attribute(tag, "data-l10n-args").map(unescaped),
            ));
        }
    }
    plain(rest, take);
}

/// Where the next tag begins. Pages that have lost the upper bytes of their characters are full of `<` that are none.
fn tag_in(text: &str) -> Option<usize> {
    let is_tag = |after: &str| {
        let name = after.strip_prefix('/').unwrap_or(after);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let ends = name[end.unwrap_or(name.len())..].chars().next();
        let is_end = |c: char| c.is_whitespace() || c == '/' || c == '>';
        after.starts_with('!')
            || (name.starts_with(|c: char| c.is_ascii_alphabetic()) && ends.is_some_and(is_end))
    };
    let mut all = text.match_indices('<').map(|(at, _)| at);
    all.find(|at| is_tag(&text[at + 1..]))
}

/// The value of an attribute that stands in the tag by this name, not at the end of another one.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(at) = tag.get(from..)?.find(name) {
        let (before, after) = (from + at, from + at + name.len());
        from = after;
        if !tag[..before].ends_with(char::is_whitespace) {
            continue;
        }
        let Some(value) = tag[after..].trim_start().strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
        return value[1..].split(quote).next();
    }
    None
}

fn plain(text: &str, take: &mut impl FnMut(Piece<'_>)) {
    if !text.trim().is_empty() {
        take(Piece::Text(unescaped(text)));
    }
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_not_the_end_of_another_one() {
        let tag = r#"h3 data-l10n-id="a" class='x' id="b &quot;c""#;
        assert_eq!(attribute(tag, "id"), Some("b &quot;c"));
        assert_eq!(attribute(tag, "data-l10n-id"), Some("a"));
        assert_eq!(attribute("p", "id"), None);
        assert_eq!(tag_in("2@5<O) inbound-rtp</span>"), Some(18));
        let mut found = Vec::new();
        scan("<tr><td id=\"&amp;\">1 &lt; 2<td></tr>", &mut |piece| {
            found.push(format!("{piece:?}"));
        });
        assert_eq!(
            found,
            [
                "RowBegins",
                "Id(\"&\")",
                "Cell",
                "Text(\"1 < 2\")",
                "Cell",
                "RowEnds"
            ]
        );
    }
}
