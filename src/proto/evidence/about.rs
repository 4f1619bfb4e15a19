//! Firefox's `about:webrtc`, saved as a web page, in whatever language: what is read are descriptions,
//! candidate lines, and rows of pairs, which are not translated.

use crate::base::words::printable;
use crate::proto::evidence::account::{
    Account, EndRecord, Fault, FileKind, PairRecord, Place, Record, StateKind,
};
use crate::proto::evidence::events::{add, add_candidate, candidate, changed, type_of};
use crate::proto::evidence::{MAX_ACCOUNTS, MAX_PARTS, described};

/// A piece of a page.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// The name of a translated text: the same in all languages.
    Label(&'a str),
    RowBegins,
    RowEnds,
    /// The end of a cell, a line or a block.
    Break,
    Text(String),
}

pub fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::AboutWebrtc);
    record.agent = Some("Firefox".to_owned());
    let mut page = Page::default();
    scan(text, &mut |piece| page.take(piece));
    page.end_description();
    record.accounts = page.accounts;
    record
        .accounts
        .retain(|account| !account.own.is_empty() || !account.other.is_empty());
    for account in &mut record.accounts {
        account.is_begun = true;
    }
    if record.accounts.is_empty() {
        record.faults.push(Fault::new(
            "the whole page",
            "no connection in it: save the page while the call is there, or \"show\" its details first",
        ));
    }
    record
}

#[derive(Default)]
struct Page {
    accounts: Vec<Account>,
    /// Whether what comes is of the other end; `None` if nothing said so yet.
    is_other: Option<bool>,
    is_offer: Option<bool>,
    /// The lines of a description that is being read.
    description: Vec<String>,
    /// The cells of a row, if one is open.
    row: Option<Vec<String>>,
}

impl Page {
    fn account(&mut self) -> &mut Account {
        if self.accounts.is_empty() {
            self.accounts.push(Account::default());
        }
        let last = self.accounts.len() - 1;
        &mut self.accounts[last]
    }

    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Label(label) => self.label(label),
            Piece::RowBegins => self.row = Some(Vec::new()),
            Piece::RowEnds => {
                if let Some(cells) = self.row.take() {
                    self.end_row(&cells);
                }
            }
            Piece::Break => {}
            Piece::Text(text) => self.text(&text),
        }
    }

    fn label(&mut self, label: &str) {
        // Each connection begins with its heading, which has its number.
        let begins = [
            "about-webrtc-peerconnection-id-label",
            "about-webrtc-connection-open",
            "about-webrtc-connection-closed",
        ];
        if begins.contains(&label) && self.accounts.len() < MAX_ACCOUNTS {
            self.end_description();
            let is_used = self
                .accounts
                .last()
                .is_none_or(|a| !a.own.is_empty() || !a.other.is_empty());
            if is_used {
                self.accounts.push(Account::default());
            }
            self.is_other = None;
        }
        if label.contains("local-sdp") || label.contains("raw-local") {
            self.end_description();
            self.is_other = Some(false);
        } else if label.contains("remote-sdp") || label.contains("raw-remote") {
            self.end_description();
            self.is_other = Some(true);
        }
        if label.ends_with("heading-offer") {
            self.is_offer = Some(true);
        } else if label.ends_with("heading-answer") {
            self.is_offer = Some(false);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(row) = &mut self.row
            && row.len() < 64
        {
            row.push(text.to_owned());
        }
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with("v=0") {
                self.end_description();
                self.description.push(line.to_owned());
                continue;
            }
            let is_line = line.as_bytes().get(1) == Some(&b'=');
            if !self.description.is_empty() && is_line && self.description.len() < 20_000 {
                self.description.push(line.to_owned());
            } else if let Some(at) = line.find("candidate:") {
                self.line(&line[at..]);
            } else {
                self.state(line);
            }
        }
    }

    /// The state of ICE stands alone, or behind a colon.
    fn state(&mut self, line: &str) {
        const STATES: [&str; 7] = [
            "new",
            "checking",
            "connected",
            "completed",
            "disconnected",
            "failed",
            "closed",
        ];
        let word = line.rsplit(':').next().unwrap_or(line).trim();
        if self.row.is_none() && STATES.contains(&word) {
            let value = serde_json::Value::from(word);
            changed(self.account(), None, StateKind::Ice, &value);
        }
    }

    fn line(&mut self, line: &str) {
        let is_other = self.is_other.unwrap_or(false);
        let mut ufrag = None;
        let Some(read) = candidate(line, None, &mut ufrag) else {
            return;
        };
        let account = self.account();
        // The fragment says it surely.
        let is_of = |told: &super::Told| {
            ufrag
                .as_ref()
                .is_some_and(|ufrag| told.ufrags.contains(ufrag))
        };
        let is_other = match (is_of(&account.own), is_of(&account.other)) {
            (true, false) => false,
            (false, true) => true,
            _ => is_other,
        };
        let told = if is_other {
            &mut account.other
        } else {
            &mut account.own
        };
        add_candidate(told, read);
    }

    fn end_description(&mut self) {
        if self.description.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.description);
        let mut read = described::read(&lines.join("\n"));
        read.is_offer = self.is_offer.take();
        // Without a label: the first one is this end's.
        let first_taken = self
            .accounts
            .last()
            .is_some_and(|a| !a.own.descriptions.is_empty());
        let is_other = self.is_other.unwrap_or(first_taken);
        let account = self.account();
        let told = if is_other {
            &mut account.other
        } else {
            &mut account.own
        };
        add(told, None, read);
    }

    /// A row of the table of pairs has two ends, the state, and words for nominated and selected.
    fn end_row(&mut self, cells: &[String]) {
        let ends: Vec<EndRecord> = cells.iter().filter_map(|cell| end(cell)).collect();
        let [local, remote] = ends.as_slice() else {
            return;
        };
        let cell = |wanted: &str| cells.iter().any(|cell| cell.trim() == wanted);
        let state = PAIR_STATES
            .into_iter()
            .find(|state| cell(state))
            .unwrap_or_default();
        let trues = cells.iter().filter(|cell| cell.trim() == "true").count();
        let mut pair = PairRecord::new(local.clone(), remote.clone());
        pair.state = state.replace("inprogress", "in-progress");
        pair.nominated = trues > 0;
        pair.is_selected = trues > 1;
        // The last two numbers are what was sent and received.
        let numbers: Vec<u64> = cells
            .iter()
            .filter_map(|cell| cell.trim().parse().ok())
            .collect();
        if let [.., sent, received] = numbers.as_slice()
            && trues > 1
        {
            (pair.bytes_sent, pair.bytes_received) = (*sent, *received);
        }
        if state == "succeeded" {
            pair.responses_received = 1;
            pair.requests_sent = 1;
        }
        let account = self.account();
        if account.pairs.len() < MAX_PARTS {
            account.pairs.push(pair);
        }
    }
}

/// States of pairs, which are not translated.
const PAIR_STATES: [&str; 6] = [
    "frozen",
    "waiting",
    "in-progress",
    "inprogress",
    "failed",
    "succeeded",
];

/// As in `192.0.2.1:5000/udp(host)` or `[2001:db8::1]:5000/udp(relay-tcp)`.
fn end(cell: &str) -> Option<EndRecord> {
    let (at, rest) = cell.trim().split_once('/')?;
    let (protocol, rest) = rest.split_once('(')?;
    if !protocol.trim().eq_ignore_ascii_case("udp") {
        return None;
    }
    let (kind, _) = rest.split_once(')')?;
    let (kind, over) = kind.split_once('-').unwrap_or((kind, ""));
    let (place, port) = at.rsplit_once(':')?;
    Some(EndRecord {
        kind: type_of(kind.trim())?,
        place: Place::of(&printable(place)),
        port: port.trim().parse().ok()?,
        related: None,
        relay_transport: super::events::transport(over),
    })
}

/// Takes a page apart. Nothing is nested and nothing kept, so that no page is too deep.
fn scan(text: &str, take: &mut impl FnMut(Piece<'_>)) {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
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
        if let Some(label) = attribute(tag, "data-l10n-id") {
            take(Piece::Label(label));
        }
        match (name.as_str(), closes) {
            ("tr", false) => take(Piece::RowBegins),
            ("tr", true) => take(Piece::RowEnds),
            ("td" | "th" | "div" | "p" | "br" | "pre" | "li" | "span", _) => take(Piece::Break),
            _ => {}
        }
    }
    plain(rest, take);
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let at = tag.find(name)? + name.len();
    let value = tag[at..].trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    value[1..].split(quote).next()
}

fn plain(text: &str, take: &mut impl FnMut(Piece<'_>)) {
    if text.trim().is_empty() {
        return;
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    take(Piece::Text(text));
}
