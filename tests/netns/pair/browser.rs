//! The other side is a browser: Chromium opens the page of the rendezvous and joins the session with it.

pub mod bad_input;
pub mod firefox;

use std::io::Read as _;
use std::process::{Child, Command};
use std::time::Duration;

use rtcdiag::base::reader::for_browser;
use serde_json::{Value, json};

use super::super::ends::{End, Ended, rows};
use super::super::program;
use super::super::support::aioice;
use super::super::support::browser::{Browser, Kind};
use super::network::{Network, Place, RENDEZVOUS};
use super::{UDP, new_code, side};

/// Whether this process drives a browser: what to do stands in it.
pub const ROLE: &str = "RTCDIAG_TEST_BROWSER";

/// The task of one in place of Chromium.
pub(super) const FIREFOX: &str = "firefox";

/// What the page shows, and whether it has come to an end.
const PAGE: &str = "
    const text = (id) => { const it = document.getElementById(id); return it && !it.hidden ? it.innerText : null; };
    const list = (id) => [...document.querySelectorAll(`#${id} li`)].map((entry) => entry.innerText);
    return {
        state: text('state'), kind: document.getElementById('state').className, advice: text('advice'),
        summary: text('summary'), findings: list('findings'), facts: list('facts'), steps: list('steps'),
        save: text('save'), ask: text('ask'), rows: list('rows'), media: text('media'),
        stopped: [...document.querySelectorAll('#rows li.bad')].map((entry) => entry.innerText),
    };";
/// What axe-core finds that keeps people from using the page, and how wide it is.
const FLAWS: &str = "
    const done = arguments[arguments.length - 1];
    const isSerious = ({ impact }) => ['serious', 'critical'].includes(impact);
    const named = ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`;
    axe.run().then(
        ({ violations, passes }) => done({
            found: violations.filter(isSerious).map(named), passed: passes.length,
            width: document.documentElement.scrollWidth,
        }),
        (error) => done({ found: [String(error)] }),
    );";
const IS_OVER: &str = "return document.getElementById('state').className === 'bad' || !document.getElementById('save').hidden";

/// Drives a browser in this process's namespace, and writes what its page shows at the end.
#[expect(clippy::print_stdout, reason = "the test reads it")]
pub fn play(task: &str) {
    let shown = serde_json::from_str(task)
        .map_err(|error| error.to_string())
        .and_then(|task: Value| visit(&task));
    let shown = shown.unwrap_or_else(|error| json!({"error": error}));
    println!("{shown}");
}

fn visit(task: &Value) -> Result<Value, String> {
    let word = |key: &str| task[key].as_str().unwrap_or_default();
    let arguments = task["arguments"].as_array().cloned().unwrap_or_default();
    let arguments = arguments.iter().filter_map(Value::as_str);
    let arguments: Vec<String> = arguments.map(str::to_owned).collect();
    let kind = match task["browser"].as_str() {
        Some(FIREFOX) => Kind::Firefox,
        _ => Kind::Chromium,
    };
    let browser = Browser::start(kind, word("directory").as_ref(), &arguments)?;
    if let Some(script) = task["before"].as_str() {
        browser.before(script)?;
    }
    // A browser takes its time to start; the page has to be opened when it is time for it.
    while task["when"]
        .as_str()
        .is_some_and(|file| !std::path::Path::new(file).exists())
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    if let Some(width) = task["width"].as_u64() {
        browser.as_on_a_phone(u32::try_from(width).unwrap_or(u32::MAX))?;
    }
    browser.open(word("url"))?;
    if let Some(code) = task["type"].as_str() {
        browser.write("#code", code)?;
        browser.click("#ask button")?;
    }
    for selector in task["click"].as_array().into_iter().flatten() {
        let selector = selector.as_str().unwrap_or_default();
        let shown = format!("return document.querySelector('{selector}').offsetParent !== null");
        browser.wait_for(&shown)?;
        browser.click(selector)?;
    }
    if task["reload"] == true {
        browser.wait_for("return /offer received/.test(document.body.innerText)")?;
        browser.script("location.reload()")?;
    }
    if let Some(script) = task["until"].as_str() {
        browser.wait_for(script)?;
    } else if task["leave"] == true {
        // The tab is closed as soon as the call stands.
        let then = task["then"].as_str().unwrap_or("data went both ways");
        browser.wait_for(&format!(
            "return document.getElementById('steps').innerText.includes('{then}')"
        ))?;
    } else {
        browser.wait_for(IS_OVER)?;
    }
    let mut shown = browser.script(PAGE)?;
    if let Some(file) = task["axe"].as_str() {
        let axe = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        browser.script(&axe)?;
        shown["flaws"] = browser.script_that_calls_back(FLAWS)?;
    }
    Ok(shown)
}

/// A browser that was told where to go.
pub(super) struct Guest {
    player: Child,
    namespace: String,
}

impl Guest {
    pub(super) fn open(network: &Network, role: &str, task: &Value) -> Guest {
        let directory = network.lab.scratch().join(format!("browser-{role}"));
        std::fs::create_dir_all(&directory).expect("it can be made");
        let mut task = task.clone();
        task["directory"] = json!(directory);
        let mut command = program::part(&network.lab.namespace(role)).expect("it is known");
        command.env(ROLE, task.to_string());
        Guest {
            player: command.spawn().expect("it starts"),
            namespace: network.lab.namespace(role),
        }
    }

    /// What its page showed at the end.
    pub(super) fn shown(mut self) -> Value {
        let mut text = String::new();
        let mut output = self.player.stdout.take().expect("it is a pipe");
        output.read_to_string(&mut text).expect("it writes UTF-8");
        let _ = self.player.wait();
        let shown: Value = serde_json::from_str(text.trim()).unwrap_or_default();
        assert_eq!(shown["error"], Value::Null, "{text}");
        assert!(shown["state"].is_string(), "{text}");
        shown
    }
}

/// A test that fails must leave no browser behind.
impl Drop for Guest {
    fn drop(&mut self) {
        if self.player.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let _ = self.player.kill();
        let _ = self.player.wait();
        let listed = Command::new("ip")
            .args(["netns", "pids", &self.namespace])
            .output();
        let listed = listed.map_or_else(|_| Vec::new(), |output| output.stdout);
        for id in String::from_utf8_lossy(&listed).lines() {
            let name = std::fs::read_to_string(format!("/proc/{id}/comm"));
            if name.is_ok_and(|name| name.starts_with("chrom") || name.starts_with("firefox")) {
                let _ = Command::new("kill").args(["-KILL", id]).status();
            }
        }
    }
}

/// What a browser needs to take this address for that of a secure page, as it takes `https://`.
pub(super) fn secure() -> Value {
    json!([format!(
        "--unsafely-treat-insecure-origin-as-secure=http://{}",
        RENDEZVOUS[0]
    )])
}

pub(super) fn page(code: &str) -> String {
    format!("http://{}/#{code}", RENDEZVOUS[0])
}

/// A side of this program that measures for half a second and waits for the other one.
fn host(network: &Network, code: &str, args: &str) -> End {
    host_for(network, code, "0.5", args)
}

/// The same with another duration, in seconds.
pub(super) fn host_for(network: &Network, code: &str, duration: &str, args: &str) -> End {
    let args = format!(
        "{code} --rendezvous ws://{} --duration {duration} {args}",
        RENDEZVOUS[0]
    );
    let mut end = network.pair("a", &args);
    end.wait_for_step("rendezvous-joined");
    end
}

/// A session between the program at `a` and a browser at `b`.
fn session(place: &Place, args: &str) -> (Ended, Value) {
    let network = Network::build(place);
    let code = new_code();
    let end = host(&network, &code, args);
    let task = json!({"url": page(&code), "arguments": secure()});
    let guest = Guest::open(&network, "b", &task);
    (end.finish(), guest.shown())
}

/// What the page shows in this place.
#[track_caller]
fn assert_says(shown: &Value, place: &str, words: &str) {
    let text = shown[place].as_str();
    assert!(text.is_some_and(|text| text.contains(words)), "{shown:#}");
}

pub(super) fn is_skipped() -> bool {
    is_without(Kind::Chromium)
}

pub(super) fn is_without(kind: Kind) -> bool {
    kind.unavailable().is_some_and(|why| skipped(&why))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(why: &str) -> bool {
    let is_required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
    assert!(!is_required, "{why}");
    eprintln!("SKIPPED {why}");
    true
}

pub(super) fn events(end: &Ended) -> Vec<&str> {
    let timeline = rows(&end.result()["timeline"]);
    timeline
        .iter()
        .filter_map(|e| e["event"].as_str())
        .collect()
}

/// What must hold of any session that connects.
pub(super) fn assert_connected(end: &Ended, shown: &Value, path: &str) {
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.flaws(), Vec::<String>::new(), "{about}");
    assert_eq!(end.code, Some(0), "{about}");
    assert_eq!(end.path(), Some(path), "{about}");
    let result = end.result();
    assert_eq!(result["state"], "connected", "{about}");
    assert_eq!(result["role"], "controlling", "{about}");
    assert_eq!(result["session"]["peer_agrees"], true, "{about}");
    assert!(result["quality"]["received"].as_u64() > Some(10), "{about}");
    assert!(result["quality"]["rtt_ms"]["median"].is_number(), "{about}");
    let events = events(end);
    let place = |name: &str| {
        let place = events.iter().position(|event| *event == name);
        place.unwrap_or_else(|| panic!("no {name}: {about}"))
    };
    let order = [
        "connected",
        "dtls-connected",
        "channel-opened",
        "data-exchanged",
    ]
    .map(place);
    assert!(order.is_sorted(), "{about}");
    assert_every_step(end, shown, &about);
    // Both say the same.
    assert_eq!(
        shown["summary"],
        for_reader(&end.document["summary"]),
        "{about}"
    );
    assert_eq!(shown["kind"], "good", "{about}");
    assert_eq!(shown["save"], "Save the report", "{about}");
    let facts = rows(&shown["facts"]);
    assert!(
        facts
            .iter()
            .any(|fact| fact.as_str().is_some_and(|f| f.contains("came back"))),
        "{about}"
    );
}

/// A sentence of the document as the page has it.
fn for_reader(text: &Value) -> Value {
    json!(text.as_str().map(for_browser))
}

/// Both have all steps, each with its time: those of the browser were told by it.
fn assert_every_step(end: &Ended, shown: &Value, about: &str) {
    let steps = rows(&end.result()["steps"]);
    assert_eq!(steps.len(), 16, "{about}");
    for step in steps {
        // Addresses may be hidden, and a server of two silent.
        let is_needed = !["servers", "candidates"].contains(&step["step"].as_str().unwrap_or(""));
        if is_needed {
            assert_eq!(step["status"], "done", "{step}\n{about}");
            assert!(step["at_ms"].is_number(), "{step}\n{about}");
        }
    }
    let on_page = rows(&shown["rows"]);
    assert_eq!(on_page.len(), 16, "{about}");
    assert_eq!(shown["stopped"], json!([]), "{about}");
    let with_time = on_page.iter().filter_map(Value::as_str);
    let with_time = with_time.filter(|row| row.contains(" ms")).count();
    assert!(with_time >= 14, "{about}");
}

/// The step at which both say that it stopped: its number, and whose it is.
fn assert_stopped(end: &Ended, number: u64, side: &str) {
    let steps = rows(&end.result()["steps"]);
    let stopped = steps.iter().find(|step| step["status"] == "stopped");
    let about = end.describe();
    let stopped = stopped.unwrap_or_else(|| panic!("it did not stop: {about}"));
    assert_eq!(stopped["number"], number, "{about}");
    assert_eq!(stopped["side"], side, "{about}");
}

pub fn behind_two_nats() {
    if is_skipped() {
        return;
    }
    let (end, shown) = session(&Place::Apart(side("home"), side("home")), UDP);
    assert_connected(&end, &shown, "direct");
    // The browser hides the addresses of its host. On a busy machine its name for them may come too late to be told.
    let remote = rows(&end.result()["remote"]["candidates"]);
    assert!(
        remote.iter().all(|candidate| candidate["type"] != "host"),
        "{}",
        end.describe()
    );
    // It says how often it was asked.
    let pairs = rows(&end.result()["pairs"]);
    let selected = pairs.iter().find(|pair| pair["selected"] == true);
    let arrived = selected.map(|pair| pair["requests_arrived"].as_u64());
    assert!(arrived.flatten() > Some(0), "{}", end.describe());
}

pub fn on_one_network() {
    if is_skipped() {
        return;
    }
    let (end, shown) = session(&Place::Together(side("home")), UDP);
    assert_connected(&end, &shown, "direct");
}

pub fn through_a_relay_of_the_program() {
    if is_skipped() {
        return;
    }
    let (end, shown) = session(&Place::Apart(side("symmetric"), side("symmetric")), UDP);
    assert_connected(&end, &shown, "relayed");
}

/// The browser's network lets no UDP out, so it needs a relay of its own, whose password it only gets if that is allowed.
pub fn through_a_relay_of_the_browser() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("home"), side("no_udp"));
    let args = "-s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp";
    let (end, shown) = session(&place, args);
    assert_eq!(end.code, Some(1), "{shown:#}\n{}", end.describe());
    let (end, shown) = session(&place, &format!("{args} --share-turn-password"));
    assert_connected(&end, &shown, "relayed");
    let candidates = rows(&end.result()["remote"]["candidates"]);
    let relays = candidates.iter().filter(|c| c["type"] == "relay");
    let over: Vec<&Value> = relays.map(|relay| &relay["relay_transport"]).collect();
    assert_eq!(over, ["tcp"], "{}", end.describe());
}

pub fn without_a_way() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("symmetric"), side("symmetric"));
    let (end, shown) = session(&place, "-s stun:203.0.113.10");
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.code, Some(1), "{about}");
    assert_eq!(end.result()["state"], "failed", "{about}");
    assert_eq!(
        shown["summary"],
        for_reader(&end.document["summary"]),
        "{about}"
    );
    assert_eq!(shown["kind"], "bad", "{about}");
    assert_stopped(&end, 12, "between");
    assert!(
        shown["stopped"][0]
            .as_str()
            .is_some_and(|row| row.contains("check")),
        "{about}"
    );
}

/// The link that the program prints, on the machine where it runs.
pub fn by_the_link_on_one_machine() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let mut end = network.pair(
        "a",
        "--rendezvous lan --rendezvous-listen 127.0.0.1:0 --duration 0.5 -s stun:203.0.113.10",
    );
    let told = end.wait_for(|event| event["event"] == "session");
    let link = told["link"].as_str().expect("a link");
    let code = told["code"].as_str().expect("a code");
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    assert!(link.ends_with(&format!("/#{code}")), "{link}");
    let guest = Guest::open(&network, "a", &json!({"url": link}));
    let (end, shown) = (end.finish(), guest.shown());
    assert_connected(&end, &shown, "direct");
}

/// axe-core, from the package of the same name on `PyPI`; without it the test says that it is skipped, or fails where tools
/// are required.
fn axe() -> Option<String> {
    let python = aioice::python()?;
    let place = "import axe_core_python, os; print(os.path.dirname(axe_core_python.__file__))";
    let found = Command::new(python).args(["-c", place]).output().ok()?;
    let folder = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    if folder.is_empty() {
        skipped("no axe-core in target/interop-venv");
        return None;
    }
    Some(format!("{folder}/axe.min.js"))
}

/// The page at the end of a call, and one that can do nothing, on a telephone: nothing is cut off, and nothing keeps
/// people with a screen reader or a keyboard from it.
pub fn on_a_telephone() {
    if is_skipped() {
        return;
    }
    let Some(axe) = axe() else {
        return;
    };
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host(&network, &code, UDP);
    let mut task = json!({"url": page(&code), "arguments": secure(), "width": 390, "axe": axe});
    let called = Guest::open(&network, "b", &task).shown();
    assert_connected(&end.finish(), &called, "direct");
    task["arguments"] = json!([]);
    let refused = Guest::open(&network, "b", &task).shown();
    assert_eq!(refused["kind"], "bad");
    for shown in [called, refused] {
        let flaws = &shown["flaws"];
        assert_eq!(flaws["found"], json!([]), "{shown:#}");
        assert!(flaws["passed"].as_u64() > Some(5), "{shown:#}");
        assert!(flaws["width"].as_u64() <= Some(390), "{shown:#}");
    }
}

pub fn the_code_is_typed() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host(&network, &code, UDP);
    let task = json!({
        "url": page(""), "arguments": secure(), "type": code.to_lowercase().replace('-', " "),
    });
    let guest = Guest::open(&network, "b", &task);
    let (end, shown) = (end.finish(), guest.shown());
    assert_connected(&end, &shown, "direct");
}
