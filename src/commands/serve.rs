//! `rtcdiag serve`.

pub mod args;
pub mod render;
pub mod report;
pub mod responders;
pub mod run;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::family::Family;
use crate::base::report::Finding;
use crate::base::words::quoted;
use crate::commands::credentials;
use crate::commands::frame::Frame;
use crate::net::descriptors;
use crate::net::servers::rendezvous::{
    self, Broker, CertificateFiles, DEFAULT_PORT, Limits, Listen, Patience, Proxies,
};
use crate::proto::signal::seal::MAX_ENVELOPE;
use crate::proto::signal::{rooms, visitors};
use crate::proto::turn::server::Guess;
use crate::proto::turn::server::peers::Network;
use crate::ui::output::Log;
use args::{BrokerArgs, ServeArgs};
use report::verdict;
use responders::{Configs, configs};
use run::{Event, Options, ResponderOptions};

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
    let log = Log::start(frame.output);
    let (served, _) = frame.work(
        "serving".to_owned(),
        async |stop, sender| run::run(&options, frame.clock, stop, sender).await,
        |event| match &event {
            Event::Listening(listening) => {
                let text = render::listening(listening);
                frame.output.say_with_commands(&text, render::COMMAND);
                frame.event(&event);
            }
            Event::Rendezvous(event) => {
                log.line(&log_line(frame.clock.now(), event));
            }
            Event::Guess(guess) => log.line(&guess_line(frame.clock.now(), guess)),
        },
    )?;
    drop(log);
    match served {
        Ok(result) => frame.finish(verdict(&result, findings), result, render::text),
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
    let (ping, silence) = (args.patience.ping_interval, args.patience.silence_timeout);
    anyhow::ensure!(
        silence > ping,
        "--silence-timeout ({} s) has to be longer than --ping-interval ({} s): members that wait say nothing between pings",
        silence.as_secs_f64(),
        ping.as_secs_f64()
    );
    let mut rendezvous = rendezvous::Options {
        listen: listen(frame, args)?,
        tls,
        limits: limits(args),
        patience: patience(args),
        proxies: Proxies {
            trusted: args.trusted_proxy.clone(),
            origins: args.allow_origin.clone(),
        },
        admin: args.admin_listen,
        broker: None,
    };
    let Configs {
        stun,
        turn,
        mut findings,
    } = responders(frame, args)?;
    findings.extend(doubts(args));
    let (broker, about_login) = broker(frame, &args.broker)?;
    rendezvous.broker = broker;
    findings.extend(about_login);
    let relays = turn.as_ref().map_or(0, |turn| turn.limits.allocations);
    let has_admin = rendezvous.admin.is_some();
    let limits = &mut rendezvous.limits;
    findings.extend(descriptors::raise_limit().and_then(|most| {
        let files = usize::try_from(most).ok()?;
        limits.told = beside(limits.told, files);
        limits.watchers = beside(limits.watchers, files);
        let beside = limits.told + if has_admin { limits.watchers } else { 0 };
        let connections = &mut limits.visitors.connections;
        let fits = fitting(*connections, relays, files, beside)?;
        let wanted = std::mem::replace(connections, fits);
        // Nobody asked for the default.
        let is_asked = wanted != Limits::default().visitors.connections;
        (is_asked || fits < wanted / 2).then(|| too_few(wanted, fits, most))
    }));
    let options = Options {
        rendezvous,
        responders: ResponderOptions { stun, turn },
        log: frame.common.verbose,
    };
    Ok((options, findings))
}

/// What a session of `pair` needs at least in a second, and in one message.
const LEAST_BYTES: u64 = 8 << 10;
const LEAST_MESSAGES: u64 = 10;

/// Settings that can be meant, and mostly are not.
fn doubts(args: &ServeArgs) -> Vec<Finding> {
    let open = [
        (
            "--trusted-proxy",
            args.trusted_proxy.iter().any(Network::is_all),
            "every client may say which address it has, and no limit for an address holds",
            "name the addresses of your own proxies",
        ),
        (
            "--turn-allow-peer",
            args.responders.turn_allow_peer.iter().any(Network::is_all),
            "relays reach this host itself and all that is behind it",
            "name the networks that relays have to reach",
        ),
    ];
    let open = open.into_iter().filter(|(_, is_all, _, _)| *is_all);
    let open = open.map(|(flag, _, what, hint)| {
        let message = format!("{flag} has a network of all addresses: {what}.");
        Finding::new(Code::UnsafeSetting, message, hint)
    });
    let limits = &args.limits;
    let low = [
        ("--max-message", limits.max_message, LEAST_BYTES),
        (
            "--max-bytes-per-room",
            Some(limits.max_bytes_per_room),
            LEAST_BYTES,
        ),
        (
            "--max-messages-per-room",
            Some(limits.max_messages_per_room),
            LEAST_MESSAGES,
        ),
    ];
    let low = low.into_iter().filter_map(|(flag, value, least)| {
        let value = value.filter(|value| *value < least)?;
        let message =
            format!("{flag} {value} is less than a session of pair needs: sessions will fail.");
        let hint = format!("raise it to {least} at least, or leave it out");
        Some(Finding::new(Code::LimitTooLow, message, hint))
    });
    open.chain(low).collect()
}

fn broker(frame: &Frame, args: &BrokerArgs) -> anyhow::Result<(Option<Broker>, Vec<Finding>)> {
    let (login, findings) = credentials::for_brokers(
        &credentials::SHARING_BROKER,
        args.broker_username.as_deref(),
        args.broker_password_file.as_deref(),
        frame.patience(),
    )?;
    let Some(url) = args.broker.clone() else {
        anyhow::ensure!(login.is_none(), "--broker-username needs --broker");
        return Ok((None, findings));
    };
    let families = frame.families()?;
    let broker = Broker {
        url,
        login,
        families,
    };
    Ok((Some(broker), findings))
}

/// Files that are open besides: listeners, the runtime, the log, certificates while they are read.
const OTHER_FILES: usize = 64;
/// Of these, those that there are in any case.
const LEAST_FILES: usize = 12;

/// How many connections there may be if the system allows so many open files; `None` if that is enough. Idle connections must
/// not use up what relays and others need: who is told that they are too many, and who asks for the health.
fn fitting(connections: usize, relays: usize, files: usize, beside: usize) -> Option<usize> {
    let others = (files / 8).clamp(LEAST_FILES, OTHER_FILES);
    let left = files.saturating_sub(others + beside);
    // Where there is next to nothing, half is better than none.
    let fits = left.saturating_sub(relays).max(left / 2).max(1);
    (fits < connections).then_some(fits)
}

/// How many files those may have who are told that they are too many, or who ask for the health: `most`, or a
/// small part of all.
fn beside(most: usize, files: usize) -> usize {
    most.min(files / 8).max(1)
}

fn too_few(wanted: usize, fits: usize, files: u64) -> Finding {
    Finding::new(
        Code::LocalLimit,
        format!(
            "The system lets this program open {files} files, too few for {wanted} connections: it takes {fits}."
        ),
        "raise the limit (ulimit -Hn; systemd: LimitNOFILE=), or lower --max-connections",
    )
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
        visitors: visitors::VisitorLimits {
            connections: size(limits.max_connections),
            connections_per_address: size(limits.max_connections_per_address),
            joins_per_second: limits.max_joins_per_address,
        },
        rooms: rooms::RoomLimits {
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
        ..Limits::default()
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
        message: patience.message_timeout,
        ..Patience::default()
    }
}

/// Proxies do not tell the port of a client.
fn client(address: SocketAddr) -> String {
    match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

fn guess_line(at: std::time::Duration, guess: &Guess) -> String {
    let at = at.as_secs_f64();
    let slowed = if guess.is_slowed {
        ": too many, so that for a while it is not answered when it does so"
    } else {
        ""
    };
    let user = quoted(&guess.username);
    format!(
        "{at:.3} {} gave a wrong user or password for TURN, as {user}{slowed}",
        guess.source
    )
}

fn log_line(at: std::time::Duration, event: &rendezvous::Event) -> String {
    let at = at.as_secs_f64();
    match event {
        rendezvous::Event::Joined {
            address,
            room,
            peer,
        } => {
            let met = if *peer { ", the second" } else { "" };
            let client = client(*address);
            format!("{at:.3} {client} joined room {room}{met}")
        }
        rendezvous::Event::Left { address, room } => {
            format!("{at:.3} {} left room {room}", client(*address))
        }
        rendezvous::Event::Certificate { problem: None } => {
            format!("{at:.3} certificate and key have been read again")
        }
        rendezvous::Event::Certificate {
            problem: Some(problem),
        } => {
            format!("{at:.3} certificate and key stay as they were: {problem}")
        }
        rendezvous::Event::BrokerReached => {
            format!("{at:.3} the broker is reached: rooms are shared with other servers")
        }
        rendezvous::Event::BrokerLost(report) => {
            let hint = report
                .hint
                .map_or_else(String::new, |hint| format!(" ({hint})"));
            format!(
                "{at:.3} rooms are not shared with other servers, as the broker cannot be used: {}{hint}",
                report.message
            )
        }
        rendezvous::Event::Siblings(count) => {
            let servers = if *count == 1 { "server" } else { "servers" };
            format!("{at:.3} {count} other {servers} at the broker")
        }
        rendezvous::Event::Refused { address, refusal } => {
            let client = client(*address);
            format!("{at:.3} {client} ended: {refusal} ({})", refusal.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::commands::args::{Cli, Command};

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(fitting(20_000, 100, 1 << 20, 128), None);
        assert_eq!(fitting(20_000, 100, 4096, 64), Some(4096 - 228));
        assert_eq!(fitting(20_000, 100, 4096, 128), Some(4096 - 292));
        assert_eq!(fitting(10, 0, 64, 16), None);
    }

    /// Those that are told that they are too many, and those that ask for the health, have files of their own.
    #[test]
    fn where_there_are_few_files_each_kind_has_some() {
        for files in 20..1000 {
            let told = beside(64, files);
            let watchers = told;
            let fits = fitting(20_000, 0, files, told + watchers).expect("fewer");
            assert!(told >= 1 && fits >= 1, "{files}");
            let all = fits + told + watchers + LEAST_FILES;
            assert!(all <= files, "{all} of {files}");
        }
    }

    #[test]
    fn the_flags_have_the_defaults_of_the_server() {
        let Command::Serve(args) = Cli::parse_from(["rtcdiag", "serve"]).command else {
            panic!("another command");
        };
        assert_eq!(limits(&args), Limits::default());
        assert_eq!(patience(&args), Patience::default());
    }
}
