//! Descriptions, as the other side sends them and as people paste them.

use rtcdiag::base::bounds::CANDIDATES;
use rtcdiag::proto::signal::carried;
use rtcdiag::proto::signal::description::Description;

pub fn body(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let is_whole = carried::is_whole(&text);
    let carried = carried::sdp_in(&text);
    for sdp in carried.iter().map(String::as_str).chain([&*text]) {
        let Ok(read) = Description::from_sdp(sdp) else {
            continue;
        };
        assert!(read.candidates.len() <= CANDIDATES && read.left_out.len() <= CANDIDATES);
        let again = Description::from_sdp(&read.to_sdp(1, None));
        let again = again.unwrap_or_else(|error| panic!("{error}: {is_whole} {sdp:?}"));
        assert_eq!(
            (&again.ufrag, &again.password),
            (&read.ufrag, &read.password)
        );
        assert_eq!(again.candidates.len(), read.candidates.len());
    }
}
