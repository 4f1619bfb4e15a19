//! Audio and video: a line for each direction.

use crate::commands::pair::render::paragraph;
use crate::commands::pair::report::{DirectionReport, MediaReport, PairResult};
use crate::proto::media::Kind;
use crate::proto::signal::message::Source;
use crate::ui::layout::{line, milliseconds, section};
use crate::ui::style::{Ink, Style};

pub(super) fn list(out: &mut String, result: &PairResult, style: Style) {
    let Some(media) = &result.media else {
        return;
    };
    section(out, style, "Sound and picture");
    let mut table = style.table();
    table.set_header(vec![
        "way",
        "packets",
        "lost",
        "jitter",
        "kbit/s",
        "frames",
        "freezes",
        "keyframes asked",
    ]);
    let open = media.iter().filter(|media| media.accepted);
    let ways = open.flat_map(|media| {
        [
            (media, "here", &media.incoming),
            (media, "back", &media.outgoing),
        ]
    });
    let mut is_empty = true;
    for (media, way, direction) in ways {
        is_empty = false;
        let ink = if direction.packets_received.unwrap_or(0) > 0 {
            Ink::Good
        } else {
            Ink::Bad
        };
        let mut row = vec![style.cell(Ink::Bold, format!("{} {way}", media.kind))];
        let mut cells = cells(direction).into_iter();
        row.extend(cells.next().map(|packets| style.cell(ink, packets)));
        row.extend(cells.map(Into::into));
        table.add_row(row);
    }
    if !is_empty {
        line(out, &table.to_string());
    }
    for media in media {
        paragraph(out, style, 1, &about(media));
    }
}

/// Received of sent, and what follows.
fn cells(direction: &DirectionReport) -> [String; 7] {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |it| it.to_string());
    [
        format!(
            "{} of {}",
            number(direction.packets_received),
            number(direction.packets_sent)
        ),
        direction
            .lost
            .map_or_else(|| "-".to_owned(), |it| it.to_string()),
        milliseconds(direction.jitter_ms),
        direction
            .bitrate_kbps
            .map_or_else(|| "-".to_owned(), |it| format!("{it:.0}")),
        number(direction.frames_decoded),
        number(direction.freezes),
        number(direction.keyframe_requests.map(u64::from)),
    ]
}

fn about(media: &MediaReport) -> String {
    let mut parts = Vec::new();
    parts.extend(media.codec.as_ref().map(|codec| match &media.codec_reason {
        Some(reason) => format!("{codec} ({reason})"),
        None => codec.clone(),
    }));
    parts.extend(media.source.map(|source| {
        match (source, media.kind) {
            (Source::Device, Kind::Audio) => "from the microphone",
            (Source::Device, Kind::Video) => "from the camera",
            (Source::Synthetic, _) => "made by the page",
            (Source::None, _) => "from nowhere",
        }
        .to_owned()
    }));
    parts.extend(media.reason.clone());
    if parts.is_empty() {
        parts.push("nothing is known of it".to_owned());
    }
    format!("{}: {}.", media.kind, parts.join("; "))
}
