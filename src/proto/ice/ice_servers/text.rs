//! From the text of a file to values with their places, whatever kind of JSON it is.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::ParseErrorKind as Kind;
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};
use serde::de::IgnoredAny;

use crate::proto::ice::ice_servers::oddities::{ESCAPED, is_escaped, other_form};
use crate::proto::ice::ice_servers::{IceServersError as Error, Remark};

/// With or without its last `=`.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A value and its place.
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) what: What,
}

pub(super) enum What {
    Text(String),
    /// `true` and `false` too, as they are written.
    Number(String),
    Nothing,
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// What was read.
pub(super) struct Document {
    pub(super) value: Node,
    pub(super) places: Places,
    pub(super) remarks: Vec<Remark>,
}

/// Where in the file something is.
pub(super) struct Places {
    text: String,
    /// Where what was read begins in it.
    begins: usize,
}

impl Places {
    /// Line and column, from 1.
    pub(super) fn of(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.begins + at];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |rest| rest.chars().count())
            + 1;
        (line, column)
    }

    fn error(&self, what: impl Into<String>, at: usize) -> Error {
        let (line, column) = self.of(at);
        Error::Text {
            what: what.into(),
            line,
            column,
        }
    }
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

const LENIENT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: true,
    allow_extended_string_escapes: true,
    ..STRICT
};

const SAVE_AS_JSON: &str = "save the list as JSON, say with JSON.stringify(configuration)";

const PYTHON: &str = "it is Python, not JSON: save the list as JSON, with json.dumps(list)";

/// Whether a constant of Python stands here that JSON has not.
fn is_python(text: &str) -> bool {
    ["True", "False", "None"].iter().any(|word| {
        text.strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

const TYPOGRAPHIC: &str = "it has typographic quotes, as a word processor or a web page makes them: replace them by plain ones (\")";

/// Where the first such quote stands that is not within a string.
fn typographic_quote(text: &str) -> Option<usize> {
    let curly = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}'];
    scan(text, |at, byte| {
        let rest = text.get(at..).filter(|_| !byte.is_ascii())?;
        rest.starts_with(curly).then_some(at)
    })
}

pub(super) fn read(text: &str) -> Result<Document, Error> {
    if text.trim().is_empty() {
        return Err(Error::Other("the file is empty"));
    }
    if let Some(what) = other_form(text) {
        return Err(Error::Other(what));
    }
    let is_json = serde_json::from_str::<IgnoredAny>(text);
    let found = Excerpt::of(text);
    let places = Places {
        text: text.to_owned(),
        begins: found.as_ref().map_or(0, |found| found.begins),
    };
    let Some(found) = found.filter(|found| is_json.is_ok() || !found.text.is_empty()) else {
        return Err(no_json(text, &places, is_json.err().as_ref()));
    };
    let lenient = parse_to_ast(&found.text, &CollectOptions::default(), &LENIENT);
    let mut value = match lenient.map(|parsed| parsed.value) {
        Ok(Some(value)) => node(value),
        Ok(None) => return Err(no_json(text, &places, is_json.err().as_ref())),
        Err(error) => {
            let at = error.range().start;
            let cut_off = is_json.as_ref().is_err_and(serde_json::Error::is_eof);
            if is_python(&found.text[at..]) {
                return Err(places.error(PYTHON, at));
            }
            if is_escaped(&found.text) {
                return Err(places.error(ESCAPED, at));
            }
            if let Some(before) = typographic_quote(&found.text) {
                return Err(places.error(TYPOGRAPHIC, before));
            }
            return Err(places.error(mistake(error.kind(), cut_off), at));
        }
    };
    let mut remarks: Vec<Remark> = match is_json {
        Ok(_) => Vec::new(),
        Err(_) => form(&found, &places).into_iter().collect(),
    };
    if unfold(&mut value) {
        remarks.push(Remark::Form(
            "the list stands within a string, as JSON that was encoded twice: an application has to JSON.parse it once more"
                .to_owned(),
        ));
    }
    Ok(Document {
        value,
        places,
        remarks,
    })
}

/// The part of a text that is read.
struct Excerpt {
    /// With JavaScript's `...` strings as "...", which keeps every place.
    text: String,
    begins: usize,
    /// Whether something stands around it.
    is_part: bool,
}

impl Excerpt {
    /// The whole, if it begins as JSON does; else the value of `iceServers` in it, or the first object
    /// or list.
    fn of(text: &str) -> Option<Self> {
        let start = text.len() - text.trim_start().len();
        let rest = &text[start..];
        if rest.starts_with(['{', '[', '"']) {
            // A comma or semicolon after it is of the program that it was cut out of.
            let end = end_of_value(rest).unwrap_or(rest.len());
            let after = rest[end..].trim();
            let is_part = !after.is_empty() && after.chars().all(|c| ",;)".contains(c));
            let end = if is_part { end } else { rest.len() };
            return Some(Self::new(text, start, start + end, is_part));
        }
        // A comment before everything, as in a file that explains itself.
        let code = first_code(rest);
        if rest
            .get(code..)
            .is_some_and(|code| code.starts_with(['{', '[']))
        {
            return Some(Self::new(text, start + code, text.len(), false));
        }
        let begins = assigned_list(text).or_else(|| {
            let from = text.find(['=', '(']).or_else(|| text.find("return"))?;
            Some(from + text[from..].find(['{', '['])?)
        })?;
        let end = end_of_value(&text[begins..]).map_or(text.len(), |end| begins + end);
        Some(Self::new(text, begins, end, true))
    }

    fn new(text: &str, begins: usize, end: usize, is_part: bool) -> Self {
        Self {
            text: without_backticks(&text[begins..end]),
            begins,
            is_part,
        }
    }
}

/// Where the value of `iceServers: [...]` or `iceServers = [...]` begins.
fn assigned_list(text: &str) -> Option<usize> {
    // The length stays the same: ASCII alone changes.
    let lower = text.to_ascii_lowercase();
    let keys = ["iceservers", "ice_servers"];
    keys.iter()
        .flat_map(|key| lower.match_indices(key).map(move |(at, _)| at + key.len()))
        .filter_map(|after| {
            let rest = text[after..].trim_start_matches(['"', '\'']).trim_start();
            let value = rest.strip_prefix([':', '='])?.trim_start();
            value
                .starts_with(['[', '{'])
                .then_some(text.len() - value.len())
        })
        .min()
}

/// Tells quotes, comments and brackets apart, and calls `see` with each bracket or other sign outside
/// of strings and comments until that gives something.
fn scan<T>(text: &str, mut see: impl FnMut(usize, u8) -> Option<T>) -> Option<T> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let skip = match byte {
            b'"' | b'\'' | b'`' => string_length(&bytes[at..]),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                text[at..].find('\n').unwrap_or(text.len() - at)
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => text[at + 2..]
                .find("*/")
                .map_or(text.len() - at, |end| end + 4),
            _ => 0,
        };
        if skip > 0 {
            if matches!(byte, b'"' | b'\'' | b'`')
                && let Some(seen) = see(at + skip - 1, b'"')
            {
                return Some(seen);
            }
            at += skip;
            continue;
        }
        if let Some(seen) = see(at, byte) {
            return Some(seen);
        }
        at += 1;
    }
    None
}

/// Of a quoted string, quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == bytes[0] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of the value at the beginning of a text.
fn end_of_value(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    scan(text, |at, byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {}
            _ => return None,
        }
        (depth == 0).then_some(at + 1)
    })
}

/// Where comments at the beginning end.
fn first_code(text: &str) -> usize {
    scan(text, |at, byte| (!byte.is_ascii_whitespace()).then_some(at)).unwrap_or(text.len())
}

/// Template strings that are plain text, as strings.
fn without_backticks(text: &str) -> String {
    let mut read = text.to_owned();
    let mut from = 0;
    while let Some(start) = read[from..].find('`').map(|at| at + from) {
        let length = string_length(&read.as_bytes()[start..]);
        let literal = &read[start..start + length];
        let inside = literal
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix('`'));
        if let Some(inside) = inside.filter(|text| !text.contains(['"', '\n', '$', '`'])) {
            let quoted = format!("\"{inside}\"");
            read.replace_range(start..start + length, &quoted);
        }
        from = start + length;
    }
    read
}

/// What kind of text this is that is no strict JSON.
fn form(found: &Excerpt, places: &Places) -> Option<Remark> {
    const JAVASCRIPT: &str = "it is JavaScript, not JSON; it was read as if it were";
    if found.is_part {
        return Some(Remark::Form(JAVASCRIPT.to_owned()));
    }
    let strict = parse_to_ast(&found.text, &CollectOptions::default(), &STRICT);
    let error = strict.err()?;
    let (line, column) = places.of(error.range().start);
    let what = match error.kind() {
        Kind::TrailingCommasNotAllowed => {
            "there is a comma before ] or }, which JSON does not allow"
        }
        Kind::CommentsNotAllowed => "there is a comment, which JSON does not allow",
        _ => {
            return Some(Remark::Form(format!(
                "{JAVASCRIPT} (line {line} column {column})"
            )));
        }
    };
    Some(Remark::Form(format!(
        "{what}: line {line} column {column}; it was read without"
    )))
}

/// Why a text that begins as JSON or JavaScript cannot be read. Nothing of it is repeated.
fn mistake(kind: &Kind, cut_off: bool) -> String {
    let what = match kind {
        Kind::UnterminatedArray | Kind::UnterminatedObject | Kind::UnterminatedCommentBlock => {
            return "it is cut off: it ends before its last ] or }".to_owned();
        }
        Kind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            return "it is cut off within a string, or a closing quote is missing".to_owned();
        }
        _ if cut_off => return "it is cut off: it ends too early".to_owned(),
        Kind::UnexpectedWord | Kind::UnexpectedToken | Kind::UnexpectedTokenInObject => {
            return format!(
                "it is JavaScript, not JSON: a string, number, list or object is needed, and something else stands there, such as a variable; {SAVE_AS_JSON}"
            );
        }
        Kind::ExpectedComma => "a comma is missing",
        Kind::UnexpectedComma => "there is a comma too many",
        Kind::ExpectedColonAfterObjectKey => "a colon is missing after a key",
        Kind::ExpectedObjectValue => "a value is missing after a key",
        Kind::MultipleRootJsonValues => "there is more than one value: put them into one list",
        Kind::NestingDepthExceeded => "it is nested too deeply",
        Kind::UnexpectedCloseBrace | Kind::UnexpectedCloseBracket => {
            "a bracket is closed that was not opened"
        }
        Kind::String(_) => "a string is not written as JSON has it",
        _ => "something is not written as JSON has it",
    };
    format!("it is not JSON: {what}")
}

/// A text that has neither list nor object.
fn no_json(text: &str, places: &Places, error: Option<&serde_json::Error>) -> Error {
    let first = text.trim_start().lines().next().unwrap_or_default().trim();
    let key = first.trim_start_matches("- ");
    let key_length = key
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        .count();
    let after_key = &key[key_length..];
    if is_url(first) {
        return Error::Other("it is a list of URLs, not JSON: name them with -s, one by one");
    }
    if error.is_none() {
        return Error::Other(
            "it is JSON, and neither a list nor an object with one: it names no server",
        );
    }
    if is_base64_of_json(text) {
        return Error::Other("it is base64: decode it first (base64 -d)");
    }
    let is_yaml = after_key.starts_with(": ") || after_key == ":";
    let is_block =
        after_key.trim_start().starts_with([':', '{']) && after_key.trim_end().ends_with('{');
    if key_length > 0 && is_yaml && !is_block {
        return Error::Other("it looks like YAML, not JSON");
    }
    let is_assigned = key_length > 0 && after_key.trim_start().starts_with('=');
    if (key_length > 0 && is_block) || is_assigned || first.starts_with('#') {
        return Error::Other("it looks like a configuration file with keys and values, not JSON");
    }
    let cut_off = error.is_some_and(serde_json::Error::is_eof);
    let what = if cut_off {
        "it is cut off: it ends too early"
    } else {
        "it is not JSON"
    };
    places.error(what, text.len() - text.trim_start().len())
}

/// Whether it is JSON in base64, whatever lines it is broken into.
fn is_base64_of_json(text: &str) -> bool {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = STANDARD.decode(packed.trim_end_matches('='));
    plain.is_ok_and(|bytes| serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() && bytes.len() > 8)
}

/// Whether something is meant as the URL of a server.
pub(super) fn is_url(text: &str) -> bool {
    let scheme = text.trim().split(':').next().unwrap_or_default();
    ["stun", "stuns", "turn", "turns"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
        && text.contains(':')
}

/// The same as a tree of our own.
fn node(value: Value<'_>) -> Node {
    let at = value.range().start;
    let what = match value {
        Value::StringLit(literal) => What::Text(literal.value.into_owned()),
        Value::NumberLit(literal) => What::Number(literal.value.to_owned()),
        Value::BooleanLit(literal) => What::Number(literal.value.to_string()),
        Value::NullKeyword(_) => What::Nothing,
        Value::Array(array) => What::List(array.elements.into_iter().map(node).collect()),
        Value::Object(object) => {
            let properties = object.properties.into_iter();
            let named = properties.map(|p| (p.name.into_string(), node(p.value)));
            What::Object(named.collect())
        }
    };
    Node { at, what }
}

/// Puts the value in the place of a string that has JSON in it; whether there was one. All places within
/// are that of the string.
fn unfold(node: &mut Node) -> bool {
    match &mut node.what {
        What::Text(text) if text.trim_start().starts_with(['[', '{']) => {
            let text = text.clone();
            let parsed = parse_to_ast(&text, &CollectOptions::default(), &STRICT);
            let Ok(Some(value)) = parsed.map(|parsed| parsed.value) else {
                return false;
            };
            node.what = self::node(value).what;
            place_all(node, node.at);
            true
        }
        What::List(nodes) => nodes.iter_mut().fold(false, |any, node| unfold(node) | any),
        What::Object(properties) => properties
            .iter_mut()
            .fold(false, |any, (_, node)| unfold(node) | any),
        _ => false,
    }
}

fn place_all(node: &mut Node, at: usize) {
    node.at = at;
    match &mut node.what {
        What::List(nodes) => nodes.iter_mut().for_each(|node| place_all(node, at)),
        What::Object(properties) => properties
            .iter_mut()
            .for_each(|(_, node)| place_all(node, at)),
        _ => {}
    }
}
