//! Takes out of a text what differs between two runs of the same program, and nothing else.
//!
//! | what | becomes |
//! |---|---|
//! | numbers of the JSON keys in [`TIMES`], numbers before `ms` and `Mbit/s` in texts, and those with a point before `s` | `0.0` |
//! | ports behind an IP address or the word `port`, or in a JSON key that ends in `port`, if they are above 1023 | 10001, 10002, ... in the order in which they are met: the same port stays the same |
//! | of `nat`, whose sockets are drawn: all ports but those on the command line | 10000 |
//! | the letters of these sockets | `x` |
//! | numbers of the JSON keys in [`COUNTS`] that are not 0 | `1` |
//! | the `role` in a session, which is drawn, and the priority of pairs, which follows from it | `controlling`, `0` |
//! | the code of a session | `0000-0000-0000-0000-0` |
//! | timestamps of RFC 3339 | `2026-11-22T10:00:00.000Z` |
//! | versions in JSON, and behind `rtcdiag/` | `0.0.0` |
//!
//! What may come in any order is sorted: events of `--jsonl`, and the lists in [`UNORDERED`]. Of the list [`COURSE`],
//! which has as many items as there was time for, the first one is left.
//! In texts for people, how long a time is also decides where lines end and how wide columns are.
//! There, parts named in [`LEFT_OUT`] are missing, and the parts between empty lines that have times in them are broken into lines anew, word by
//! word. How they are laid out is held by the made-up results, where nothing is replaced.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// JSON keys of numbers that are measured, besides those that end in `_ms`.
const TIMES: [&str; 6] = ["min", "median", "p95", "max", "waited_s", "kbit_per_s"];
/// JSON keys of numbers that are larger when a packet comes late and is sent again, or smaller when
/// one is not sent in time.
const COUNTS: [&str; 13] = [
    "bytes_sent",
    "bytes_received",
    "requests",
    "responses",
    "transmissions",
    "requests_sent",
    "responses_received",
    "requests_received",
    "responses_sent",
    "requests_arrived",
    "sent",
    "received",
    "arrived",
];
/// Titles of parts of texts with such numbers in them, or with events in their order: left out.
const LEFT_OUT: [&str; 4] = ["Pairs", "Path quality", "Steps of the call", "Timeline"];
/// JSON keys of lists whose order is that of events, or is drawn.
const UNORDERED: [&str; 3] = ["observations", "timeline", "pairs"];
const COURSE: &str = "course";
/// Drawn by the two sides of a session.
const ROLES: [&str; 2] = ["controlling", "controlled"];
const CODE: &str = "0000-0000-0000-0000-0";
const VERSIONS: [&str; 2] = ["rtcdiag_version", "peer_version"];
/// What is left of a measured time in a text.
const TIME: &str = "0.0";
/// As long as a real one.
const FIRST_PORT: usize = 10_001;

/// What has been met so far.
#[derive(Default, Clone)]
pub struct Steady {
    ports: HashMap<u16, usize>,
    /// Whether sockets are drawn, so that others than those that have been met are all the same.
    is_drawn: bool,
}

impl Steady {
    /// For a run of `nat` with these arguments.
    pub fn of_nat(args: &[String]) -> Self {
        let mut steady = Self::default();
        steady.json(&args.join(" "));
        steady.is_drawn = true;
        steady
    }

    /// JSON, indented or in lines.
    pub fn json(&mut self, text: &str) -> String {
        let lists = UNORDERED.iter().fold(text.to_owned(), |text, key| {
            change(&text, key, &|items| {
                items.sort_by_cached_key(|item| self.alone(item));
            })
        });
        self.words(&change(&lists, COURSE, &|items| items.truncate(1)))
    }

    /// JSON lines: all but the last, which is the document, are sorted.
    pub fn json_lines(&mut self, text: &str) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        let last = lines.pop().unwrap_or_default();
        lines.sort_by_cached_key(|line| self.alone(line));
        lines.push(last);
        self.json(&(lines.join("\n") + "\n"))
    }

    /// A text by itself, so that what was met elsewhere does not matter.
    fn alone(&self, text: &str) -> String {
        self.clone().words(text)
    }

    fn words(&mut self, text: &str) -> String {
        let mut out = String::new();
        let (mut before, mut between) = ("", "");
        let mut rest = text;
        while !rest.is_empty() {
            let (word, behind) = split(rest, is_of_word);
            let (gap, tail) = split(behind, |c| !(c.is_ascii_alphanumeric() || c == '['));
            out += &self.word(word, (before, between), behind);
            out += gap;
            (before, between, rest) = (word, gap, tail);
        }
        out
    }

    /// Text for people.
    pub fn text(&mut self, text: &str) -> String {
        let text = self.json(text);
        let is_steady = |part: &&str| !LEFT_OUT.iter().any(|title| part.starts_with(title));
        let parts = text.split("\n\n").filter(is_steady).map(|part| {
            if part.split_whitespace().all(|word| word != TIME) {
                return part.to_owned();
            }
            let words = part.split_whitespace();
            let lines = words.fold(vec![String::new()], |mut lines, word| {
                if lines[lines.len() - 1].len() + word.len() > 98 {
                    lines.push(String::new());
                }
                if let Some(line) = lines.last_mut() {
                    *line += if line.is_empty() { "" } else { " " };
                    *line += word;
                }
                lines
            });
            lines.join("\n")
        });
        parts.collect::<Vec<_>>().join("\n\n")
    }

    /// A word as it is shown, with the word before it and what lies between them, and the rest.
    fn word(&mut self, word: &str, (before, between): (&str, &str), behind: &str) -> String {
        let is_value = matches!(between, "\":" | "\": ");
        let is_number = word.parse::<f64>().is_ok();
        let is_measured = is_value && (before.ends_with("_ms") || TIMES.contains(&before));
        let unit = behind.trim_start();
        let in_seconds = word.contains('.')
            && unit
                .strip_prefix('s')
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let is_of_time = unit.starts_with("ms") || unit.starts_with("Mbit/s") || in_seconds;
        if is_number && (is_measured || is_of_time) {
            return TIME.into();
        }
        if is_value && COUNTS.contains(&before) && word != "0" {
            return "1".into();
        }
        let is_version = VERSIONS.contains(&before) || (before, between) == ("rtcdiag", "/");
        if before == "role" && ROLES.contains(&word) {
            return ROLES[0].into();
        }
        if is_value && before == "priority" && word.parse::<u32>().is_err() {
            return "0".into();
        }
        let dashes = [4, 9, 14, 19].map(|at| word.as_bytes().get(at) == Some(&b'-'));
        if word.len() == CODE.len() && dashes == [true; 4] {
            return CODE.into();
        }
        if is_version && word == env!("CARGO_PKG_VERSION") {
            return "0.0.0".into();
        }
        if word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T' {
            return "2026-11-22T10:00:00.000Z".into();
        }
        if self.is_drawn && before == "socket" {
            return "x".into();
        }
        let is_of_key = is_value && before.ends_with("port");
        let is_behind = between == " "
            && (["port", "rport"].contains(&before) || before.parse::<IpAddr>().is_ok());
        let plain = word.trim_end_matches([':', '.']);
        if let (true, Ok(port)) = (is_of_key || is_behind, plain.parse()) {
            return self.port(port) + &word[plain.len()..];
        }
        let addresses = [
            plain,
            plain.split_once(':').map_or("", |(_scheme, rest)| rest),
        ];
        let mut addresses = addresses.iter().filter_map(|a| a.parse().ok());
        if let Some(address) = addresses.next() {
            let address: SocketAddr = address;
            let written = address.port().to_string();
            let head = &plain[..plain.len() - written.len()];
            return head.to_owned() + &self.port(address.port()) + &word[plain.len()..];
        }
        word.to_owned()
    }

    fn port(&mut self, port: u16) -> String {
        if port < 1024 {
            return port.to_string();
        }
        let next = FIRST_PORT + self.ports.len();
        match self.ports.get(&port) {
            None if self.is_drawn => (FIRST_PORT - 1).to_string(),
            None => self.ports.entry(port).or_insert(next).to_string(),
            Some(known) => known.to_string(),
        }
    }
}

/// Does something to the items of the lists of objects that have this key.
fn change(text: &str, key: &str, how: &dyn Fn(&mut Vec<&str>)) -> String {
    let Some(at) = text.find(&format!("\"{key}\":")) else {
        return text.to_owned();
    };
    let start = at + text[at..].find('[').expect("a list") + 1;
    // Brackets in strings come in pairs.
    let (mut depth, mut items, mut item) = (0, Vec::new(), start);
    let end = text[start..].char_indices().find_map(|(offset, c)| {
        let offset = start + offset;
        depth += i32::from("[{".contains(c)) - i32::from("]}".contains(c));
        if depth == 0 && c == '}' {
            items.push(&text[item..=offset]);
        } else if depth == 0 && c == ',' {
            item = offset + 1;
        }
        (depth < 0).then_some(offset)
    });
    let end = end.expect("the list ends");
    how(&mut items);
    let space = &text[start..end][text[start..end].trim_end().len()..];
    let tail = change(&text[end..], key, how);
    format!("{}{}{space}{tail}", &text[..start], items.join(","))
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".:[]%_-".contains(c)
}

/// The longest beginning of such characters, and the rest.
fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}
