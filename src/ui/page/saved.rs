//! The document inside the page, as a file to be saved.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

/// Documents above this are packed.
const PLAIN_BYTES: usize = 30_000;

/// A link that saves the document.
pub(super) fn document(document: &Value) -> String {
    let json = document.to_string();
    let packed = (json.len() > PLAIN_BYTES)
        .then(|| packed(json.as_bytes()))
        .flatten();
    let (kind, name, bytes) = match packed {
        Some(bytes) => ("gzip", "rtcdiag.json.gz", bytes),
        None => ("json", "rtcdiag.json", json.into_bytes()),
    };
    format!(
        "<p><a download={name} href=\"data:application/{kind};base64,{}\">Save the whole result as {name}</a></p>",
        STANDARD.encode(bytes)
    )
}

fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
