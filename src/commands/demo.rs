//! `rtcdiag demo`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::Document;
use crate::commands::frame::Frame;
use crate::commands::{gather, nat, pair};
use crate::ui::layout::Detail;
use crate::ui::style::Style;
use args::DemoArgs;
use render::Part;
use report::{DemoResult, Sides, combined};
use run::{Demonstration, Event, Step};

pub fn run(frame: &Frame, args: &DemoArgs) -> anyhow::Result<Outcome> {
    let common = frame.common;
    if common.ipv4 || common.ipv6 || common.interface.is_some() || common.local.is_some() {
        return frame.could_not_begin(&anyhow::anyhow!(
            "demo runs on loopback over IPv4: leave out -4, -6, --interface and --local"
        ));
    }
    let (done, stopped) = frame.work(
        "starting servers on loopback".to_owned(),
        async |stop, sender| Box::pin(run::run(args.duration, frame.clock, stop, sender)).await,
        |event: Event| {
            frame.output.progress(
                match event.step {
                    Step::Nat => "measuring NAT behaviour",
                    Step::Gather => "gathering candidates",
                    Step::Pair => "connecting two sides",
                }
                .to_owned(),
            );
            frame.event(&event);
        },
    )?;
    let Demonstration {
        servers,
        nat: (nat_result, nat_findings),
        gather: gathered,
        pair: [a, b],
        code,
    } = match done {
        Ok(done) => done,
        // It sends to nothing but loopback.
        Err(error) if error.code == Code::Unreachable => {
            return frame.could_not_begin(&anyhow::anyhow!(
                "the loopback interface is down, and demo needs it (Linux: ip link set lo up): {}",
                error.message
            ));
        }
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
    let context = gather::verdict::Context {
        stopped,
        unix_now: frame.clock.unix_now(),
        ..gather::verdict::Context::default()
    };
    let gather = frame.document(
        "gather",
        gather::verdict::verdict(&gathered, &context),
        gathered,
    );
    let [a, b] = [a, b].map(|mut side| {
        side.context.stopped = side.context.stopped.or(stopped);
        let verdict = pair::verdict::verdict(&side.result, &side.context);
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
        nat::render::text(&result.nat, style, detail),
        gather::render::text(&result.gather, style, detail),
        pair::render::text(&result.pair.a, style, detail),
    ];
    let parts: Vec<Part> = commands
        .iter()
        .zip(parts)
        .map(|(command, text)| Part {
            command: command.clone(),
            text,
        })
        .collect();
    render::text(document, style, &parts)
}
