//! Descriptions as SDP (RFC 8866, 8839, 8841), as a browser would send them for a data channel.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::words::counted;
use crate::proto::data_channel::Part;
use crate::proto::data_channel::fingerprint::Fingerprint;
use crate::proto::ice::candidate::lenient::{self, Oddity};
use crate::proto::ice::candidate::{Candidate, CandidateError, MAX_CANDIDATES};
use crate::proto::ice::facts::{self, NatFacts};

/// Lines of a description that are looked at; a browser's has about thirty.
const MAX_LINES: usize = 2000;

/// The attribute with [`Description::nats`].
const NATS: &str = "x-rtcdiag-nats";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// `a=ice-ufrag`: 4 to 256 characters (RFC 8839 5.4).
    pub ufrag: String,
    /// `a=ice-pwd`: 22 to 256 characters.
    pub password: String,
    /// `a=ice-lite`.
    pub is_lite: bool,
    /// `a=ice-options:trickle` (RFC 8838): more candidates may come.
    pub trickles: bool,
    pub candidates: Vec<Candidate>,
    /// `a=end-of-candidates`: no more will come.
    pub is_complete: bool,
    /// Candidate lines that could not be used, and why.
    pub left_out: Vec<(String, CandidateError)>,
    /// What is not as RFC 8839 has it, and was read all the same, as browsers do.
    pub odd: Vec<String>,
    /// `a=fingerprint`, by SHA-256: the certificate that this side will show.
    pub fingerprint: Option<Fingerprint>,
    /// `a=setup`, if it is settled.
    pub part: Option<Part>,
    /// What another rtcdiag knows of its NATs, in an attribute that others skip (RFC 8866 5.13).
    pub nats: Vec<NatFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// It does not begin with `v=0`.
    #[error("not SDP: it does not begin with v=0")]
    NotSdp,
    /// Longer than any that is meant.
    #[error("the description has more than {MAX_LINES} lines")]
    TooLong,
    #[error("the description has no a=ice-ufrag")]
    NoUfrag,
    #[error("the description has no a=ice-pwd")]
    NoPassword,
    /// Wrong length or characters.
    #[error("the description's {0} does not follow RFC 8839 5.4: {min} to 256 letters, digits, + and /", min = least(.0))]
    Field(&'static str),
    /// Neither ICE parameters nor candidates.
    #[error(
        "it has no ICE (neither a=ice-ufrag nor candidates): what wrote it does not do ICE, as many SIP phones and gateways, so no ICE agent can connect to it"
    )]
    NoIce,
    /// Port 0 in each media section.
    #[error("it refuses all media: each of its m= lines has port 0")]
    AllRefused,
    /// The parameters are our own.
    #[error("it is this side's own description: what the other side gave in answer is meant")]
    Own,
}

impl Description {
    /// As SDP. `session` is a number that tells this description from others of the same host.
    /// `fingerprint` is the hash of the DTLS certificate; without one, a browser cannot be the
    /// other side, but any ICE agent can.
    pub fn to_sdp(&self, session: u64, fingerprint: Option<&str>) -> String {
        let mut sdp = String::new();
        // Writing into a String does not fail.
        let _ = write!(
            sdp,
            "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n",
            session & 0x7fff_ffff_ffff_ffff
        );
        sdp.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        let _ = write!(
            sdp,
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            self.ufrag, self.password
        );
        if self.trickles {
            sdp.push_str("a=ice-options:trickle\r\n");
        }
        if let Some(fingerprint) = fingerprint {
            let _ = write!(
                sdp,
                "a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n"
            );
        }
        sdp.push_str("a=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n");
        for candidate in &self.candidates {
            let _ = write!(sdp, "a={candidate}\r\n");
        }
        if self.is_complete {
            sdp.push_str("a=end-of-candidates\r\n");
        }
        if !self.nats.is_empty()
            && let Ok(nats) = serde_json::to_string(&self.nats)
        {
            let _ = write!(sdp, "a={NATS}:{nats}\r\n");
        }
        sdp
    }

    /// Reads SDP of any ICE agent, of which the first media section with ICE parameters counts. Line ends
    /// may be those of any system. What browsers accept beyond the standard is read, too. Candidates that cannot be used are named in [`Description::left_out`].
    /// Fails if it is no SDP, or has no usable ICE parameters.
    pub fn from_sdp(text: &str) -> Result<Self, DescriptionError> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .skip_while(|line| line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(DescriptionError::NotSdp);
        }
        let mut description = Self::default();
        let mut odd = BTreeMap::new();
        let (mut sections, mut refused) = (0, 0);
        let mut is_over = false;
        for (number, line) in lines.enumerate() {
            if number > MAX_LINES {
                return Err(DescriptionError::TooLong);
            }
            // Before the first one there may be parameters for all of them, but no candidates.
            if line.starts_with("m=") && description.is_section_read() {
                break;
            }
            if let Some(media) = line.strip_prefix("m=") {
                let is_refused = media.split(' ').nth(1) == Some("0");
                sections += 1;
                refused += usize::from(is_refused);
                // What Chromium writes into a section that it refuses, behind one that it takes, is of no transport.
                is_over = is_refused && description.has_parameters();
            }
            if let Some(attribute) = line.strip_prefix("a=").filter(|_| !is_over) {
                description.take(attribute, &mut odd);
            }
        }
        description.odd = odd
            .iter()
            .map(|(oddity, count)| {
                let verb = if *count == 1 { "has" } else { "have" };
                format!("{} {verb} {}", counted(*count, "candidate"), oddity.text())
            })
            .collect();
        if description.has_no_ice() {
            return Err(if sections > 0 && refused == sections {
                DescriptionError::AllRefused
            } else {
                DescriptionError::NoIce
            });
        }
        let ufrag = check("ice-ufrag", &description.ufrag, DescriptionError::NoUfrag)?;
        let password = check(
            "ice-pwd",
            &description.password,
            DescriptionError::NoPassword,
        )?;
        description
            .odd
            .extend([ufrag, password].into_iter().flatten());
        Ok(description)
    }

    fn has_no_ice(&self) -> bool {
        self.ufrag.is_empty()
            && self.password.is_empty()
            && self.candidates.is_empty()
            && self.left_out.is_empty()
    }

    /// Whether a section that ICE is used for has been read. One that the other side has refused has
    /// neither parameters nor candidates.
    fn is_section_read(&self) -> bool {
        self.has_parameters() && !(self.candidates.is_empty() && self.left_out.is_empty())
    }

    fn has_parameters(&self) -> bool {
        !self.ufrag.is_empty() && !self.password.is_empty()
    }

    fn take(&mut self, attribute: &str, odd: &mut BTreeMap<Oddity, usize>) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-ufrag" => value.clone_into(&mut self.ufrag),
            "ice-pwd" => value.clone_into(&mut self.password),
            "ice-lite" => self.is_lite = true,
            "ice-options" => self.trickles |= value.split(' ').any(|option| option == "trickle"),
            "end-of-candidates" => self.is_complete = true,
            "fingerprint" => self.fingerprint = self.fingerprint.or(value.parse().ok()),
            "setup" => {
                self.part = match value {
                    "active" => Some(Part::Begins),
                    "passive" => Some(Part::Waits),
                    _ => None,
                }
            }
            // What cannot be read there is not missed.
            NATS => {
                self.nats = serde_json::from_str(value).unwrap_or_default();
                facts::bound(&mut self.nats);
            }
            "candidate" => match lenient::read(attribute) {
                Ok(_) if self.candidates.len() >= MAX_CANDIDATES => {}
                Ok((candidate, oddities)) => {
                    for oddity in oddities {
                        *odd.entry(oddity).or_default() += 1;
                    }
                    self.candidates.push(candidate);
                }
                Err(error) => {
                    if self.left_out.len() < MAX_CANDIDATES {
                        self.left_out.push((attribute.to_owned(), error));
                    }
                }
            },
            _ => {}
        }
    }
}

/// The fewest characters of one of the two.
fn least(name: &str) -> usize {
    if name == "ice-ufrag" { 4 } else { 22 }
}

/// RFC 8839 5.4: `ice-char`s, at least so many, at most 256. Gives what is odd about it: browsers take
/// four more characters.
fn check(
    name: &'static str,
    value: &str,
    missing: DescriptionError,
) -> Result<Option<String>, DescriptionError> {
    if value.is_empty() {
        return Err(missing);
    }
    let is_ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let is_taken = |c: char| is_ice_char(c) || matches!(c, '-' | '=' | '#' | '_');
    if !(least(name)..=256).contains(&value.len()) || !value.chars().all(is_taken) {
        return Err(DescriptionError::Field(name));
    }
    let odd = value.chars().find(|c| !is_ice_char(*c));
    Ok(odd.map(|c| format!("{name} has the character {c}, which RFC 8839 5.4 does not allow")))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::base::family::Family;

    fn description() -> Description {
        Description {
            ufrag: "abcd".into(),
            password: "0123456789abcdefghijkl".into(),
            is_lite: false,
            trickles: true,
            candidates: vec![
                "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"
                    .parse()
                    .expect("valid"),
            ],
            is_complete: true,
            left_out: Vec::new(),
            odd: Vec::new(),
            fingerprint: None,
            part: None,
            nats: vec![NatFacts::blocked(
                Family::Ipv4,
                IpAddr::from([192, 0, 2, 1]),
            )],
        }
    }

    #[test]
    fn a_description_survives_the_round_trip() {
        let sdp = description().to_sdp(7, Some("AA:BB"));
        assert_eq!(Description::from_sdp(&sdp), Ok(description()));
        assert_eq!(
            Description::from_sdp(&sdp.replace("\r\n", "\n")),
            Ok(description())
        );
    }

    #[test]
    fn what_a_browser_sends_is_understood() {
        let sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
            a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n\
            m=application 54555 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.5\r\n\
            a=candidate:1 1 udp 2113937151 8f3d.local 54555 typ host generation 0 network-cost 999\r\n\
            a=candidate:2 1 udp 1677729535 203.0.113.5 54555 typ srflx raddr 0.0.0.0 rport 0 generation 0\r\n\
            a=ice-ufrag:Oyef\r\na=ice-pwd:6B5wYtq9xXb0x4u5l0m9hK1T\r\na=ice-options:trickle\r\n\
            a=fingerprint:sha-256 00:11\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n";
        let read = Description::from_sdp(sdp).expect("valid");
        assert_eq!(read.ufrag, "Oyef");
        assert_eq!(read.candidates.len(), 1);
        assert!(matches!(read.left_out[0].1, CandidateError::Name(_)));
        assert!(read.trickles && !read.is_complete);
        assert_eq!((read.fingerprint, read.part), (None, None));
        let print = Fingerprint::of(b"a certificate");
        let sdp = sdp.replace("00:11", &print.to_string());
        let answer = Description::from_sdp(&sdp.replace("actpass", "active")).expect("valid");
        assert_eq!(answer.fingerprint, Some(print));
        assert_eq!(answer.part, Some(Part::Begins));
    }

    #[test]
    fn what_is_missing_is_named() {
        let sdp = description().to_sdp(7, None);
        let without = |start: &str| {
            let kept: Vec<&str> = sdp.lines().filter(|l| !l.starts_with(start)).collect();
            Description::from_sdp(&kept.join("\n"))
        };
        assert_eq!(without("v="), Err(DescriptionError::NotSdp));
        assert_eq!(without("a=ice-ufrag"), Err(DescriptionError::NoUfrag));
        assert_eq!(without("a=ice-pwd"), Err(DescriptionError::NoPassword));
        let short = sdp.replace("0123456789abcdefghijkl", "short");
        assert_eq!(
            Description::from_sdp(&short),
            Err(DescriptionError::Field("ice-pwd"))
        );
        assert_eq!(Description::from_sdp(""), Err(DescriptionError::NotSdp));
    }

    #[test]
    fn what_browsers_accept_is_read_and_named() {
        let sdp = "v=0\ns=-\nm=audio 0 RTP/AVP 0\na=inactive\nm=audio 9 RTP/AVP 0\n\
            a=candidate: 1 udp 7 192.0.2.1 5000 typ host\na=candidate: 1 udp 8 192.0.2.2 5000 typ host\n\
            a=candidate: 1 tcp 9 192.0.2.1 9 typ host tcptype active\n\
            a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl=\nm=video 9 RTP/AVP 96\n\
            a=candidate:3 1 udp 7 192.0.2.3 5000 typ host\na=ice-ufrag:efgh\n";
        let read = Description::from_sdp(sdp).expect("as browsers read it");
        assert_eq!((read.candidates.len(), read.left_out.len()), (2, 1));
        assert_eq!(read.ufrag, "abcd");
        assert_eq!(read.odd[0], "2 candidates have no foundation");
        assert!(
            read.odd[1].starts_with("ice-pwd has the character ="),
            "{:?}",
            read.odd
        );
    }

    #[test]
    fn a_refused_section_behind_an_open_one_does_not_count() {
        let open = "v=0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n\
            a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\na=setup:active\n";
        let refused = "m=video 0 UDP/TLS/RTP/SAVPF 0\n\
            a=ice-ufrag:efgh\na=ice-pwd:ABCDEFGHIJKLMNOPQRSTUV\na=setup:passive\n";
        let read = Description::from_sdp(&format!("{open}{refused}")).expect("valid");
        assert_eq!((&*read.ufrag, read.part), ("abcd", Some(Part::Begins)));
        let first = format!("v=0\n{refused}{}", &open[4..]);
        let read = Description::from_sdp(&first).expect("valid");
        assert_eq!((&*read.ufrag, read.part), ("abcd", Some(Part::Begins)));
    }

    #[test]
    fn thousands_of_candidates_are_cut() {
        let mut long = description();
        let first = long.candidates[0].clone();
        long.candidates = vec![first; 1500];
        let read = Description::from_sdp(&long.to_sdp(1, None)).expect("valid");
        assert_eq!(read.candidates.len(), MAX_CANDIDATES);
    }
}
