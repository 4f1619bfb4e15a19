//! Firefox's `about:webrtc`, saved as a web page, in whatever language: what is read are descriptions,
//! candidates, rows of pairs, and names of texts, which are not translated.
//!
//! Its counters are of bytes and packets of media alone: how many checks were sent is not told, but
//! pairs that got no answer are "failed".

mod log;
mod outcome;
mod pieces;
mod report;
mod rows;

use serde_json::Value;

use crate::base::words::printable;
use crate::proto::evidence::account::{
    Account, Fault, FileKind, Record, StateKind, StreamRecord, Told,
};
use crate::proto::evidence::events::{add, add_candidate, candidate, changed};
use crate::proto::evidence::samples::milliseconds;
use crate::proto::evidence::{MAX_ACCOUNTS, MAX_PARTS, configuration, described, kind};
use pieces::Piece;

pub fn read(text: &str) -> Record {
    if kind::is_json(text) {
        return report::read(text);
    }
    let mut record = Record::of(FileKind::AboutWebrtc);
    record.agent = Some("Firefox".to_owned());
    let mut page = Page::default();
    pieces::scan(text, &mut |piece| page.take(piece));
    page.end_description();
    page.end_servers();
    record.accounts = page.accounts;
    record
        .accounts
        .retain(|account| !account.own.is_empty() || !account.other.is_empty());
    for account in &mut record.accounts {
        account.is_begun = true;
        rows::settle(&mut account.own);
        rows::resolve(account);
        outcome::conclude(account);
        for told in [&mut account.own, &mut account.other] {
            let none_first = |at: &Option<f64>| at.unwrap_or(f64::MIN);
            told.descriptions
                .sort_by(|a, b| none_first(&a.0).total_cmp(&none_first(&b.0)));
        }
        record.captured_at = record.captured_at.or(account.ended);
    }
    if record.accounts.is_empty() {
        record.faults.push(Fault::new(
            "the whole page",
            "no connection in it: save the page while the call is there, or \"show\" its details first",
        ));
    }
    record
}

/// Which part of the page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Area {
    #[default]
    Connections,
    Log,
    /// Settings of the browser.
    Rest,
}

#[derive(Default)]
struct Page {
    accounts: Vec<Account>,
    area: Area,
    /// Whether what comes is of the other end; `None` if nothing said so yet.
    is_other: Option<bool>,
    is_offer: Option<bool>,
    /// Whether this end made the offer.
    offers: Option<bool>,
    /// When the description that comes was set.
    at: Option<f64>,
    /// The lines of a description that is being read.
    description: Vec<String>,
    /// The cells of a row, if one is open.
    row: Option<Vec<String>>,
    /// The codec of the streams that come, and whether packets of one come in.
    codec: Option<String>,
    is_inbound: Option<bool>,
    /// Servers of the configuration that is being read.
    servers: Option<Vec<Value>>,
    /// Whether the number of data channels that were opened comes next.
    are_channels_next: bool,
    log: log::Course,
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
            Piece::Label(label, values) => self.label(label, values.as_deref()),
            Piece::Id(id) => self.id(&id),
            Piece::RowBegins => self.row = Some(Vec::new()),
            Piece::Cell => {
                let row = self.row.get_or_insert_default();
                if row.len() < 64 {
                    row.push(String::new());
                }
            }
            Piece::RowEnds => {
                let cells = self.row.take().filter(|_| self.area == Area::Connections);
                if let Some(cells) = cells.filter(|cells| !cells.is_empty()) {
                    let raw = self.is_other.unwrap_or(false);
                    rows::read(self.account(), &cells, raw);
                }
            }
            Piece::Text(text) => match self.area {
                Area::Connections => self.text(&text),
                Area::Log => {
                    for line in text.lines() {
                        log::line(&mut self.accounts, line.trim(), &mut self.log);
                    }
                }
                Area::Rest => {}
            },
        }
    }

    /// Tabs stand behind their buttons, the answer first.
    fn id(&mut self, id: &str) {
        let Some(tab) = id.strip_prefix("tab_pane_") else {
            return;
        };
        self.end_description();
        self.is_offer = match tab {
            tab if tab.starts_with("offer") => Some(true),
            tab if tab.starts_with("answer") => Some(false),
            _ => None,
        };
        self.is_other = self
            .is_offer
            .zip(self.offers)
            .map(|(is_offer, offers)| is_offer != offers);
    }

    fn label(&mut self, label: &str, values: Option<&str>) {
        let name = label.strip_prefix("about-webrtc-").unwrap_or(label);
        let values: Value = values
            .and_then(|values| serde_json::from_str(values).ok())
            .unwrap_or_default();
        match name {
            "log-heading" => self.enter(Area::Log),
            "user-modified-configuration-heading" | "media-context-heading" => {
                self.enter(Area::Rest);
            }
            // Each connection begins with its heading, which has its number.
            "connection-open" | "connection-closed" | "peerconnection-id-label" => {
                self.begin(name, &values);
            }
            "sdp-set-timestamp" => {
                self.end_description();
                self.at = values["timestamp"].as_f64();
            }
            "sent-label" | "received-label" | "lost-label" | "jitter-label" => {
                self.count(name, &values);
            }
            "data-channels-opened-label" => self.are_channels_next = true,
            "data-channels-closed-label" => self.are_channels_next = false,
            _ => self.side(name),
        }
    }

    /// Whose is what comes.
    fn side(&mut self, name: &str) {
        let is_other = if name.contains("local-sdp") || name.contains("raw-local") {
            false
        } else if name.contains("remote-sdp") || name.contains("raw-remote") {
            true
        } else {
            return;
        };
        self.end_description();
        self.is_other = Some(is_other);
        if name.ends_with("heading-offer") {
            self.is_offer = Some(true);
            self.offers = Some(!is_other);
        } else if name.ends_with("heading-answer") {
            self.is_offer = Some(false);
            self.offers = Some(is_other);
        }
    }

    fn enter(&mut self, area: Area) {
        self.end_description();
        self.end_servers();
        self.area = area;
    }

    fn begin(&mut self, name: &str, values: &Value) {
        self.enter(Area::Connections);
        let is_used = self.accounts.last().is_none_or(|account| {
            !account.own.is_empty()
                || !account.other.is_empty()
                || name != "peerconnection-id-label"
        });
        if is_used && self.accounts.len() < MAX_ACCOUNTS {
            self.accounts.push(Account::default());
        }
        (self.is_other, self.offers, self.is_inbound) = (None, None, None);
        let account = self.account();
        if let Some(id) = values["id"].as_str() {
            account.label = Some(printable(id));
        }
        let now = values["now"].as_str().and_then(milliseconds);
        account.saw(now.or(values["now"].as_f64()));
        if name == "connection-closed" {
            changed(account, None, StateKind::Closed, &Value::from("closed"));
        }
    }

    fn text(&mut self, text: &str) {
        let cell = self.row.as_mut().and_then(|row| row.last_mut());
        if let Some(cell) = cell.filter(|cell| cell.len() < 1024) {
            cell.push_str(text.trim());
            return;
        }
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if self.are_channels_next
                && let Ok(opened) = line.parse::<u32>()
            {
                self.are_channels_next = false;
                if opened > 0 {
                    let open = Value::from("open");
                    changed(self.account(), None, StateKind::DataChannel, &open);
                }
                continue;
            }
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
            } else if !self.configured(line) {
                self.streamed(line);
            }
        }
    }

    /// Lines of the configuration, whose names are those of JavaScript.
    fn configured(&mut self, line: &str) -> bool {
        let of = |name: &str| line.strip_prefix(name).map(str::trim);
        if let Some(policy) = of("iceTransportPolicy:") {
            self.account().relay_only = policy == "relay";
        } else if of("iceServers:").is_some() {
            self.servers = Some(Vec::new());
        } else if let Some(urls) = of("urls:") {
            let urls = serde_json::from_str(urls).unwrap_or_else(|_| Value::from(urls));
            if let Some(servers) = self.servers.as_mut().filter(|all| all.len() < 1000) {
                servers.push(serde_json::json!({ "urls": urls }));
            }
        } else {
            return false;
        }
        true
    }

    fn end_servers(&mut self) {
        if let Some(servers) = self.servers.take() {
            let account = self.account();
            let policy = if account.relay_only { "relay" } else { "all" };
            let object = serde_json::json!({ "iceServers": servers, "iceTransportPolicy": policy });
            configuration::read(account, &object);
        }
    }

    /// The heading of a stream, and the type at the end of its line.
    fn streamed(&mut self, line: &str) {
        if let Some((codec, _)) = line.split_once(" - SSRC ") {
            self.codec = Some(printable(codec));
        }
        self.is_inbound = match line.rsplit(' ').next() {
            Some("inbound-rtp") => Some(true),
            Some("outbound-rtp") => Some(false),
            // What the other end says of what it got.
            Some("remote-inbound-rtp" | "remote-outbound-rtp") => None,
            _ => self.is_inbound,
        };
        self.state(line);
    }

    fn count(&mut self, name: &str, values: &Value) {
        let Some(is_inbound) = self.is_inbound else {
            return;
        };
        let codec = self.codec.clone().unwrap_or_default();
        let (kind, codec) = codec.split_once('/').unwrap_or((&codec, ""));
        let stream = StreamRecord {
            kind: kind.to_ascii_lowercase(),
            codec: (!codec.is_empty()).then(|| codec.to_owned()),
            ..StreamRecord::default()
        };
        let streams = &mut self.account().streams;
        // What was received stands before what was lost of it.
        if matches!(name, "sent-label" | "received-label") && streams.len() < MAX_PARTS {
            streams.push(stream);
        }
        let Some(stream) = streams.last_mut() else {
            return;
        };
        let packets = &values["packets"];
        match (name, is_inbound) {
            ("sent-label", false) => stream.sent = packets.as_u64(),
            ("received-label", true) => stream.received = packets.as_u64(),
            ("lost-label", true) => stream.lost = packets.as_i64(),
            ("jitter-label", true) => {
                stream.jitter_ms = values["jitter"].as_f64().map(|s| s * 1000.0);
            }
            _ => {}
        }
    }

    /// Older versions have the state of ICE, alone or behind a colon.
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
            let value = Value::from(word);
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
        let is_of = |told: &Told| {
            ufrag
                .as_ref()
                .is_some_and(|ufrag| told.ufrags.contains(ufrag))
        };
        let is_other = match (is_of(&account.own), is_of(&account.other)) {
            (true, false) => false,
            (false, true) => true,
            _ => is_other,
        };
        add_candidate(rows::told(account, is_other), read);
    }

    fn end_description(&mut self) {
        if self.description.is_empty() {
            return;
        }
        let at = self.at.take();
        let lines = std::mem::take(&mut self.description);
        let mut read = described::read(&lines.join("\n"));
        // RFC 8842 5.2: an offer leaves it open, an answer does not.
        let by_setup = read.setup.as_deref().map(|setup| setup == "actpass");
        read.is_offer = self.is_offer.take().or(by_setup);
        // Without a label: the first one is this end's.
        let first_taken = self
            .accounts
            .last()
            .is_some_and(|a| !a.own.descriptions.is_empty());
        let is_other = self.is_other.unwrap_or(first_taken);
        let account = self.account();
        account.saw(at);
        let told = rows::told(account, is_other);
        // The history has those of the tabs again, with their times.
        let known = told
            .descriptions
            .iter_mut()
            .find(|(_, known)| known.text == read.text);
        match known {
            Some((known, _)) => *known = known.or(at),
            None => add(told, at, read),
        }
    }
}
