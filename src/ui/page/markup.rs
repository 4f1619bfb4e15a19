//! HTML of which nothing that comes from outside can break out.

use std::fmt::Write as _;

use crate::base::words::escaped;

/// Text as text: nothing in it is markup, ends an attribute, or is invisible.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escaped(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A cell of a table: its text, and a class that colours it.
#[derive(Debug, Default, Clone)]
pub(super) struct Cell {
    pub text: String,
    pub class: &'static str,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            class: "",
        }
    }

    pub fn of(class: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            class,
        }
    }
}

/// A table under a heading; nothing if it has no rows. Wide ones are scrolled within themselves.
pub(super) fn table(out: &mut String, title: &str, heads: &[&str], rows: &[Vec<Cell>]) {
    if rows.is_empty() {
        return;
    }
    heading(out, title);
    let _ = write!(
        out,
        "<div class=wide tabindex=0 role=region aria-label=\"{}\"><table>",
        escape(title)
    );
    if !heads.is_empty() {
        out.push_str("<thead><tr>");
        for head in heads {
            let _ = write!(out, "<th scope=col>{}</th>", escape(head));
        }
        out.push_str("</tr></thead>");
    }
    out.push_str("<tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let text = escape(&cell.text).replace('\n', "<br>");
            if column == 0 {
                let _ = write!(out, "<th scope=row>{text}</th>");
            } else if cell.class.is_empty() {
                let _ = write!(out, "<td>{text}</td>");
            } else {
                let _ = write!(out, "<td class={}>{text}</td>", cell.class);
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

pub(super) fn heading(out: &mut String, title: &str) {
    let _ = write!(out, "<h2>{}</h2>", escape(title));
}

/// A picture with what it shows in words below it, for those who do not see it.
pub(super) fn figure(out: &mut String, title: &str, height: u32, drawing: &str, words: &[String]) {
    heading(out, title);
    let _ = write!(
        out,
        "<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=img aria-label=\"{}, in words below\">{drawing}</svg>\
         <figcaption><details><summary>In words</summary><ol>",
        escape(title)
    );
    for line in words {
        let _ = write!(out, "<li>{}</li>", escape(line));
    }
    out.push_str("</ol></details></figcaption></figure>");
}

/// How wide all pictures are, in their own units: those of a phone.
pub(super) const WIDTH: u32 = 360;

/// A text that is cut to so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}
