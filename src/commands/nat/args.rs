//! The command line of `nat`.

use std::time::Duration;

use clap::{Args, ValueHint};

use crate::commands::args::{ServerArgs, seconds};
use crate::proto::nat::behavior::expect::Expectations;
use crate::proto::nat::nat64::Prefix;

/// The longest lifetime that is looked for if `--lifetime` does not say.
const DEFAULT_LIFETIME: &str = "300";
/// The longest one that may be asked for: RFC 4787 wants 2 minutes, RFC 5382 2 hours for TCP.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// The shortest: a batch of waits needs room.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(5);

/// The shortest time from round to round.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

pub const EXAMPLES: &str = "\
Examples:
  rtcdiag nat
  rtcdiag nat -s stun:stun.example.org -s 198.51.100.7:3478 -4
  rtcdiag nat --json | jq '.result.paths[0].mapping'
  rtcdiag nat --expect mapping=endpoint-independent,udp=open
  rtcdiag nat --lifetime 5m
  rtcdiag nat --port-mapping-test
  rtcdiag nat --all-interfaces
  rtcdiag nat --watch 60 --timeout 28800
  rtcdiag nat --repeat 5 --expect mapping=endpoint-independent

Exit codes:
  0    diagnosed; a strict NAT is still 0 (of several rounds: every one was good)
  1    UDP is blocked, or --expect is not met (in any round)
  2    usage error, or the program could not do its job
  3    inconclusive: no server offers behaviour discovery, or answers contradict each other
  130  interrupted; the partial result is printed first";

/// Arguments of `rtcdiag nat`.
#[derive(Debug, Clone, Args)]
pub struct NatArgs {
    /// Exit with 0 only if this holds: mapping=, filtering= or udp=, or several, separated by
    /// commas
    ///
    /// mapping and filtering are endpoint-independent, address-dependent or
    /// address-and-port-dependent; udp is open or blocked. It has to hold on each path over which
    /// UDP works.
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub expect: Option<Expectations>,
    /// More tests.
    #[command(flatten)]
    pub depth: DepthArgs,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: ServerArgs,
}

/// Tests that take longer, or ask somebody else than STUN servers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "In depth")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct DepthArgs {
    /// Measure how long an unused binding lives, up to MAX (seconds, or as 90s, 5m; at most 30m)
    /// [default with the flag: 5m]
    ///
    /// For flows of one packet and for two-way flows, from parallel sockets. It takes twice as long
    /// as the longest wait that is needed: once for a coarse measurement and once for a fine one.
    #[arg(
        long,
        value_name = "MAX",
        num_args = 0..=1,
        default_missing_value = DEFAULT_LIFETIME,
        value_parser = lifetime
    )]
    pub lifetime: Option<Duration>,
    /// Have the router make a short-lived port mapping, try it from outside, and remove it
    #[arg(long)]
    pub port_mapping_test: bool,
    /// Do not ask the router for its external address (PCP, NAT-PMP, UPnP IGD; asking changes
    /// nothing)
    #[arg(long)]
    pub no_port_mapping: bool,
    /// Do not ask the servers over TCP as well
    #[arg(long)]
    pub no_tcp: bool,
    /// Test whether the mapping stays the same when another host behind the same NAT holds the port
    /// (needs a second local address)
    #[arg(long)]
    pub collision_test: bool,
    /// Reach IPv4 servers from IPv6 with this prefix [default: looked up in DNS (RFC 7050) where
    /// there is no IPv4]
    #[arg(long, value_name = "PREFIX")]
    pub nat64_prefix: Option<Prefix>,
    /// Test over every interface, not only the one that the system would choose
    #[arg(long)]
    pub all_interfaces: bool,
    /// Test this many times: one line for each round, and totals at the end
    ///
    /// Rounds follow each other immediately, but start at least 1 s apart, unless --watch says
    /// otherwise. Each is a whole test with fresh sockets and freshly resolved names, and may take
    /// 10 s. Without --timeout there is no limit for all of them together. The exit code is 0 only
    /// if every round was good.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// Start a round every so many seconds (at least 1), until stopped or until --repeat is done
    #[arg(long, value_name = "SECONDS", value_parser = interval)]
    pub watch: Option<Duration>,
}

impl DepthArgs {
    /// Whether there is to be more than one test.
    pub const fn in_rounds(&self) -> bool {
        self.repeat.is_some() || self.watch.is_some()
    }
}

/// The servers are other people's: not more than a round a second.
fn interval(text: &str) -> Result<Duration, String> {
    seconds(text)
        .ok()
        .filter(|time| *time >= SHORTEST_INTERVAL)
        .ok_or_else(|| "at least 1 and at most 86400 seconds".to_owned())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60.0),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.trim().parse().map_err(|_| {
        "not a time: seconds, or a value such as 90s or 5m; at least 5 seconds and at most 30 minutes".to_owned()
    })?;
    let seconds = number * unit;
    if (SHORTEST_LIFETIME.as_secs_f64()..=LONGEST_LIFETIME.as_secs_f64()).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("at least 5 seconds and at most 30 minutes".to_owned())
    }
}
