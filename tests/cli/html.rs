//! `--html`: the same result as a page.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::schema::assert_valid;

fn rtcdiag(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
        .args(args)
        .env_remove("RTCDIAG_REDACT")
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

/// A place of this test alone.
fn place(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rtcdiag-html-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("it is made");
    folder.join(name)
}

fn evidence(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    path.join(file).display().to_string()
}

/// The document that a page lets its reader save.
fn saved(page: &str) -> Value {
    let start = page.find(";base64,").expect("a link") + ";base64,".len();
    let end = start + page[start..].find('"').expect("its end");
    let bytes = STANDARD.decode(&page[start..end]).expect("base64");
    let mut json = String::new();
    if page.contains("download=rtcdiag.json.gz") {
        GzDecoder::new(&bytes[..])
            .read_to_string(&mut json)
            .expect("gzip");
    } else {
        json = String::from_utf8(bytes).expect("UTF-8");
    }
    serde_json::from_str(&json).expect("a document")
}

#[test]
fn the_page_has_the_verdict_the_course_and_the_document() {
    let file = place("inspect.html");
    fs::write(&file, "x".repeat(300_000)).expect("an older page");
    let (a, b) = (
        evidence("02-symmetric-no-turn/a/webrtc_internals_dump.gz"),
        evidence("02-symmetric-no-turn/b/rtcstats_dump.gz"),
    );
    let path = file.display().to_string();
    let output = rtcdiag(&["inspect", &a, &b, "--json", "--html", &path]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).expect("the normal output");
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(
        page.ends_with("</html>\n"),
        "nothing of the older page is left"
    );
    let of_page = saved(&page);
    assert_valid(&of_page);
    assert_eq!(of_page["result"], document["result"]);
    for part in [
        "<h1>No connection: the other side&#39;s NAT (203.0.113.200) is symmetric",
        "Why there is no direct path",
        "Course of the call",
        "What stands between them",
        "Pairs",
        "description sent",
        "bad: no connection",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn redacted_pages_have_no_addresses() {
    let file = place("redacted.html");
    let path = file.display().to_string();
    let a = evidence("03-symmetric-turn/a/webrtc_internals_dump.gz");
    let output = rtcdiag(&["inspect", &a, "--redact", "--html", &path]);
    assert_eq!(output.status.code(), Some(0));
    let page = fs::read_to_string(&file).expect("a page");
    let document = saved(&page).to_string();
    for address in ["192.168.1.10", "203.0.113.", "198.51.100.", "192.168.2."] {
        assert!(!page.contains(address), "{address} in {page}");
        assert!(!document.contains(address), "{address} in {document}");
    }
}

#[test]
fn a_demonstration_has_a_page_too() {
    let file = place("demo.html");
    let path = file.display().to_string();
    let output = rtcdiag(&["demo", "-q", "--html", &path]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.contains("badge good"), "{page}");
    assert_eq!(saved(&page)["command"], "demo");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_done() {
    let folder = place("folder");
    fs::create_dir_all(&folder).expect("it is made");
    let folder = folder.display().to_string();
    for (wrong, said) in [
        ("-", "standard output has the result itself"),
        (folder.as_str(), "something else than a file"),
        ("/nonexistent/page.html", "No such file"),
    ] {
        let output = rtcdiag(&["nat", "-s", "stun:127.0.0.1:9", "--html", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            stderr.contains("cannot write the page") && stderr.contains(said),
            "{stderr}"
        );
        assert!(output.stdout.is_empty(), "{wrong}");
    }
    let file = place("explain.html");
    let path = file.display().to_string();
    let output = rtcdiag(&["explain", "nat", "--html", &path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!file.exists());
}

#[test]
fn what_could_not_begin_is_on_the_page() {
    let file = place("error.html");
    let path = file.display().to_string();
    let output = rtcdiag(&["inspect", "/nonexistent/dump", "--html", &path]);
    assert_eq!(output.status.code(), Some(2));
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.contains("badge bad"), "{page}");
    assert!(page.contains("cannot read /nonexistent/dump"), "{page}");
}
