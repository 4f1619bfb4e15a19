//! A description: the session, and its sections.

use std::collections::HashMap;
use std::str::FromStr;

use super::codec::Codec;
use super::direction::Direction;
use super::scan::{Line, LineEnds, Scan, Stray, scan, scan_copied};

/// Sections that are read: conferences have some hundreds.
const MAX_SECTIONS: usize = 2000;

/// Whether a description offers or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    Offer,
    Answer,
    /// JSEP's provisional answer (RFC 8829 4.1.8).
    Pranswer,
}

/// An `a=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub line: usize,
    pub name: String,
    /// Behind the colon; empty if there is none.
    pub value: String,
    /// All behind `a=`.
    pub text: String,
    /// Blanks stood at the end.
    pub has_blank: bool,
}

/// What the session and a section have alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The address in `c=`, and its line.
    pub connection: Option<(String, usize)>,
    pub attributes: Vec<Attribute>,
    /// Other lines than `m=`, `c=` and `a=`.
    pub others: Vec<Line>,
}

/// An `m=` line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub line: usize,
    /// What stands behind `m=`.
    pub text: String,
    /// Blanks stood at the end.
    pub has_blank: bool,
    /// audio, video, application and others.
    pub kind: String,
    /// `None` if it is not a number up to 65535.
    pub port: Option<u16>,
    pub protocol: String,
    /// Payload types, or what else the protocol has.
    pub formats: Vec<String>,
    pub part: Part,
    /// In the order of `m=`, those of which something is known.
    pub codecs: Vec<Codec>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub role: Option<Role>,
    pub session: Part,
    pub sections: Vec<Section>,
    pub strays: Vec<Stray>,
    pub ends: LineEnds,
    /// It is longer than what was read.
    pub is_cut: bool,
    /// Its text is byte for byte what the program has: it was in JSON, and not copied by hand.
    pub is_exact: bool,
}

impl Part {
    /// Attributes of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.name == name)
    }

    pub fn first(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The last one counts, as in browsers; the line says where it is.
    pub fn direction(&self) -> Option<(Direction, usize)> {
        self.directions().last()
    }

    pub fn directions(&self) -> impl Iterator<Item = (Direction, usize)> {
        self.attributes.iter().filter_map(|attribute| {
            let direction = Direction::from_str(&attribute.text).ok()?;
            Some((direction, attribute.line))
        })
    }

    fn take(&mut self, line: Line) {
        match line.letter {
            'a' => self.attributes.push(Attribute::of(line)),
            'c' => {
                let address = line
                    .value
                    .split_ascii_whitespace()
                    .nth(2)
                    .unwrap_or_default();
                // Multicast has a TTL behind it (RFC 8866 5.7).
                let address = address.split('/').next().unwrap_or_default().to_owned();
                self.connection = Some((address, line.number));
                self.others.push(line);
            }
            _ => self.others.push(line),
        }
    }
}

impl Attribute {
    fn of(line: Line) -> Self {
        let text = line.value;
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        Self {
            line: line.number,
            name: name.trim().to_owned(),
            // Blanks of other alphabets are none here: `111\u{a0}minptime=10` is one word.
            value: value.trim_ascii().to_owned(),
            text: text.clone(),
            has_blank: line.has_blank,
        }
    }
}

impl Section {
    fn of(line: Line) -> Self {
        let text = line.value;
        let mut fields = text.split_ascii_whitespace().map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        let (kind, port, protocol) = (next(), next(), next());
        Self {
            line: line.number,
            kind,
            port: port.split('/').next().and_then(|port| port.parse().ok()),
            protocol,
            formats: fields.collect(),
            part: Part::default(),
            codecs: Vec::new(),
            text,
            has_blank: line.has_blank,
        }
    }

    pub fn mid(&self) -> Option<&str> {
        self.part.first("mid").map(|mid| mid.value.as_str())
    }

    pub fn is_rtp(&self) -> bool {
        self.protocol.contains("RTP/")
    }

    pub fn is_data(&self) -> bool {
        self.kind == "application" && self.protocol.contains("SCTP")
    }

    /// Whether browsers take it, if its codecs do: sections of other kinds and protocols they refuse one by one, and
    /// want neither ICE nor DTLS of them.
    pub fn is_of_browsers(&self) -> bool {
        match self.kind.as_str() {
            "audio" | "video" => true,
            "application" => self.protocol.contains("DTLS/SCTP"),
            _ => false,
        }
    }

    /// Port 0 refuses (RFC 3264 6), unless the section is to be bundled only (RFC 8843 7.1.3).
    pub fn is_refused(&self) -> bool {
        self.port == Some(0) && !self.part.has("bundle-only")
    }

    /// The codec that is used: the first that carries media, or the first at all.
    pub fn codec(&self) -> Option<&Codec> {
        let media = self.codecs.iter().find(|codec| codec.is_media());
        media.or_else(|| self.codecs.first())
    }

    /// How people call it.
    pub fn name(&self) -> String {
        let kind = if self.is_data() {
            "data"
        } else {
            self.kind.as_str()
        };
        match self.mid() {
            Some(mid) => format!("{kind} (mid {mid})"),
            None => kind.to_owned(),
        }
    }

    /// Codecs from `m=`, `a=rtpmap` and `a=fmtp`. One that has neither a static payload type nor a map is left out.
    fn read_codecs(&mut self) {
        if !self.is_rtp() {
            return;
        }
        let mut listed: Vec<Option<Codec>> = vec![None; 256];
        for attribute in self.part.all("rtpmap") {
            if let Some(codec) = Codec::of_rtpmap(&attribute.value, attribute.line) {
                let slot = usize::from(codec.payload);
                listed[slot] = Some(codec);
            }
        }
        let mut seen = [false; 256];
        let mut codecs = Vec::new();
        for payload in self
            .formats
            .iter()
            .filter_map(|format| format.parse::<u8>().ok())
        {
            let known = listed[usize::from(payload)].take();
            let known = known.or_else(|| Codec::of_static(payload, self.line));
            if !std::mem::replace(&mut seen[usize::from(payload)], true) {
                codecs.extend(known);
            }
        }
        for attribute in self.part.all("fmtp") {
            let Some((payload, text)) = attribute.value.split_once(' ') else {
                continue;
            };
            let payload = payload.parse::<u8>().ok();
            if let Some(codec) = codecs
                .iter_mut()
                .find(|codec| Some(codec.payload) == payload)
            {
                codec.take_parameters(text);
            }
        }
        self.codecs = codecs;
    }
}

impl Description {
    /// Reads a text. `first` is the number of its first line.
    pub fn read(text: &str, first: usize) -> Self {
        Self::of(scan(text, first))
    }

    /// Reads a text that somebody copied, and that may have been wrapped.
    pub fn read_copied(text: &str, first: usize) -> Self {
        Self::of(scan_copied(text, first))
    }

    fn of(scan: Scan) -> Self {
        let mut session = Part::default();
        let mut sections: Vec<Section> = Vec::new();
        let mut is_cut = scan.is_cut;
        for line in scan.lines {
            if line.letter == 'm' && sections.len() >= MAX_SECTIONS {
                is_cut = true;
                break;
            }
            if line.letter == 'm' {
                sections.push(Section::of(line));
            } else {
                let part = sections
                    .last_mut()
                    .map_or(&mut session, |section| &mut section.part);
                part.take(line);
            }
        }
        for section in &mut sections {
            section.read_codecs();
        }
        Self {
            role: None,
            session,
            sections,
            strays: scan.strays,
            ends: scan.ends,
            is_cut,
            is_exact: false,
        }
    }

    /// An attribute of a section, or that of the session for all of them.
    pub fn of_section<'a>(&'a self, section: &'a Section, name: &str) -> Option<&'a Attribute> {
        section
            .part
            .first(name)
            .or_else(|| self.session.first(name))
    }

    /// What a section that says nothing does is sendrecv (RFC 8866 6.7).
    pub fn direction_of(&self, section: &Section) -> Direction {
        let own = section.part.direction();
        let found = own.or_else(|| self.session.direction());
        found.map_or(Direction::Sendrecv, |(direction, _)| direction)
    }

    pub fn address_of<'a>(&'a self, section: &'a Section) -> Option<&'a (String, usize)> {
        section
            .part
            .connection
            .as_ref()
            .or(self.session.connection.as_ref())
    }

    /// The number of its last line.
    pub fn last_line(&self) -> Option<usize> {
        let section = self.sections.last();
        let part = section.map_or(&self.session, |section| &section.part);
        let attributes = part.attributes.iter().map(|attribute| attribute.line);
        let others = part.others.iter().map(|line| line.number);
        attributes
            .chain(others)
            .chain(section.map(|section| section.line))
            .max()
    }

    /// The mids of each BUNDLE group (RFC 8843 5), and its line.
    pub fn bundles(&self) -> Vec<(Vec<&str>, usize)> {
        let groups = self.session.all("group").filter_map(|group| {
            let mut words = group.value.split_ascii_whitespace();
            (words.next() == Some("BUNDLE")).then(|| (words.collect(), group.line))
        });
        groups.collect()
    }

    /// Names as Chromium gives them to sections that have none: numbers from 0 on.
    pub fn assumed_mids(&self) -> Vec<String> {
        let mut next = 0;
        let names = self.sections.iter().map(|section| {
            section.mid().map_or_else(
                || {
                    next += 1;
                    (next - 1).to_string()
                },
                str::to_owned,
            )
        });
        names.collect()
    }

    /// For each section the one whose transport it uses: that which its bundle names first of those that are open
    /// (RFC 8843 7.2.1), or itself.
    pub fn carriers(&self) -> Vec<usize> {
        let names = self.assumed_mids();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            places.entry(name).or_insert(index);
        }
        let mut carriers: Vec<usize> = (0..self.sections.len()).collect();
        let mut is_taken = vec![false; self.sections.len()];
        for (mids, _) in self.bundles() {
            let inside: Vec<usize> = mids
                .iter()
                .filter_map(|mid| places.get(mid).copied())
                .collect();
            let first = inside.iter().copied().find(|index| {
                let section = &self.sections[*index];
                section.port != Some(0) && section.is_of_browsers()
            });
            let Some(first) = first else { continue };
            for index in inside {
                if !std::mem::replace(&mut is_taken[index], true) {
                    carriers[index] = first;
                }
            }
        }
        carriers
    }

    /// The section whose transport a section of this description uses.
    pub fn carrier<'a>(&'a self, section: &'a Section) -> &'a Section {
        let mut sections = self.sections.iter();
        let at = sections.position(|other| other.line == section.line);
        at.map_or(section, |at| &self.sections[self.carriers()[at]])
    }

    /// `a=setup` in small letters, if all that say it say the same.
    pub fn dtls_role(&self) -> Option<String> {
        let parts =
            std::iter::once(&self.session).chain(self.sections.iter().map(|section| &section.part));
        let mut roles = parts
            .filter_map(|part| part.first("setup"))
            .map(|setup| setup.value.to_ascii_lowercase());
        let first = roles.next()?;
        roles.all(|role| role == first).then_some(first)
    }

    pub fn is_lite(&self) -> bool {
        self.session.has("ice-lite")
            || self
                .sections
                .iter()
                .any(|section| section.part.has("ice-lite"))
    }

    /// The session and the sections.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.session).chain(self.sections.iter().map(|section| &section.part))
    }

    /// Whether it is meant for WebRTC: with DTLS, a data channel, or ICE for media that is not plain. Others are of SIP
    /// and the like (RFC 3264), which may have ICE, too (RFC 8839).
    pub fn is_webrtc(&self) -> bool {
        let has_dtls = self.parts().any(|part| part.has("fingerprint"))
            || self
                .sections
                .iter()
                .any(|section| section.is_data() || section.protocol.contains("TLS"));
        has_dtls || self.has_ice() && !self.is_of_phones()
    }

    pub fn has_ice(&self) -> bool {
        self.parts()
            .any(|part| part.has("ice-ufrag") || part.has("ice-pwd"))
    }

    /// Whether all its media is in the clear, or has its keys in the description (RFC 4568).
    fn is_of_phones(&self) -> bool {
        let mut media = self.sections.iter().filter(|section| section.is_rtp());
        let is_plain = |section: &Section| match section.protocol.as_str() {
            "RTP/AVP" | "RTP/AVPF" => true,
            "RTP/SAVP" => self.of_section(section, "crypto").is_some(),
            _ => false,
        };
        self.sections.iter().any(Section::is_rtp) && media.all(is_plain)
    }

    /// Whether Chromium, or what is built on its library, has written it.
    pub fn is_of_chromium(&self) -> bool {
        self.session
            .all("msid-semantic")
            .any(|semantic| semantic.value.starts_with("WMS"))
            || self.session.has("extmap-allow-mixed")
    }
}
