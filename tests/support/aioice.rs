//! aioice, another implementation of ICE, in a virtual environment of its own: `target/interop-venv`, made from
//! `tests/interop/requirements.txt` by `.ci/run` or by the first test that wants it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use rtcdiag::proto::ice::candidate::Candidate;
use serde_json::Value;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/answer.py");
const REQUIREMENTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/interop/requirements.txt"
);

/// Its Python, if this machine has or can get it; else the test says that it is skipped, or fails where tools are required.
pub fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(find) {
        Ok(python) => Some(python),
        Err(why) => {
            let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "no aioice on this machine: {why}");
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Past the harness, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no aioice: {why}");
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .ok_or("no target directory")?;
    let home = target.join("interop-venv");
    let python = home.join("bin/python");
    if imports_aioice(&python) {
        return Ok(python);
    }
    // Made aside and moved, since tests may be processes that run side by side. What a virtual environment consists of does
    // not depend on its place; only its scripts do.
    let aside = target.join(format!("interop-venv-{}", std::process::id()));
    let made = make(&aside);
    if made.is_ok() && !home.exists() {
        // If another test is quicker, its environment is as good.
        let _ = fs::rename(&aside, &home);
    }
    let _ = fs::remove_dir_all(&aside);
    if imports_aioice(&python) {
        return Ok(python);
    }
    Err(made
        .err()
        .unwrap_or_else(|| format!("{} is damaged", home.display())))
}

fn make(place: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    run(Command::new(place.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--retries", "1", "--timeout", "10", "-r", REQUIREMENTS]))
}

fn imports_aioice(python: &Path) -> bool {
    python.exists() && run(Command::new(python).args(["-c", "import aioice"])).is_ok()
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{name}: {}",
        stderr.lines().last().unwrap_or("it failed")
    ))
}

/// Asks the script, run by `command`.
pub fn ask(mut command: Command, question: &Value) -> Value {
    let mut child = command
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut pipe = child.stdin.take().expect("it is piped");
    pipe.write_all(question.to_string().as_bytes())
        .expect("it reads");
    drop(pipe);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("JSON")
}

/// What aioice makes of our lines. It wants them without `candidate:`.
pub fn read(python: &Path, lines: &[&str]) -> Vec<Value> {
    let bare = |line: &&str| {
        line.strip_prefix("candidate:")
            .expect("as in a description")
            .to_owned()
    };
    let bare: Vec<String> = lines.iter().map(bare).collect();
    let mut answers = ask(Command::new(python), &serde_json::json!({"read": bare}));
    let read = answers["read"]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    assert_eq!(read.len(), lines.len());
    for (line, read) in bare.iter().zip(&read) {
        assert_eq!(read["line"], **line, "it writes another line");
        assert_eq!(read["taken"], true, "{line} is not taken for a peer's");
    }
    read
}

/// A candidate that aioice has written, as we read it: every field is the same, and so is the line that we write.
pub fn take(theirs: &Value) -> Candidate {
    let line = theirs["line"].as_str().expect("a line");
    let ours: Candidate = format!("candidate:{line}")
        .parse()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_same(theirs, &ours);
    assert_eq!(ours.to_string(), format!("candidate:{line}"));
    ours
}

/// Both say the same.
pub fn assert_same(theirs: &Value, ours: &Candidate) {
    let related = ours.related;
    let expected = serde_json::json!({
        "foundation": ours.foundation,
        "component": ours.component,
        "transport": "udp",
        "priority": ours.priority,
        "address": ours.address.ip(),
        "port": ours.address.port(),
        "type": ours.kind.name(),
        "related_address": related.map(|a| a.ip()),
        "related_port": related.map(|a| a.port()),
    });
    for (field, value) in expected.as_object().expect("it is one") {
        assert_eq!(theirs[field], *value, "{field} of {ours}");
    }
}
