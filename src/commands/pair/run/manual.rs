//! Descriptions that people carry: this side's is printed, the other one's read from standard input.
//! SDP may come in whatever form other programs and mail give it.
//!
//! A line is `rtcdiag2:`, the packed SDP in base64url (RFC 4648 5) without padding, and a full stop. White
//! space in it does not matter, so it may also come in several lines. `rtcdiag1:` has SDP that is not packed.

use std::io::{self, BufRead, Read as _};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;

use crate::base::bounds::{PASTE as LONGEST, PASTES_WAITING, WRONG_PASTES};
use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::pair::run::channel::ChannelEvent;
use crate::proto::signal::carried;
use crate::proto::signal::code::Code as SessionCode;
use crate::proto::signal::packed::{pack, unpack};

/// Marks a line.
const PREFIX: &str = "rtcdiag2:";
/// Marks one of earlier versions.
const PREFIX_PLAIN: &str = "rtcdiag1:";
/// Ends it: a line that was cut off is noticed.
const END: char = '.';
const CUT_OFF: &str = "it was cut off: its end, a full stop, is missing";
/// What is pasted in several lines comes at once: after so long, no more of it does.
const ALL_OF_A_PASTE: Duration = Duration::from_millis(300);

pub struct Manual {
    given: mpsc::Receiver<ChannelEvent>,
}

impl Manual {
    /// Begins to read standard input: SDP up to an empty line or its end, or a line.
    /// `own` is the user name fragment of this side, by which its own line is known.
    pub fn open(is_sdp: bool, own: String) -> Self {
        let (sender, given) = mpsc::channel(PASTES_WAITING);
        // A thread of its own, since nothing else can be woken out of reading a terminal; it ends
        // with the program.
        std::thread::spawn(move || read(is_sdp, &own, &sender));
        Self { given }
    }

    pub async fn next(&mut self) -> ChannelEvent {
        match self.given.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }
}

pub fn line(sdp: &str) -> String {
    match pack(sdp) {
        Some(packed) => format!("{PREFIX}{}{END}", URL_SAFE_NO_PAD.encode(packed)),
        None => format!("{PREFIX_PLAIN}{}{END}", URL_SAFE_NO_PAD.encode(sdp)),
    }
}

/// The SDP of a line.
pub fn parse_line(line: &str) -> Result<String, String> {
    // Mail and chat programs break lines and put blanks in.
    let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let packed = line.strip_prefix(PREFIX);
    let body = packed
        .or_else(|| line.strip_prefix(PREFIX_PLAIN))
        .ok_or_else(|| other_form(&line))?
        .strip_suffix(END)
        .ok_or(CUT_OFF)?;
    let bytes = URL_SAFE_NO_PAD.decode(body);
    let bytes = bytes.map_err(|_| "it is damaged: copy all of it once more")?;
    if packed.is_some() {
        return unpack(&bytes).map_err(|error| error.to_string());
    }
    String::from_utf8(bytes).map_err(|_| "it is damaged (not UTF-8)".to_owned())
}

/// What was given in place of a line, white space left out.
fn other_form(text: &str) -> String {
    let is_of_other_version = text.strip_prefix("rtcdiag").is_some_and(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.starts_with(':')
    });
    let what = match text {
        _ if is_of_other_version => {
            "it is from another version of rtcdiag: use the same on both sides"
        }
        _ if text.starts_with("rtcdiagpair") => "it is a command for the other host, not its line",
        _ if text.starts_with("v=0") || text.contains("a=candidate:") => {
            "it is SDP, which --manual=sdp reads"
        }
        _ if text.starts_with(['{', '[']) => "it is JSON, which --manual=sdp reads if SDP is in it",
        _ if text.contains("://") => "it is a link",
        _ if text.parse::<SessionCode>().is_ok() => {
            "it is a session code, which --manual does without: paste the line that the other side prints"
        }
        _ => return format!("it does not begin with {PREFIX}"),
    };
    what.to_owned()
}

fn begins_a_line(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with(PREFIX) || text.starts_with(PREFIX_PLAIN)
}

/// Of what was given where SDP is meant; a line of this program is read too.
fn sdp_of(text: &str) -> Result<String, String> {
    if begins_a_line(text) {
        return parse_line(text);
    }
    carried::sdp_in(text)
}

fn read(is_sdp: bool, own: &str, sender: &mpsc::Sender<ChannelEvent>) {
    let (reader, lines) = sync_channel(PASTES_WAITING);
    // Reading cannot be given up in time, waiting for what was read can.
    std::thread::spawn(move || read_lines(&reader));
    let said = if is_sdp {
        of_sdp(&lines)
    } else {
        of_lines(&lines, own, sender)
    };
    // Nobody listens any more at the end of the session.
    let _ = sender.blocking_send(said.unwrap_or_else(ChannelEvent::Unusable));
}

/// A line, or `None` at the end of the input.
type Read = io::Result<Option<String>>;
type Lines = std::sync::mpsc::Receiver<Read>;

fn read_lines(reader: &SyncSender<Read>) {
    let mut input = io::stdin().lock();
    loop {
        let line = next_line(&mut input);
        let is_last = !matches!(line, Ok(Some(_)));
        if reader.send(line).is_err() || is_last {
            return;
        }
    }
}

/// What was read, if there is room for it.
fn taken(line: Read, so_far: usize) -> Result<Option<String>, ErrorReport> {
    let line = line.map_err(|error| {
        ErrorReport::new(Code::Io, format!("cannot read standard input: {error}"))
    })?;
    if line
        .as_ref()
        .is_some_and(|line| so_far + line.len() > LONGEST)
    {
        return Err(ErrorReport::new(
            Code::TooLarge,
            "what was given is too long for a description",
        ));
    }
    Ok(line)
}

/// The reader is there until it has given the last line.
fn ended(_: impl std::error::Error) -> ErrorReport {
    nothing_given("standard input ended before the other side's description was given")
}

fn nothing_given(why: &str) -> ErrorReport {
    ErrorReport::new(Code::NoDescription, why)
}

/// SDP, up to an empty line or the end of the input.
fn of_sdp(lines: &Lines) -> Result<ChannelEvent, ErrorReport> {
    let mut text = String::new();
    let mut next = None;
    loop {
        let read = match next.take() {
            Some(read) => read,
            None => lines.recv().map_err(ended)?,
        };
        let Some(line) = taken(read, text.len())? else {
            break;
        };
        if line.trim().is_empty() {
            // What was copied may have empty lines within; two of them end it in any case.
            if text.trim().is_empty() {
                continue;
            }
            if text.ends_with("\r\n\r\n") {
                break;
            }
            if carried::is_whole(&text) {
                match lines.recv_timeout(ALL_OF_A_PASTE) {
                    Ok(read) => next = Some(read),
                    Err(_) => break,
                }
            }
        }
        text.push_str(line.trim_end());
        text.push_str("\r\n");
    }
    if text.trim().is_empty() {
        let why = "standard input ended before the other side's description was given";
        return Err(nothing_given(why));
    }
    sdp_of(&text).map(ChannelEvent::Carried).map_err(|why| {
        ErrorReport::new(
            Code::BadDescription,
            format!("the other side's description cannot be used: {why}"),
        )
    })
}

/// The other side's line, which may be pasted in pieces, and wrongly at first.
fn of_lines(
    lines: &Lines,
    own: &str,
    sender: &mpsc::Sender<ChannelEvent>,
) -> Result<ChannelEvent, ErrorReport> {
    let mut text = String::new();
    let mut wrong = 0;
    let mut say = |why: &str| {
        wrong += 1;
        if wrong > WRONG_PASTES {
            let what =
                format!("more than {WRONG_PASTES} lines were given that are not from rtcdiag");
            return Err(ErrorReport::new(Code::BadDescription, what));
        }
        let what = format!("what was given is not the other side's line: {why}");
        let _ = sender.blocking_send(ChannelEvent::WrongPaste(what));
        Ok(())
    };
    let mut is_told = false;
    loop {
        let is_begun = !text.trim().is_empty();
        let line = if is_begun && !is_told {
            match lines.recv_timeout(ALL_OF_A_PASTE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    say(
                        "its end, a full stop, is missing: paste the rest of it, or all of it once more",
                    )?;
                    is_told = true;
                    continue;
                }
                Err(error) => return Err(ended(error)),
            }
        } else {
            lines.recv().map_err(ended)?
        };
        let Some(line) = taken(line, text.len())? else {
            return Err(nothing_given(if is_begun {
                "standard input ended in the middle of the other side's line: its end, a full stop, is missing"
            } else {
                "standard input ended before the other side's description was given"
            }));
        };
        // All of it once more, or something else.
        if is_begun && (begins_a_line(&line) || !may_go_on(&line)) {
            if !is_told {
                say(CUT_OFF)?;
            }
            text.clear();
        }
        text.push_str(&line);
        // A line that does not begin right is complete, and wrong.
        let is_open = begins_a_line(&text) || text.trim().is_empty();
        if is_open && !line.trim_end().ends_with(END) {
            is_told &= !begins_a_line(&line);
            continue;
        }
        is_told = false;
        let given = parse_line(&text).and_then(|sdp| {
            let mut attributes = sdp.lines();
            let is_own = attributes.any(|line| line.strip_prefix("a=ice-ufrag:") == Some(own));
            if is_own {
                Err("it is this side's own line: give it to the other side, and paste what that side prints".to_owned())
            } else {
                Ok(sdp)
            }
        });
        match given {
            Ok(sdp) => return Ok(ChannelEvent::Carried(sdp)),
            // It may be given once more.
            Err(why) => say(&why)?,
        }
        text.clear();
    }
}

/// Whether this may be the rest of a line.
fn may_go_on(line: &str) -> bool {
    let is_of_line =
        |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || matches!(c, '-' | '_' | END);
    line.chars().all(is_of_line)
}

/// A line, its end included; of a line that is far too long, enough to see that it is.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let most = LONGEST as u64 + 1;
    input.by_ref().take(most).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() > LONGEST {
        // It may have been cut in the middle of a character.
        return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
    }
    let text = String::from_utf8(line);
    text.map(Some)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_far_as_they_can_be_meant() {
        let mut input = &b"one\r\n\ntwo"[..];
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).expect("UTF-8") {
            lines.push(line);
        }
        assert_eq!(lines, ["one\r\n", "\n", "two"]);
        let long = vec![b'x'; 3 * LONGEST];
        let line = next_line(&mut long.as_slice()).expect("readable");
        assert_eq!(line.map(|l| l.len()), Some(LONGEST + 1));
        assert!(next_line(&mut &b"\xff\n"[..]).is_err());
    }

    #[test]
    fn a_line_survives_what_chat_programs_do_to_it() {
        let sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n";
        let line = line(sdp);
        let broken = format!(" {}\n{} ", &line[..20], &line[20..]);
        assert_eq!(parse_line(&broken).as_deref(), Ok(sdp));
        let plain = format!("rtcdiag1:{}.", URL_SAFE_NO_PAD.encode(sdp));
        assert_eq!(parse_line(&plain).as_deref(), Ok(sdp));
        assert!(parse_line("hello").is_err());
        for (given, said) in [
            ("https://call.example.org/#8K2M-4T9Q", "a link"),
            ("rtcdiag pair 8K2M-4T9Q", "a command"),
            ("rtcdiag3:dj0w.", "another version"),
            ("rtcdiag2:dj0w.", "cannot be unpacked"),
            (
                "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host",
                "--manual=sdp",
            ),
            ("{\"sdp\": \"v=0\"}", "JSON"),
            ("rtcdiag1:dj0w", "cut off"),
            ("rtcdiag1:abcdef:.", "damaged: copy"),
        ] {
            let error = parse_line(given).expect_err(given);
            assert!(error.contains(said), "{given}: {error}");
        }
        let code = SessionCode::new([7; 10]).to_string();
        let error = parse_line(&code).expect_err("no line");
        assert!(error.contains("a session code"), "{error}");
        assert!(parse_line(&line[..line.len() - 3]).is_err());
        assert!(parse_line("rtcdiag1:\u{e9}").is_err());
    }
}
