//! Descriptions that people carry: this side's is printed, the other one's read from standard input.
//!
//! A line is `rtcdiag1:`, the SDP in base64url (RFC 4648 5) without padding, and a full stop. White
//! space in it does not matter, so it may also come in several lines.

use std::io::{self, BufRead, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;

use super::channel::Said;
use crate::report::ErrorReport;

/// Marks a line.
const PREFIX: &str = "rtcdiag1:";
/// Ends it: a line that was cut off is noticed.
const END: char = '.';
/// More is no description.
const LONGEST: usize = 256 * 1024;

/// The other side's description, as it is given.
pub struct Manual {
    given: mpsc::UnboundedReceiver<Said>,
}

impl Manual {
    /// Begins to read standard input: SDP up to an empty line or its end, or a line.
    pub fn open(is_sdp: bool) -> Self {
        let (sender, given) = mpsc::unbounded_channel();
        // A thread of its own, since nothing else can be woken out of reading a terminal; it ends
        // with the program.
        std::thread::spawn(move || read(is_sdp, &sender));
        Self { given }
    }

    /// The next thing that was given.
    pub async fn next(&mut self) -> Said {
        match self.given.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }
}

/// This side's description as a line.
pub fn line(sdp: &str) -> String {
    format!("{PREFIX}{}{END}", URL_SAFE_NO_PAD.encode(sdp))
}

/// The SDP of a line.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_line(line: &str) -> Result<String, String> {
    // Mail and chat programs break lines and put blanks in.
    let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let body = line
        .strip_prefix(PREFIX)
        .ok_or_else(|| format!("it does not begin with {PREFIX}"))?
        .strip_suffix(END)
        .ok_or("its end is missing, a full stop")?;
    let bytes = URL_SAFE_NO_PAD.decode(body);
    let bytes = bytes.map_err(|error| format!("it is damaged ({error})"))?;
    String::from_utf8(bytes).map_err(|_| "it is damaged (not UTF-8)".to_owned())
}

fn read(is_sdp: bool, sender: &mpsc::UnboundedSender<Said>) {
    let mut text = String::new();
    let mut input = io::stdin().lock();
    loop {
        let line = match next_line(&mut input) {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                let error = ErrorReport::new("io", format!("cannot read standard input: {error}"));
                let _ = sender.send(Said::Unusable(error));
                return;
            }
        };
        if text.len() + line.len() > LONGEST {
            let error =
                ErrorReport::new("too-large", "what was given is too long for a description");
            let _ = sender.send(Said::Unusable(error));
            return;
        }
        if !is_sdp {
            text.push_str(&line);
            // A line that does not begin right is complete, and wrong.
            let may_go_on = text.trim_start().starts_with(PREFIX) || text.trim().is_empty();
            if may_go_on && !line.trim_end().ends_with(END) {
                continue;
            }
            match parse_line(&text) {
                Ok(sdp) => {
                    let _ = sender.send(Said::Carried(sdp));
                    return;
                }
                // It may be given once more.
                Err(error) => {
                    let _ = sender.send(Said::Refused(format!(
                        "what was given is no line of rtcdiag: {error}"
                    )));
                    text.clear();
                    continue;
                }
            }
        }
        if line.trim().is_empty() {
            if text.is_empty() {
                continue;
            }
            break;
        }
        text.push_str(line.trim_end());
        text.push_str("\r\n");
    }
    let said = if text.is_empty() || !is_sdp {
        Said::Unusable(ErrorReport::new(
            "no-description",
            "standard input ended before the other side's description was given",
        ))
    } else {
        Said::Carried(text)
    };
    let _ = sender.send(said);
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
        assert!(parse_line("hello").is_err());
        assert!(parse_line(&line[..line.len() - 3]).is_err());
        assert!(parse_line("rtcdiag1:\u{e9}").is_err());
    }
}
