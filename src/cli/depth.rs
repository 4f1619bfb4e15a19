//! Flags of `rtcdiag nat` for tests that take longer, or ask somebody else than STUN servers.

use std::time::Duration;

use clap::Args;

use crate::nat::nat64::Prefix;

/// The longest lifetime that is looked for if `--lifetime` does not say.
const DEFAULT_LIFETIME: &str = "300";
/// The longest one that may be asked for: RFC 4787 wants 2 minutes, RFC 5382 2 hours for TCP.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// The shortest: a batch of waits needs room.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(5);

/// The shortest time from round to round.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// What is tested beside the behaviour of the NAT.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "In depth")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct DepthArgs {
    /// Measure how long an unused binding lives, up to MAX (seconds, or as 90s, 5m; at most 30m)
    /// [default with the flag: 5m]
    ///
    /// For flows of one packet and for two-way flows, from parallel sockets. It takes as long as the
    /// longest wait that is needed, once for a coarse and once for a fine measure.
    #[arg(
        long,
        value_name = "MAX",
        num_args = 0..=1,
        default_missing_value = DEFAULT_LIFETIME,
        value_parser = lifetime,
        env = "RTCDIAG_LIFETIME",
        hide_env_values = true
    )]
    pub lifetime: Option<Duration>,
    /// Have the router make a short-lived port mapping, try it from outside, and remove it
    #[arg(long, env = "RTCDIAG_PORT_MAPPING_TEST", hide_env_values = true, value_parser = super::yes_or_no)]
    pub port_mapping_test: bool,
    /// Do not ask the router for its external address (PCP, NAT-PMP, UPnP IGD; asking changes
    /// nothing)
    #[arg(long, env = "RTCDIAG_NO_PORT_MAPPING", hide_env_values = true, value_parser = super::yes_or_no)]
    pub no_port_mapping: bool,
    /// Do not ask the servers over TCP beside UDP
    #[arg(long, env = "RTCDIAG_NO_TCP", hide_env_values = true, value_parser = super::yes_or_no)]
    pub no_tcp: bool,
    /// See whether the mapping stays as it is when another host behind the same NAT holds the port
    /// (needs a second local address)
    #[arg(long, env = "RTCDIAG_COLLISION_TEST", hide_env_values = true, value_parser = super::yes_or_no)]
    pub collision_test: bool,
    /// Reach IPv4 servers from IPv6 by this prefix [default: asked for by DNS (RFC 7050) where there
    /// is no IPv4]
    #[arg(
        long,
        value_name = "PREFIX",
        env = "RTCDIAG_NAT64_PREFIX",
        hide_env_values = true
    )]
    pub nat64_prefix: Option<Prefix>,
    /// Test over every interface, not only the one that the system would choose
    #[arg(long, env = "RTCDIAG_ALL_INTERFACES", hide_env_values = true, value_parser = super::yes_or_no)]
    pub all_interfaces: bool,
    /// Test so many times, one line a round, and totals at the end
    ///
    /// The rounds follow each other at once, but at least 1 s apart, unless --watch says otherwise. Each
    /// is a whole test with fresh sockets and names resolved anew, and may take 10 s. Without
    /// --timeout there is no limit for all together. The exit code is 0 only if every round was
    /// good.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "RTCDIAG_REPEAT", hide_env_values = true)]
    pub repeat: Option<u32>,
    /// Begin a round every so many seconds (at least 1), until it is stopped or --repeat is done
    #[arg(long, value_name = "SECONDS", value_parser = interval, env = "RTCDIAG_WATCH", hide_env_values = true)]
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
    super::seconds(text)
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
        "not a time: seconds, or as 90s, 5m; at least 5 seconds and at most 30 minutes".to_owned()
    })?;
    let seconds = number * unit;
    if (SHORTEST_LIFETIME.as_secs_f64()..=LONGEST_LIFETIME.as_secs_f64()).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("at least 5 seconds and at most 30 minutes".to_owned())
    }
}
