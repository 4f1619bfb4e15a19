//! Packet captures, damaged in any way.

use rtcdiag::proto::capture::file::CaptureFile;
use rtcdiag::proto::capture::observer::Observer;

pub fn body(input: &[u8]) {
    let frames = |piece: usize| {
        let mut file = CaptureFile::default();
        let mut observer = Observer::default();
        let mut frames = 0;
        for bytes in input.chunks(piece) {
            file.push(bytes, &mut |frame| {
                assert!(frame.bytes.len() <= input.len());
                frames += 1;
                observer.take(frame);
            });
        }
        file.finish();
        (frames, file.fault, observer.packets, observer.paths.len())
    };
    // In whatever pieces it comes.
    assert_eq!(frames(7), frames(input.len().max(1)));
}
