//! `rtcdiag demo`.

use serde::Serialize;

use super::frame::Frame;
use crate::app;
use crate::app::demo::{Demonstrated, Step};
use crate::cli::demo::DemoArgs;
use crate::exit::Outcome;
use crate::render;
use crate::render::demo::Part;
use crate::render::layout::Detail;
use crate::render::style::Style;
use crate::report::demo::{DemoResult, Sides, combined};
use crate::report::{Document, gather, nat, pair};

/// Runs the command.
pub fn run(frame: &Frame, args: &DemoArgs) -> anyhow::Result<Outcome> {
    let common = frame.common;
    if common.ipv4 || common.ipv6 || common.interface.is_some() || common.local.is_some() {
        return frame.could_not_begin(&anyhow::anyhow!(
            "demo runs on loopback over IPv4: leave out -4, -6, --interface and --local"
        ));
    }
    let (done, stopped) = frame.work(
        "starting servers on loopback".to_owned(),
        async |stop, sender| {
            Box::pin(app::demo::run(args.duration, frame.clock, stop, sender)).await
        },
        |step| {
            frame.output.progress(
                match step {
                    Step::Nat => "measuring NAT behaviour",
                    Step::Gather => "gathering candidates",
                    Step::Pair => "connecting two sides",
                }
                .to_owned(),
            );
            frame.event(&EventLine::Step {
                step: match step {
                    Step::Nat => "nat",
                    Step::Gather => "gather",
                    Step::Pair => "pair",
                },
            });
        },
    )?;
    let Demonstrated {
        servers,
        nat: (nat_result, nat_findings),
        gather: gathered,
        pair: [a, b],
        code,
    } = match done {
        Ok(done) => done,
        Err(error) => return frame.could_not_begin(&anyhow::anyhow!(error.message)),
    };
    let nat = frame.document(
        "nat",
        nat::verdict::verdict(
            &nat_result,
            nat::verdict::Context {
                expectations: None,
                stopped,
                findings: nat_findings,
            },
        ),
        nat_result,
    );
    let context = gather::Context {
        policy: gather::Policy::All,
        expected: Vec::new(),
        stopped,
        findings: Vec::new(),
        credentials_expire: Vec::new(),
        unix_now: frame.clock.unix_start(),
    };
    let gather = frame.document("gather", gather::verdict(&gathered, &context), gathered);
    let [a, b] = [a, b].map(|mut side| {
        side.context.stopped = side.context.stopped.or(stopped);
        let verdict = pair::verdict(&side.result, &side.context);
        frame.document("pair", verdict, side.result)
    });
    let commands = [
        format!(
            "rtcdiag nat -s {} --local {}",
            servers.stun, servers.locals[0]
        ),
        format!(
            "rtcdiag gather -s {} -s {} --turn-username demo --local {}",
            servers.stun, servers.turn, servers.locals[0]
        ),
        format!(
            "rtcdiag pair {code} --rendezvous {} -s {} -s {} --turn-username demo --local {}",
            servers.rendezvous, servers.stun, servers.turn, servers.locals[0]
        ),
    ];
    let verdict = combined(&nat, &gather, [&a, &b]);
    let result = DemoResult {
        nat,
        gather,
        pair: Sides { a, b },
    };
    frame.finish(verdict, result, |document, style, detail| {
        text(document, style, detail, &commands)
    })
}

/// Each step as its command would show it.
fn text(
    document: &Document<DemoResult>,
    style: Style,
    detail: Detail,
    commands: &[String; 3],
) -> String {
    let Some(result) = &document.result else {
        return String::new();
    };
    let parts = [
        render::nat::text(&result.nat, style, detail),
        render::gather::text(&result.gather, style, detail),
        render::pair::text(&result.pair.a, style, detail),
    ];
    let parts: Vec<Part> = commands
        .iter()
        .zip(parts)
        .map(|(command, text)| Part {
            command: command.clone(),
            text,
        })
        .collect();
    render::demo::text(document, style, &parts)
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine {
    Step { step: &'static str },
}
