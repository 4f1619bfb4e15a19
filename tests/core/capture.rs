//! Real captures of calls (`tests/evidence`).

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rtcdiag::proto::capture::file::CaptureFile;
use rtcdiag::proto::capture::observer::Observer;

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let cases = fs::read_dir(folder).expect("it is there");
    let cases = cases
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    cases
        .flat_map(|case| ["a", "b"].map(|end| case.join(end).join("capture.pcapng.gz")))
        .filter(|file| file.is_file())
        .collect()
}

fn unpacked(file: &Path) -> Vec<u8> {
    let packed = fs::File::open(file).expect("it is there");
    let mut bytes = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(packed);
    reader.read_to_end(&mut bytes).expect("it is sound");
    bytes
}

fn observed(file: &Path) -> Observer {
    let bytes = unpacked(file);
    let mut capture = CaptureFile::default();
    let mut observer = Observer::default();
    for piece in bytes.chunks(4096) {
        capture.push(piece, &mut |frame| observer.take(frame));
    }
    capture.finish();
    assert_eq!(capture.fault, None, "{}", file.display());
    assert!(capture.frames > 10, "{}", file.display());
    observer
}

/// The fragments in the checks are those of the two descriptions.
#[test]
fn checks_are_those_of_the_call() {
    for file in captures() {
        let observer = observed(&file);
        let ufrag = |name: &str| {
            let text = unpacked(&file.with_file_name(format!("{name}.gz")));
            let text = String::from_utf8(text).expect("it is text");
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
            line.expect("it has one").to_owned()
        };
        let wanted = [ufrag("local.sdp"), ufrag("remote.sdp")];
        let has_checks = !file.to_string_lossy().contains("08-no-stun");
        let mut seen = 0;
        for fragments in observer
            .paths
            .values()
            .filter_map(|path| path.fragments.as_ref())
        {
            seen += 1;
            assert!(
                fragments.iter().all(|one| wanted.contains(one)),
                "{}: {fragments:?}",
                file.display()
            );
        }
        assert_eq!(seen > 0, has_checks, "{}", file.display());
    }
}

/// Who connected has a path with answers both ways, and who did not has none.
#[test]
fn answers_are_where_calls_connected() {
    for file in captures() {
        let observer = observed(&file);
        let answered = observer
            .paths
            .values()
            .any(|path| path.sent.iter().all(|sent| sent.answers > 0));
        let name = file.to_string_lossy();
        let failed = [
            "02-symmetric-no-turn",
            "08-no-stun",
            "11-private-relayed-address",
        ];
        assert_eq!(
            answered,
            !failed.iter().any(|case| name.contains(case)),
            "{name}"
        );
        let is_relayed =
            name.contains("03-symmetric-turn/a") || name.contains("06-udp-blocked-tcp-turn/a");
        let used = observer
            .paths
            .iter()
            .filter(|(_, path)| path.sent.iter().all(|sent| sent.rtp > 0));
        let relayed: Vec<bool> = used.map(|(key, _)| key.relay.is_some()).collect();
        assert!(
            !is_relayed || relayed.contains(&true),
            "{name}: {relayed:?}"
        );
    }
}
