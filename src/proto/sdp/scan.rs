//! Lines of a description, whatever their ends are, with their numbers.

/// Lines of one description that are looked at; a browser's has a few hundred, and one with hundreds of sections some
/// ten thousand.
pub const MAX_LINES: usize = 50_000;
/// Characters of a line that are kept.
const MAX_LINE: usize = 8192;

/// A line of the form `x=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1, in the text that was given.
    pub number: usize,
    /// What stands before the `=`.
    pub letter: char,
    /// What stands behind it, without blanks at the end.
    pub value: String,
    /// Blanks stood at the end.
    pub has_blank: bool,
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub number: usize,
    pub text: String,
    /// Blanks stand before something that is a line otherwise; it was read.
    pub is_indented: bool,
    /// The line before was wrapped and goes on here; it was read with it.
    pub is_joined: bool,
}

/// How often each end of a line occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineEnds {
    pub crlf: usize,
    pub lf: usize,
    pub cr: usize,
    /// Other rows of both characters, as editors and template engines make them: CR CR LF, LF CR.
    pub odd: usize,
    /// The last line has none.
    pub is_last_open: bool,
    /// The line of the first that is CR alone or odd.
    pub first_bad: Option<usize>,
}

/// What a text has in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    pub lines: Vec<Line>,
    pub strays: Vec<Stray>,
    pub ends: LineEnds,
    /// The text has more than [`MAX_LINES`]; those behind were not read.
    pub is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    CrLf,
    Lf,
    Cr,
    Odd,
    None,
}

/// Takes a text apart. `first` is the number of its first line.
pub fn scan(text: &str, first: usize) -> Scan {
    taken(text, first, None)
}

/// The same of a text that was copied by hand, and may have been wrapped on its way.
pub fn scan_copied(text: &str, first: usize) -> Scan {
    taken(text, first, wrapped_at(text))
}

/// How a text was wrapped.
#[derive(Debug, Clone, Copy)]
struct Wrapped {
    /// How long a line is at most that goes on in the next one.
    width: usize,
    /// As terminals do, in the middle of words.
    is_hard: bool,
}

fn wrapped_at(text: &str) -> Option<Wrapped> {
    /// What mail programs and terminals make of text.
    const WIDTHS: std::ops::RangeInclusive<usize> = 40..=132;
    /// Lines end so much before the width at most, all of them.
    const SPARE: usize = 8;
    let lines: Vec<&str> = text.lines().take(MAX_LINES).collect();
    let goes_on = lines.windows(2).filter(|two| {
        let [one, next] = [two[0].trim(), two[1].trim()];
        !one.is_empty() && !next.is_empty() && typed(next).is_none()
    });
    let lengths: Vec<usize> = goes_on.map(|two| two[0].trim_end().len()).collect();
    let width = *lengths.iter().max()?;
    // What is longer is wrapped too, where it has a blank.
    let is_longer =
        |line: &&str| line.trim_end().len() > width + SPARE && line.trim().contains(' ');
    if lengths.len() < 2 || lines.iter().any(is_longer) {
        return None;
    }
    let full = lengths.iter().filter(|length| **length == width).count();
    WIDTHS.contains(&width).then_some(Wrapped {
        width,
        is_hard: full > 1 && full * 2 > lengths.len(),
    })
}

fn taken(text: &str, first: usize, wrapped: Option<Wrapped>) -> Scan {
    let mut scan = Scan::default();
    // How long the line before is, if it may go on.
    let mut before = None;
    let mut rest = text;
    let mut number = first;
    while !rest.is_empty() {
        if number - first >= MAX_LINES {
            scan.is_cut = true;
            break;
        }
        let (line, end, behind) = next_line(rest);
        scan.take_end(end, number);
        let is_joined = wrapped
            .zip(before)
            .is_some_and(|(wrapped, before)| scan.join(line, number, wrapped, before));
        if !is_joined {
            scan.take(line, number);
        }
        let bare = line.trim();
        before = (is_joined || typed(bare).is_some()).then(|| line.trim_end());
        rest = behind;
        number += 1;
    }
    // What stands behind the last line is not part of the description.
    let last = scan.lines.last().map_or(0, |line| line.number);
    scan.strays
        .retain(|stray| stray.is_joined || stray.number <= last);
    scan
}

impl Scan {
    fn take(&mut self, line: &str, number: usize) {
        let value = cut(line.trim_end());
        let bare = value.trim_start();
        if let Some((letter, rest)) = typed(bare) {
            let is_indented = bare.len() < value.len();
            if is_indented {
                self.stray(value, number, true);
            }
            self.lines.push(Line {
                number,
                letter,
                value: rest.to_owned(),
                has_blank: value.len() < line.len(),
            });
        } else {
            self.stray(value, number, false);
        }
    }

    fn stray(&mut self, text: &str, number: usize, is_indented: bool) {
        let text = text.chars().take(80).collect();
        self.strays.push(Stray {
            number,
            text,
            is_indented,
            is_joined: false,
        });
    }

    /// Takes a line for the rest of the one before, where its first word had no room there.
    fn join(&mut self, line: &str, number: usize, wrapped: Wrapped, before: &str) -> bool {
        let Wrapped { width, is_hard } = wrapped;
        let length = before.len();
        let rest = line.trim();
        let word = rest.split_ascii_whitespace().next().unwrap_or_default();
        let had_room = length + 1 + word.len() <= width;
        let Some(last) = self.lines.last_mut() else {
            return false;
        };
        if rest.is_empty() || typed(rest).is_some() || had_room {
            return false;
        }
        // Where there was no blank to wrap at, a word was cut.
        let before = before.rsplit(' ').next().unwrap_or_default();
        let is_cut = length == width
            && !last.has_blank
            && !line.starts_with(' ')
            && (is_hard || before.len() * 2 > width);
        if !is_cut {
            last.value.push(' ');
        }
        if last.value.len() + rest.len() <= MAX_LINE {
            last.value.push_str(rest);
        }
        last.has_blank = rest.len() < line.trim_start().len();
        self.stray(rest, number, false);
        if let Some(stray) = self.strays.last_mut() {
            stray.is_joined = true;
        }
        true
    }

    fn take_end(&mut self, end: End, number: usize) {
        let ends = &mut self.ends;
        match end {
            End::CrLf => ends.crlf += 1,
            End::Lf => ends.lf += 1,
            End::Cr => ends.cr += 1,
            End::Odd => ends.odd += 1,
            End::None => ends.is_last_open = true,
        }
        if matches!(end, End::Cr | End::Odd) {
            ends.first_bad.get_or_insert(number);
        }
    }
}

/// The type of a line and its value (RFC 8866 5), if it is one.
pub fn typed(line: &str) -> Option<(char, &str)> {
    let mut chars = line.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    let value = chars.as_str().strip_prefix('=')?;
    Some((letter, value))
}

/// The first line of a text, how it ends, and what is behind it.
fn next_line(text: &str) -> (&str, End, &str) {
    let Some(at) = text.find(['\r', '\n']) else {
        return (text, End::None, "");
    };
    let (line, rest) = text.split_at(at);
    let (end, length) = match rest.as_bytes() {
        [b'\r', b'\n', ..] => (End::CrLf, 2),
        [b'\r', b'\r', b'\n', ..] => (End::Odd, 3),
        [b'\n', b'\r', b'\n', ..] => (End::Lf, 1),
        [b'\n', b'\r', ..] => (End::Odd, 2),
        [b'\n', ..] => (End::Lf, 1),
        _ => (End::Cr, 1),
    };
    (line, end, &rest[length..])
}

fn cut(line: &str) -> &str {
    if line.len() <= MAX_LINE {
        return line;
    }
    let mut end = MAX_LINE;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(usize, String)> {
        let scan = scan(text, 1);
        let lines = scan.lines.into_iter();
        lines
            .map(|line| (line.number, format!("{}={}", line.letter, line.value)))
            .collect()
    }

    #[test]
    fn every_end_of_a_line_is_one() {
        let wanted = vec![(1, "v=0".to_owned()), (2, "s=-".to_owned())];
        for end in ["\r\n", "\n", "\r", "\n\r", "\r\r\n"] {
            assert_eq!(values(&format!("v=0{end}s=-{end}")), wanted, "{end:?}");
            assert_eq!(values(&format!("v=0{end}s=-")), wanted, "{end:?}");
        }
        let ends = scan("v=0\r\ns=-\nt=0 0\rc=x\n\ra=b\r\r\na=c", 1).ends;
        assert_eq!((ends.crlf, ends.lf, ends.cr, ends.odd), (1, 1, 1, 2));
        assert!(ends.is_last_open);
        assert_eq!(ends.first_bad, Some(3));
    }

    #[test]
    fn what_is_no_line_is_kept_apart_with_its_number() {
        let scan = scan("v=0\n\nhello\n a=x\na=y\nbye\n", 10);
        let numbers: Vec<usize> = scan.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [10, 13, 14]);
        let strays: Vec<_> = scan
            .strays
            .iter()
            .map(|s| (s.number, s.is_indented))
            .collect();
        assert_eq!(strays, [(11, false), (12, false), (13, true)]);
    }

    #[test]
    fn endless_texts_are_cut() {
        let long = format!("a={}\n", "x".repeat(100_000));
        assert_eq!(scan(&long, 1).lines[0].value.len(), MAX_LINE - 2);
        let many = "a=x\n".repeat(MAX_LINES + 5);
        let scan = scan(&many, 1);
        assert!(scan.is_cut);
        assert_eq!(scan.lines.len(), MAX_LINES);
    }
}
