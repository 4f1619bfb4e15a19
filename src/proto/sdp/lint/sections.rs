//! The `m=` lines (RFC 8866 5.14) and the data channel.

mod simulcast;

use super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Description, Section};

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    if description.sections.is_empty() {
        problems.push(Problem::new(
            Code::SdpNoMedia,
            None,
            "the description has no section (m=): nothing is offered",
            "RFC 3264 5",
            "it is accepted, and no connection comes of it; with WebRTC a track, a transceiver or a data channel was not added before createOffer()",
        ));
    }
    for section in &description.sections {
        media_line(description, section, problems);
        simulcast::check(description, section, problems);
        if section.is_data() {
            data(section, problems);
        }
    }
}

fn media_line(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    let mut refuse = |message: String, rfc| {
        problems.push(Problem::refusal(
            Code::SdpMediaLine,
            section.line,
            message,
            rfc,
            "Chromium refuses the whole description",
        ));
    };
    let fields = section.text.split_ascii_whitespace().count();
    if fields < 4 {
        refuse(
            "m= has at least four fields: kind, port, protocol, formats".to_owned(),
            "RFC 8866 5.14",
        );
        return;
    }
    let port = section
        .text
        .split_ascii_whitespace()
        .nth(1)
        .unwrap_or_default();
    if is_range(port) {
        // Phones may have several ports.
        if description.is_webrtc() {
            refuse(
                format!(
                    "\"{}\" has a number of ports, and WebRTC has one",
                    printable(port)
                ),
                "RFC 8866 5.14",
            );
        }
    } else if port.parse::<u16>().is_err() {
        refuse(
            format!("\"{}\" is no port", printable(port)),
            "RFC 8866 5.14",
        );
    }
    let is_media = matches!(section.kind.as_str(), "audio" | "video");
    if is_media && !section.is_rtp() {
        refuse(
            format!(
                "{} over \"{}\": no protocol of RTP",
                section.kind,
                printable(&section.protocol)
            ),
            "RFC 8866 5.14",
        );
    }
    if section.is_rtp()
        && let Some(format) = section
            .formats
            .iter()
            .find(|format| format.parse::<u8>().map_or(true, |f| f > 127))
    {
        refuse(
            format!(
                "\"{}\" is no payload type: they go from 0 to 127",
                printable(format)
            ),
            "RFC 8866 5.14",
        );
    }
}

/// A port, and how many from it on.
fn is_range(text: &str) -> bool {
    text.split_once('/').is_some_and(|(port, count)| {
        port.parse::<u16>().is_ok() && count.parse::<u16>().is_ok_and(|count| count > 0)
    })
}

/// RFC 8841 4.
const PROTOCOLS: [&str; 3] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"];

/// RFC 8841.
fn data(section: &Section, problems: &mut Vec<Problem>) {
    if !section.is_refused() && !PROTOCOLS.contains(&section.protocol.as_str()) {
        problems.push(
            Problem::new(
                Code::SdpDataChannel,
                section.line,
                format!(
                    "\"{}\" is no protocol of a data channel: it is UDP/DTLS/SCTP",
                    printable(&section.protocol)
                ),
                "RFC 8841 4",
                "Chromium refuses the section (port 0)",
            )
            .severity(Severity::Error),
        );
    }
    let warn = |line: usize, message: &str, practice| {
        Problem::new(Code::SdpDataChannel, line, message, "RFC 8841 4", practice)
            .severity(Severity::Warning)
    };
    let is_old = section
        .formats
        .iter()
        .all(|format| format.parse::<u16>().is_ok());
    if is_old {
        problems.push(warn(
            section.line,
            "the data channel is described in the old way, with a=sctpmap",
            "browsers read it still; newer stacks may not",
        ));
    } else if section
        .formats
        .first()
        .is_some_and(|format| format != "webrtc-datachannel")
    {
        let problem = warn(
            section.line,
            "the format is not webrtc-datachannel",
            "Chromium refuses the whole description",
        );
        let has_port = section.part.has("sctp-port");
        problems.push(Problem {
            severity: if has_port {
                Severity::Error
            } else {
                Severity::Warning
            },
            is_refusal: has_port,
            ..problem
        });
    } else {
        match section.part.first("sctp-port") {
            None => problems.push(warn(
                section.line,
                "there is no a=sctp-port",
                "Chromium takes 5000; others refuse the section",
            )),
            Some(port) if port.value == "0" => problems.push(warn(
                port.line,
                "port 0 of SCTP refuses the data channel",
                "Chromium accepts the section all the same",
            )),
            Some(_) => {}
        }
    }
}
