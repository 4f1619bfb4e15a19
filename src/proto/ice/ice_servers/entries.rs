//! From values to servers: where the list is, and what each entry says.

use crate::base::words::{listed, printable, unseen};
use crate::proto::ice::ice_servers::oddities::{self, Other};
use crate::proto::ice::ice_servers::text::{Document, Node, Places, What, is_url};
use crate::proto::ice::ice_servers::tree::{URLS, entries_in, get, levels, lists_in, plain, urls};
use crate::proto::ice::ice_servers::{IceServer, IceServers, IceServersError as Error, Remark};
use crate::proto::stun::uri::{ServerUri, UriError};
use crate::proto::turn::credentials::{Credentials, Secret};

const USERS: [&str; 2] = ["username", "user"];
const PASSWORDS: [&str; 3] = ["credential", "password", "pass"];
/// What browsers call these three.
const IN_BROWSERS: [&str; 3] = ["urls", "username", "credential"];
/// Names that may be repeated where an entry has nothing else: no secret is one of them.
const KNOWN: [&str; 12] = [
    "server",
    "servers",
    "host",
    "hostname",
    "port",
    "protocol",
    "protocols",
    "scheme",
    "schemes",
    "secret",
    "username",
    "credential",
];
/// More remarks help nobody.
const MOST_REMARKS: usize = 8;

pub(super) fn of(document: &Document) -> Result<IceServers, Error> {
    let mut reader = Reader {
        places: &document.places,
        all: IceServers::default(),
        count: 0,
        other_names: Vec::new(),
        bare_urls: false,
    };
    reader.document(&document.value)?;
    reader.say_other_names();
    let Reader { mut all, count, .. } = reader;
    all.remarks.extend(policy(&document.value, &all));
    if all.entries.is_empty() {
        let first = all.remarks.into_iter().find_map(|remark| match remark {
            Remark::LeftOut(what) => Some(what),
            Remark::Form(_) | Remark::Policy { .. } => None,
        });
        return Err(match first {
            Some(what) if count > 0 => Error::Entry(what),
            _ => Error::Empty,
        });
    }
    // One more is as short as to say that there is one.
    if all.remarks.len() > MOST_REMARKS + 1 {
        let more = all.remarks.len() - MOST_REMARKS;
        all.remarks.truncate(MOST_REMARKS);
        let text = format!("{more} more URLs or entries cannot be used as they are");
        all.remarks.push(Remark::LeftOut(text));
    }
    Ok(all)
}

struct Reader<'a> {
    places: &'a Places,
    all: IceServers,
    /// Entries so far.
    count: usize,
    /// Names of keys that browsers do not know, each with the right one.
    other_names: Vec<String>,
    /// Whether URLs stand where entries belong.
    bare_urls: bool,
}

impl Reader<'_> {
    fn document(&mut self, value: &Node) -> Result<(), Error> {
        match &value.what {
            What::List(_) => self.list(value),
            What::Text(text) if is_url(text) => self.list(value),
            What::Object(_) if urls(value).is_some() => {
                let whose = if get(value, &["uris"]).is_some() {
                    "it is the answer of a TURN REST API, as Matrix homeservers give it (uris, password), not a list of ICE servers; it was read as one entry"
                } else {
                    "it is a single entry, not a list"
                };
                self.form(whose);
                self.entry(value);
            }
            What::Object(_) => {
                let found = lists_in(value);
                if found.is_empty() {
                    return self.unnamed(value);
                }
                if let Some(form) = form_of(&found) {
                    self.form(&form);
                }
                for (_, _, list) in found {
                    self.list(list);
                }
            }
            _ => return Err(Error::NoList),
        }
        Ok(())
    }

    /// A list that has none of the names that are known.
    fn unnamed(&mut self, value: &Node) -> Result<(), Error> {
        let found = entries_in(value);
        if found.is_empty() {
            return Err(if is_refusal(value) {
                Error::Refusal
            } else {
                Error::NoList
            });
        }
        self.form("its servers stand within another object, under a name that RTCPeerConnection does not know; they were read there");
        for entry in found {
            self.entry(entry);
        }
        Ok(())
    }

    /// Names of keys that were read here, and that browsers would not read.
    fn say_other_names(&mut self) {
        if self.bare_urls {
            self.form(
                "its entries are URLs alone, where RTCPeerConnection takes objects with urls",
            );
        }
        let is_said = |remark: &Remark| matches!(remark, Remark::Form(text) if text.contains("uris, password"));
        if self.other_names.is_empty() || self.all.remarks.iter().any(is_said) {
            return;
        }
        let names = listed(&self.other_names);
        self.form(&format!(
            "its entries have {names}, and browsers read the right names alone"
        ));
    }

    fn form(&mut self, what: &str) {
        self.all.remarks.push(Remark::Form(what.to_owned()));
    }

    /// What a list's name stands for: a list, or one entry.
    fn list(&mut self, value: &Node) {
        match &value.what {
            What::List(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            What::Nothing => {}
            _ => self.entry(value),
        }
    }

    fn entry(&mut self, entry: &Node) {
        self.count += 1;
        match &entry.what {
            What::Object(_) => self.object(entry),
            What::Text(text) => {
                self.bare_urls |= is_url(text);
                if let Some(uri) = self.url(text, entry) {
                    self.take(vec![uri], None);
                }
            }
            // A comma too many, or an element that a program left empty.
            What::Nothing => {}
            _ => self.leave_out("it is neither an object with \"urls\" nor a URL", entry),
        }
    }

    fn object(&mut self, entry: &Node) {
        let Some(named) = urls(entry) else {
            let what = without_urls(entry);
            return self.leave_out(&what, entry);
        };
        for name in other_names(entry) {
            if !self.other_names.contains(&name) {
                self.other_names.push(name);
            }
        }
        let texts: Option<Vec<(&str, &Node)>> = match &named.what {
            What::Text(text) => Some(vec![(text, named)]),
            What::List(urls) => urls
                .iter()
                .map(|url| match &url.what {
                    What::Text(text) => Some((text.as_str(), url)),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let Some(texts) = texts else {
            return self.leave_out("\"urls\" must be a string or a list of strings", named);
        };
        let read = texts
            .into_iter()
            .filter_map(|(text, at)| self.url(text, at));
        let urls: Vec<ServerUri> = read.collect();
        let credentials = self.credentials(entry);
        match credentials {
            Ok(credentials) => self.take(urls, credentials),
            // They matter for TURN alone.
            Err(what) => {
                let (turn, stun): (Vec<_>, Vec<_>) = urls.into_iter().partition(ServerUri::is_turn);
                if !turn.is_empty() {
                    let what = format!("its TURN servers cannot be used: {what}");
                    self.leave_out(&what, entry);
                }
                self.take(stun, None);
            }
        }
    }

    fn take(&mut self, urls: Vec<ServerUri>, credentials: Option<Credentials>) {
        if !urls.is_empty() {
            self.all.entries.push(IceServer { urls, credentials });
        }
    }

    fn leave_out(&mut self, what: &str, at: &Node) {
        let (line, column) = self.places.of(at.at);
        let text = format!("entry {} (line {line} column {column}): {what}", self.count);
        self.all.remarks.push(Remark::LeftOut(text));
    }

    /// A URL as browsers take it.
    fn url(&mut self, text: &str, at: &Node) -> Option<ServerUri> {
        let text = text.trim();
        if text.is_empty() {
            self.leave_out(
                "a URL is empty, and browsers refuse the whole list for it",
                at,
            );
            return None;
        }
        if oddities::is_placeholder(text) {
            self.leave_out(
                "a placeholder stands where a URL or host belongs: nobody has filled it in",
                at,
            );
            return None;
        }
        if let Some(number) = unseen(text) {
            self.leave_out(
                &format!("a URL has a character that is not seen ({number}), as texts copied from a page or a chat have: type it anew"),
                at,
            );
            return None;
        }
        if !is_url(text) && !text.contains("://") {
            // It may be anything, a password too.
            self.leave_out(
                "a URL has no scheme: stun:, stuns:, turn: or turns: must stand before the host",
                at,
            );
            return None;
        }
        if oddities::is_several(text) {
            self.leave_out(
                "several URLs stand in one string, which browsers refuse: make it a list of strings",
                at,
            );
            return None;
        }
        let (read, remark) = match text.parse::<ServerUri>() {
            Err(error @ (UriError::Dtls | UriError::BadQuery(_))) => {
                oddities::as_chrome_does(text, error)
            }
            read => (read, None),
        };
        match read {
            Ok(uri) => {
                match remark {
                    Some(Other::Read(what)) => {
                        self.form_at(&format!("{}: {what}", printable(text)), at);
                    }
                    Some(Other::Refused(what)) => {
                        self.leave_out(&format!("{}: {what}", printable(text)), at);
                    }
                    None => {}
                }
                if oddities::is_v6_with_port(text, &uri) {
                    self.leave_out(
                        &format!("{}: an IPv6 address stands in brackets, or browsers refuse it; it was read as an address without a port: with one it is [ADDRESS]:PORT", printable(text)),
                        at,
                    );
                }
                Some(uri)
            }
            Err(error) => {
                let error = match error {
                    UriError::BadTransport(name) if name.eq_ignore_ascii_case("tls") => {
                        "transport 'tls' is not defined: write turns: for TLS".to_owned()
                    }
                    UriError::UserInfo => {
                        "user name and password do not belong in a URL: they stand in \"username\" and \"credential\""
                            .to_owned()
                    }
                    _ if oddities::is_scheme_twice(text) => {
                        "the scheme stands twice: a program puts stun: or turn: before a URL that has it already".to_owned()
                    }
                    error => error.to_string(),
                };
                self.leave_out(&error, at);
                None
            }
        }
    }

    /// A URL that browsers read in another way than it is written.
    fn form_at(&mut self, what: &str, at: &Node) {
        let (line, column) = self.places.of(at.at);
        self.form(&format!(
            "entry {} (line {line} column {column}): {what}",
            self.count
        ));
    }

    /// What an entry has for TURN, or why it cannot be used.
    fn credentials(&mut self, entry: &Node) -> Result<Option<Credentials>, String> {
        let text = |node: Option<&Node>| match node.map(|node| &node.what) {
            Some(What::Text(text) | What::Number(text)) => Ok(Some(text.clone())),
            Some(What::Nothing) | None => Ok(None),
            Some(What::List(_) | What::Object(_)) => Err(()),
        };
        let password = text(get(entry, &PASSWORDS)).map_err(|()| {
            self.all.has_secret = true;
            "its credential is not a string: only passwords are supported, and browsers have given up OAuth (RFC 7635)"
        })?;
        let user = text(get(entry, &USERS)).map_err(|()| "its username is not a string")?;
        self.all.has_secret |= password.as_ref().is_some_and(|p| !p.is_empty());
        match (user, password) {
            (Some(user), Some(password)) => Credentials::new(&user, &Secret::new(password))
                .map(Some)
                .map_err(|error| error.to_string()),
            (None, Some(_)) => Err("it has a credential without a username".to_owned()),
            (Some(_), None) if get(entry, &USERS).is_some() => {
                Err("it has a username without a credential".to_owned())
            }
            (_, None) => Ok(None),
        }
    }
}

/// Names of keys of an entry that browsers call otherwise. What stands beside the right name counts nothing.
fn other_names(entry: &Node) -> Vec<String> {
    let What::Object(properties) = &entry.what else {
        return Vec::new();
    };
    let kinds = [&URLS[..], &USERS[..], &PASSWORDS[..]];
    let others = kinds.iter().zip(IN_BROWSERS).filter_map(|(names, right)| {
        if properties.iter().any(|(name, _)| name == right) {
            return None;
        }
        let mut wrong = properties
            .iter()
            .filter(|(name, value)| {
                names.contains(&&*plain(name)) && !matches!(value.what, What::Nothing)
            })
            .map(|(name, _)| format!("{name} instead of {right}"));
        wrong.next()
    });
    others.collect()
}

/// What it means that the application wants relays alone.
fn policy(value: &Node, all: &IceServers) -> Option<Remark> {
    const NAMES: [&str; 3] = ["icetransportpolicy", "icetransports", "icetransporttype"];
    let mut found = levels(value).flatten().filter_map(|node| get(node, &NAMES));
    let is_relay =
        matches!(&found.next()?.what, What::Text(text) if text.eq_ignore_ascii_case("relay"));
    let mut urls = all.entries.iter().flat_map(|entry| &entry.urls);
    is_relay.then(|| Remark::Policy {
        has_turn: urls.any(ServerUri::is_turn),
    })
}

/// Whether this is what a service answers instead of its list.
fn is_refusal(value: &Node) -> bool {
    let says = ["error", "errors", "message", "detail"];
    let failed =
        get(value, &["s", "status", "success", "ok"]).is_some_and(|node| match &node.what {
            What::Text(text) | What::Number(text) => {
                matches!(
                    &*text.to_ascii_lowercase(),
                    "error" | "fail" | "failed" | "false"
                ) || matches!(text.as_bytes(), [b'4' | b'5', _, _])
            }
            _ => false,
        });
    failed || get(value, &says).is_some_and(|node| !matches!(node.what, What::Nothing))
}

/// An entry without URLs.
fn without_urls(entry: &Node) -> String {
    let What::Object(properties) = &entry.what else {
        return "it has no \"urls\"".to_owned();
    };
    let names: Vec<String> = properties
        .iter()
        .map(|(name, _)| name.to_lowercase())
        .filter(|name| KNOWN.contains(&&**name))
        .map(|name| format!("\"{name}\""))
        .collect();
    let instead = match &*names {
        [] => String::new(),
        names => format!(", but {}", listed(names)),
    };
    format!("it has no \"urls\"{instead}")
}

/// What a person should know of the place of the lists; nothing where they are at the usual one.
fn form_of(found: &[(&str, usize, &Node)]) -> Option<String> {
    let (name, depth, list) = found.first()?;
    let mut of_kinds: Vec<String> = found
        .iter()
        .filter(|(name, ..)| matches!(&*plain(name), "stunservers" | "turnservers"))
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    of_kinds.dedup();
    if let Some(first) = of_kinds.first() {
        // Each has its own spelling.
        let whose = match (first.as_str(), of_kinds.len()) {
            ("stunServers", 1) => "Jitsi Meet",
            _ => "Nextcloud Talk",
        };
        let read = match of_kinds.len() {
            1 => "what stands there was read",
            _ => "both lists were read",
        };
        return Some(format!(
            "it is the settings of {whose} or the like ({}), not a list of ICE servers; {read}",
            of_kinds.join(", ")
        ));
    }
    let usual = *name == "iceServers" && matches!(list.what, What::List(_));
    match (usual, depth) {
        (true, 0) => None,
        (true, _) => Some("iceServers stands within another object, and was read there".to_owned()),
        (false, _) if *name == "iceServers" => {
            Some("iceServers is a single entry and not a list, which browsers refuse".to_owned())
        }
        (false, _) => Some(format!(
            "the list is called {name} here, which RTCPeerConnection calls iceServers"
        )),
    }
}
