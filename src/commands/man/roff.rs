//! Topics of the manual as man pages of section 7.

use crate::commands::explain::manual::about;
use crate::commands::explain::markdown::{Block, blocks, spans};
use crate::ui::layout::line;

/// Changed by hand when the pages say something new, so that they are the same on every day.
pub const DATE: &str = "2026-11-29";

/// The page of a topic.
pub fn page(name: &str, text: &str) -> String {
    let (title, description) = about(text);
    let mut page = format!(
        ".TH RTCDIAG\\-{} 7 {DATE} \"rtcdiag {}\" \"rtcdiag manual\"\n.SH NAME\nrtcdiag\\-{} \\- {}\n.SH DESCRIPTION\n{}\n",
        escaped(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        escaped(name),
        escaped(&lower(&title)),
        inline(&description),
    );
    let mut is_new_section = false;
    for block in blocks(text).into_iter().skip(2) {
        match block {
            Block::Title(title) | Block::Heading(title) => {
                line(
                    &mut page,
                    &format!(".SH {}", argument(&title.to_uppercase())),
                );
                is_new_section = true;
                continue;
            }
            Block::Paragraph(words) => {
                if !is_new_section {
                    page.push_str(".PP\n");
                }
                line(&mut page, &inline(&words));
            }
            Block::Item(words) => {
                line(&mut page, &format!(".IP \\(bu 2\n{}", inline(&words)));
            }
            Block::Definition(term, words) => {
                line(
                    &mut page,
                    &format!(".TP\n\\fB{}\\fR\n{}", escaped(&term), inline(&words)),
                );
            }
            Block::Code(lines) => {
                page.push_str(if is_new_section {
                    ".RS 4\n.nf\n"
                } else {
                    ".PP\n.RS 4\n.nf\n"
                });
                for code in lines {
                    page.push_str(&guarded(&escaped(&code)));
                    page.push('\n');
                }
                page.push_str(".fi\n.RE\n");
            }
        }
        is_new_section = false;
    }
    page.push_str(".SH SEE ALSO\n\\fBrtcdiag\\fR(1), \\fBrtcdiag\\-explain\\fR(1)\n");
    page
}

/// A title in the middle of a line, unless it begins with an abbreviation.
fn lower(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(chars).collect()
        }
        _ => title.to_owned(),
    }
}

/// Words on one line; code in bold.
fn inline(words: &str) -> String {
    let text: String = spans(words)
        .map(|(piece, is_code)| {
            if is_code {
                format!("\\fB{}\\fR", escaped(piece))
            } else {
                escaped(piece)
            }
        })
        .collect();
    guarded(&text)
}

fn argument(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\(dq"))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// A dot or an apostrophe at the beginning of a line would be a request.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line.to_owned()
    }
}
