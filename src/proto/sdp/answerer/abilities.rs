//! Codecs of an answerer, as it would list them.

use super::super::codec::Codec;

/// From rows of payload type, map and parameters. Payload types matter only where they are static.
pub(super) fn codecs(rows: &[(u8, &str, &str)]) -> Vec<Codec> {
    let codecs = rows.iter().filter_map(|(payload, map, parameters)| {
        let mut codec = Codec::of_rtpmap(&format!("{payload} {map}"), 0)?;
        codec.take_parameters(parameters);
        Some(codec)
    });
    codecs.collect()
}
