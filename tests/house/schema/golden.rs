//! What the commands print of these samples, byte for byte, in `tests/golden/samples`.

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::Reason;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::base::stage::Stage;
use rtcdiag::commands::nat::report::NatResult;
use rtcdiag::commands::turn::report::{TransportReport, TurnResult};
use rtcdiag::commands::{gather, nat, serve, turn};
use rtcdiag::proto::stun::uri::Transport;
use rtcdiag::ui::render::json_line;
use rtcdiag::ui::style::Style;

use super::{expiry, gather as gathers, nat as nats, serve as serves, turn as turns};
use crate::support::golden::{Files, add, hold};

#[test]
fn samples() {
    let mut files = Files::new();
    add_nats(&mut files);
    add_gathers(&mut files);
    add_turns(&mut files);
    let result = serves::result();
    let verdict = serve::report::verdict(&result, Vec::new());
    let made = ("serve", verdict, result);
    add(&mut files, "serve", made, serve::render::text);
    let listening = serve::render::listening(&serves::listening());
    files.insert("serve.listening.txt".into(), listening);
    hold("samples", &files);
}

fn add_nats(files: &mut Files) {
    let without_servers = |paths| NatResult {
        servers: Vec::new(),
        observations: Vec::new(),
        ..nats::result(paths)
    };
    let mut blocked = nats::inconclusive(Reason::NoResponse);
    blocked.set_blocked();
    for (name, result, stopped, wish) in [
        ("nat", nats::complete(), None, None),
        (
            "nat-not-met",
            without_servers(nats::complete().paths),
            None,
            Some("mapping=address-dependent"),
        ),
        (
            "nat-blocked",
            without_servers(vec![blocked]),
            None,
            Some("udp=open"),
        ),
        (
            "nat-not-tested",
            without_servers(vec![nats::not_tested(Reason::NoUdpServer)]),
            Some(Reason::Timeout),
            None,
        ),
        (
            "nat-interrupted",
            NatResult::default(),
            Some(Reason::Interrupted),
            None,
        ),
    ] {
        let context = nat::verdict::Context {
            expectations: wish.map(|wish| wish.parse().expect("a wish")),
            stopped,
            findings: Vec::new(),
        };
        let verdict = nat::verdict::verdict(&result, context);
        add(files, name, ("nat", verdict, result), nat::render::text);
    }
    let round = nats::rounds(&nats::complete()).1;
    let style = Style {
        color: false,
        width: 80,
        redaction: None,
    };
    let text = nat::rounds::render::line(&round, true, style);
    files.insert("nat-round.txt".into(), text);
    let event = json_line(&round).expect("JSON");
    files.insert("nat-round.jsonl".into(), event);
}

fn add_gathers(files: &mut Files) {
    let mut half = gathers::result();
    half.candidates.clear();
    half.redundant.clear();
    let mut denied = half.clone();
    let error = ErrorReport::new(Code::Unauthorized, "401");
    denied.servers = vec![gathers::failed(Stage::Allocate, error)];
    for (name, result, stopped) in [
        ("gather", gathers::result(), None),
        ("gather-denied", denied, None),
        ("gather-interrupted", half, Some(Reason::Interrupted)),
    ] {
        let context = gather::verdict::Context {
            stopped,
            credentials_expire: vec![expiry(1_700_000_000)],
            unix_now: 1_800_000_000,
            ..gather::verdict::Context::default()
        };
        let verdict = gather::verdict::verdict(&result, &context);
        add(
            files,
            name,
            ("gather", verdict, result),
            gather::render::text,
        );
    }
}

fn add_turns(files: &mut Files) {
    let with = |transports| TurnResult {
        transports,
        ..turns::result()
    };
    let mut denied = TransportReport::new(Transport::Udp, true);
    denied.fail(Stage::Allocate, ErrorReport::new(Code::Unauthorized, "401"));
    for (name, result, stopped) in [
        ("turn", turns::result(), None),
        (
            "turn-healthy",
            with(vec![turns::full(Transport::Udp)]),
            None,
        ),
        ("turn-denied", with(vec![denied]), None),
        (
            "turn-interrupted",
            turns::result(),
            Some(Reason::Interrupted),
        ),
    ] {
        let context = turn::verdict::Context {
            stopped,
            unix_now: 1_800_000_000,
            ..turn::verdict::Context::default()
        };
        let verdict = turn::verdict::verdict(&result, &context);
        add(files, name, ("turn", verdict, result), turn::render::text);
    }
}
