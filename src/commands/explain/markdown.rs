//! The small part of Markdown that the manual is written in: a title, headings, paragraphs, bullets
//! (some with a term in front), and code. Nothing is nested.

/// A part of a text. Paragraphs and items are one line each; `code` in them has its backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Title(String),
    Heading(String),
    Paragraph(String),
    Item(String),
    /// `- **term**: text`
    Definition(String, String),
    /// Lines as they are.
    Code(Vec<String>),
}

/// The parts of a text.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines();
    // Whether the next line goes on with the last block.
    let mut is_open = false;
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            is_open = false;
        } else if line.starts_with("```") {
            let code = lines.by_ref().take_while(|line| !line.starts_with("```"));
            blocks.push(Block::Code(code.map(str::to_owned).collect()));
            is_open = false;
        } else if let Some(title) = line.strip_prefix("# ") {
            blocks.push(Block::Title(title.to_owned()));
        } else if let Some(heading) = line.strip_prefix("## ") {
            blocks.push(Block::Heading(heading.to_owned()));
        } else if let Some(item) = line.strip_prefix("- ") {
            blocks.push(match item.strip_prefix("**").and_then(term) {
                Some((term, text)) => Block::Definition(term.to_owned(), text.to_owned()),
                None => Block::Item(item.to_owned()),
            });
            is_open = true;
        } else {
            match blocks.last_mut().filter(|_| is_open) {
                Some(Block::Paragraph(text) | Block::Item(text) | Block::Definition(_, text)) => {
                    if !text.is_empty() {
                        text.push(' ');
                    }
                    text.push_str(line.trim());
                }
                _ => blocks.push(Block::Paragraph(line.trim().to_owned())),
            }
            is_open = true;
        }
    }
    blocks
}

fn term(rest: &str) -> Option<(&str, &str)> {
    let (term, text) = rest.split_once("**:")?;
    Some((term, text.trim_start()))
}

/// The pieces of a text, and whether each is `code`.
pub fn spans(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('`')
        .enumerate()
        .map(|(index, piece)| (piece, index % 2 == 1))
        .filter(|(piece, _)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let text = "# T\n\nOne\ntwo.\n\n## H\n\n- **a b**: is\n  so\n- plain\n\n```sh\n  x\n\ny\n```\nEnd `a b`.\n";
        let paragraph = |text: &str| Block::Paragraph(text.to_owned());
        let expected = [
            Block::Title("T".to_owned()),
            paragraph("One two."),
            Block::Heading("H".to_owned()),
            Block::Definition("a b".to_owned(), "is so".to_owned()),
            Block::Item("plain".to_owned()),
            Block::Code(vec!["  x".to_owned(), String::new(), "y".to_owned()]),
            paragraph("End `a b`."),
        ];
        assert_eq!(blocks(text), expected);
        let spans: Vec<_> = spans("End `a b`.").collect();
        assert_eq!(spans, [("End ", false), ("a b", true), (".", false)]);
    }
}
