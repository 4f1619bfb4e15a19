//! `rtcdiag serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use super::frame::Frame;
use super::responders::{Configs, configs};
use crate::app;
use crate::app::serve::{Event, Options, ResponderOptions};
use crate::cli::ServeArgs;
use crate::exit::Outcome;
use crate::family::Family;
use crate::net::rendezvous::server;
use crate::net::rendezvous::server::{CertificateFiles, DEFAULT_PORT, Limits, Listen, Patience};
use crate::render;
use crate::report::Finding;
use crate::report::serve::{ListeningReport, verdict};
use crate::signal::seal::MAX_ENVELOPE;
use crate::signal::{rooms, visitors};

/// Runs the command.
pub fn run(frame: &Frame, args: &ServeArgs) -> anyhow::Result<Outcome> {
    let (options, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    // Whoever runs a service reads its end too late.
    for finding in &findings {
        frame
            .output
            .warning(&finding.message, finding.hint.as_deref());
    }
    let (served, _) = frame.work(
        "serving".to_owned(),
        async |stop, sender| app::serve::run(&options, frame.clock, stop, sender).await,
        |event| match event {
            Event::Listening(listening) => {
                let text = render::serve::listening(&listening);
                frame
                    .output
                    .say_with_commands(&text, render::serve::COMMAND);
                frame.event(&EventLine::Listening {
                    listening: &listening,
                });
            }
            Event::Rendezvous(event) => {
                let at = frame.clock.now();
                frame.output.say(&log_line(at, &event));
            }
        },
    )?;
    match served {
        Ok(result) => frame.finish(verdict(&result, findings), result, render::serve::text),
        Err(error) => frame.could_not_begin(&error),
    }
}

/// Checks everything that can be wrong before a socket is opened.
fn prepare(frame: &Frame, args: &ServeArgs) -> anyhow::Result<(Options, Vec<Finding>)> {
    anyhow::ensure!(
        frame.common.interface.is_none(),
        "serve listens on addresses, not interfaces: use --listen in place of --interface"
    );
    frame.source()?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => Some(CertificateFiles {
            chain: chain.clone(),
            key: key.clone(),
        }),
        (None, None) => None,
        (Some(_), None) => anyhow::bail!("--tls-cert needs the private key too: --tls-key"),
        (None, Some(_)) => anyhow::bail!("--tls-key needs the certificate too: --tls-cert"),
    };
    let rendezvous = server::Options {
        listen: listen(frame, args)?,
        tls,
        limits: limits(args),
        patience: patience(args),
    };
    let Configs {
        stun,
        turn,
        findings,
    } = responders(frame, args)?;
    let options = Options {
        rendezvous,
        responders: ResponderOptions { stun, turn },
        log: frame.common.verbose,
    };
    Ok((options, findings))
}

fn responders(frame: &Frame, args: &ServeArgs) -> anyhow::Result<Configs> {
    let families = frame.families()?;
    let args = &args.responders;
    for (flag, addresses) in [("--stun", &args.stun), ("--turn", &args.turn)] {
        for address in addresses {
            let family = Family::of(address.ip);
            anyhow::ensure!(
                families.contains(&family),
                "{flag} {} is {}, which another flag excludes",
                address.ip,
                family.name()
            );
        }
    }
    configs(args, frame.patience())
}

fn listen(frame: &Frame, args: &ServeArgs) -> anyhow::Result<Listen> {
    let mut families = frame.families()?;
    if args.listen.is_empty() {
        // IPv6 first: it is the one that a system may not have.
        families.reverse();
        return Ok(match frame.common.local {
            Some(local) => Listen::At(vec![SocketAddr::new(local, DEFAULT_PORT)]),
            None => Listen::Everywhere {
                port: DEFAULT_PORT,
                families,
            },
        });
    }
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in args.listen.iter().map(|listen| listen.0) {
        let family = Family::of(address.ip());
        anyhow::ensure!(
            families.contains(&family),
            "--listen {address} is {}, which another flag excludes",
            family.name()
        );
        anyhow::ensure!(
            frame.common.local.is_none_or(|local| local == address.ip()),
            "--listen {address} and --local are different addresses"
        );
        if address.port() == 0 || !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    // One free port for both families, as the default has one port for both.
    let everywhere = [
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Ipv4Addr::UNSPECIFIED.into(),
    ];
    if everywhere.map(|ip| SocketAddr::new(ip, 0)) == addresses[..] {
        families.reverse();
        return Ok(Listen::Everywhere { port: 0, families });
    }
    Ok(Listen::At(addresses))
}

fn limits(args: &ServeArgs) -> Limits {
    let limits = &args.limits;
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Limits {
        visitors: visitors::Limits {
            connections: size(limits.max_connections),
            connections_per_address: size(limits.max_connections_per_address),
            joins_per_second: limits.max_joins_per_address,
        },
        rooms: rooms::Limits {
            rooms: size(limits.max_rooms),
            lifetime: limits.room_lifetime,
            messages_per_second: limits.max_messages_per_room,
            bytes_per_second: limits.max_bytes_per_room,
        },
        message: limits
            .max_message
            .map_or(MAX_ENVELOPE, size)
            .min(MAX_ENVELOPE),
        queue: size(limits.max_queue),
    }
}

fn patience(args: &ServeArgs) -> Patience {
    let patience = &args.patience;
    Patience {
        request: patience.request_timeout,
        join: patience.join_timeout,
        ping: patience.ping_interval,
        silence: patience.silence_timeout,
        write: patience.write_timeout,
        ..Patience::default()
    }
}

/// One line of the log.
fn log_line(at: std::time::Duration, event: &server::Event) -> String {
    let at = at.as_secs_f64();
    match event {
        server::Event::Joined {
            address,
            room,
            peer,
        } => {
            let met = if *peer { ", the second" } else { "" };
            format!("{at:.3} {address} joined room {room}{met}")
        }
        server::Event::Left { address, room } => format!("{at:.3} {address} left room {room}"),
        server::Event::Refused { address, refusal } => {
            format!("{at:.3} {address} ended: {refusal} ({})", refusal.code())
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine<'a> {
    Listening {
        #[serde(flatten)]
        listening: &'a ListeningReport,
    },
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn the_flags_have_the_defaults_of_the_server() {
        let Command::Serve(args) = Cli::parse_from(["rtcdiag", "serve"]).command else {
            panic!("another command");
        };
        assert_eq!(limits(&args), Limits::default());
        assert_eq!(patience(&args), Patience::default());
    }
}
