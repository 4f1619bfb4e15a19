//! What the flags of the STUN and TURN servers mean, checked before anything listens.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;

use crate::base::family::Family;
use crate::base::report::Finding;
use crate::commands::config;
use crate::commands::credentials::secret_from;
use crate::commands::serve::args::responders::{ListenAddress, ResponderArgs};
use crate::commands::servers::readable_by_others;
use crate::net::servers::{stun, turn};
use crate::proto::turn::server::users::Users;

/// Bits in a byte times the 1000 of a kilobit: 1 kbit/s are 125 bytes a second.
const BYTES_PER_KBIT: u32 = 125;

#[derive(Debug)]
pub struct Configs {
    pub stun: Vec<stun::Config>,
    pub turn: Option<turn::Config>,
    pub findings: Vec<Finding>,
}

/// Checks the flags and reads the files that they name.
///
/// # Errors
///
/// If flags contradict each other or are incomplete, or a file cannot be used. Whether the system
/// gives the addresses shows only when they are bound.
pub fn configs(args: &ResponderArgs, patience: Duration) -> anyhow::Result<Configs> {
    let stun = stun(args)?;
    let (turn, findings) = match turn(args, patience)? {
        Some((turn, findings)) => (Some(turn), findings),
        None => (None, Vec::new()),
    };
    let relays = turn.iter().flat_map(|turn| &turn.listen);
    for relay in relays.filter(|relay| relay.port() != 0) {
        anyhow::ensure!(
            !stun.iter().any(|stun| stun.primary == *relay),
            "--stun and --turn are both {relay}: the TURN server answers STUN there too, so leave out --stun, or give one of them another port"
        );
    }
    Ok(Configs {
        stun,
        turn,
        findings,
    })
}

fn stun(args: &ResponderArgs) -> anyhow::Result<Vec<stun::Config>> {
    one_of_each_family("--stun", &args.stun)?;
    one_of_each_family("--stun-alternate", &args.stun_alternate)?;
    let of = |list: &[ListenAddress], family| {
        let same = |address: &&ListenAddress| Family::of(address.ip) == family;
        list.iter().find(same).copied()
    };
    for alternate in &args.stun_alternate {
        anyhow::ensure!(
            of(&args.stun, Family::of(alternate.ip)).is_some(),
            "--stun-alternate {} needs --stun with an address of the same family",
            alternate.ip
        );
    }
    args.stun
        .iter()
        .map(|primary| {
            let alternate = of(&args.stun_alternate, Family::of(primary.ip));
            let config = stun::Config::new(
                primary.or_default_port(),
                alternate.map(ListenAddress::or_any_port),
            );
            config.check().context("--stun-alternate")?;
            Ok(config)
        })
        .collect()
}

fn turn(
    args: &ResponderArgs,
    patience: Duration,
) -> anyhow::Result<Option<(turn::Config, Vec<Finding>)>> {
    if args.turn.is_empty() {
        for (is_given, flag) in [
            (args.turn_users_file.is_some(), "--turn-users-file"),
            (
                args.turn_auth_secret_file.is_some(),
                "--turn-auth-secret-file",
            ),
            (!args.turn_external_ip.is_empty(), "--turn-external-ip"),
            (!args.turn_allow_peer.is_empty(), "--turn-allow-peer"),
        ] {
            anyhow::ensure!(
                !is_given,
                "{flag} needs --turn: without it no TURN server runs"
            );
        }
        return Ok(None);
    }
    one_of_each_family("--turn", &args.turn)?;
    let (users, findings) = users(args, patience)?;
    anyhow::ensure!(
        !users.is_nobody(),
        "--turn needs --turn-users-file or --turn-auth-secret-file: without users it would relay for everybody"
    );
    let listen: Vec<SocketAddr> = args.turn.iter().map(|a| a.or_default_port()).collect();
    let rate = args.turn_max_rate.saturating_mul(BYTES_PER_KBIT);
    let config = turn::Config {
        external: args.turn_external_ip.clone(),
        realm: args.turn_realm.clone(),
        allow_peers: args.turn_allow_peer.clone(),
        ports: args.turn_relay_ports.0.clone(),
        limits: turn::TurnLimits {
            allocations: args.turn_max_allocations as usize,
            per_user: args.turn_max_per_user as usize,
            lifetime: Duration::from_secs(args.turn_max_lifetime.into()),
            bytes_per_second: (rate > 0).then_some(rate),
            ..turn::TurnLimits::default()
        },
        ..turn::Config::new(listen, users)
    };
    config.check().context("--turn")?;
    Ok(Some((config, findings)))
}

fn users(args: &ResponderArgs, patience: Duration) -> anyhow::Result<(Users, Vec<Finding>)> {
    let mut users = Users::default();
    let mut findings = Vec::new();
    if let Some(path) = &args.turn_users_file {
        let text = config::read_text(path, patience)
            .with_context(|| format!("cannot read {}", path.display()))?;
        users = Users::read(&text)
            .with_context(|| format!("cannot use the users in {}", path.display()))?;
        findings.extend(readable_by_others(path, "passwords"));
    }
    if let Some(path) = &args.turn_auth_secret_file {
        let (secret, about) = secret_from(path, patience)?;
        users = users.with_secret(secret);
        findings.extend(about);
    }
    Ok((users, findings))
}

fn one_of_each_family(flag: &str, addresses: &[ListenAddress]) -> anyhow::Result<()> {
    for family in [Family::Ipv4, Family::Ipv6] {
        let same = addresses.iter().filter(|a| Family::of(a.ip) == family);
        anyhow::ensure!(
            same.count() <= 1,
            "{flag} takes one address of each family, IPv4 and IPv6"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        responders: ResponderArgs,
    }

    fn configs_of(line: &str) -> anyhow::Result<Configs> {
        let args = std::iter::once("serve").chain(line.split_whitespace());
        let flags = Flags::try_parse_from(args).expect("clap takes it");
        configs(&flags.responders, Duration::from_secs(5))
    }

    /// A file that nobody else may read, until it is dropped.
    struct File(std::path::PathBuf);

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    impl std::fmt::Display for File {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.display().fmt(f)
        }
    }

    fn file(name: &str, content: &str) -> File {
        let path = std::env::temp_dir().join(format!("rtcdiag-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("it can be written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, private).expect("it is ours");
        }
        File(path)
    }

    #[test]
    fn nothing_runs_unless_it_is_named() {
        let configs = configs_of("").expect("nothing wrong");
        assert!(configs.stun.is_empty() && configs.turn.is_none());
    }

    #[test]
    fn stun_on_both_families() {
        let line = "--stun 192.0.2.1,[2001:db8::1]:99 --stun-alternate 192.0.2.2";
        let configs = configs_of(line).expect("nothing wrong");
        let shown: Vec<String> = configs
            .stun
            .iter()
            .map(|c| format!("{} {:?}", c.primary, c.alternate))
            .collect();
        assert_eq!(
            shown,
            ["192.0.2.1:3478 Some(192.0.2.2:0)", "[2001:db8::1]:99 None"]
        );
    }

    #[test]
    fn turn_with_everything() {
        let (users, secret) = (file("users", "ann:x\n"), file("secret", "north\n"));
        let line = format!(
            "--turn 192.168.7.1 --turn-external-ip 192.0.2.1 --turn-realm here --turn-users-file {users} --turn-auth-secret-file {secret} \
             --turn-allow-peer 10.0.0.0/8 --turn-allow-peer fd00::/8 --turn-relay-ports 2000-3000 --turn-max-allocations 7 --turn-max-per-user 3 \
             --turn-max-rate 80 --turn-max-lifetime 60"
        );
        let configs = configs_of(&line).expect("nothing wrong");
        assert!(configs.findings.is_empty(), "{:?}", configs.findings);
        let turn = configs.turn.expect("it is to run");
        assert_eq!(turn.listen[0].to_string(), "192.168.7.1:3478");
        assert_eq!(turn.external[0].to_string(), "192.0.2.1");
        assert_eq!(turn.allow_peers.len(), 2);
        assert_eq!(turn.ports, 2000..=3000);
        let limits = turn.limits;
        assert_eq!((limits.allocations, limits.per_user), (7, 3));
        assert_eq!(limits.bytes_per_second, Some(10_000));
        assert_eq!(limits.lifetime, Duration::from_secs(60));
        assert!(turn.users.key("ann", "here", 0).is_some());
        let unlimited = format!("--turn 192.0.2.1 --turn-users-file {users} --turn-max-rate 0");
        let turn = configs_of(&unlimited).expect("nothing wrong").turn;
        assert_eq!(turn.expect("it is to run").limits.bytes_per_second, None);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let users = file("some-users", "ann:x\n");
        let broken = file("broken-users", "ann\n");
        let empty = file("empty-secret", "\n");
        for (line, says) in [
            ("--stun-alternate 192.0.2.2".to_owned(), "needs --stun"),
            (
                "--stun 192.0.2.1 --stun-alternate 2001:db8::1".to_owned(),
                "same family",
            ),
            (
                "--stun 192.0.2.1 --stun 192.0.2.2".to_owned(),
                "one address of each family",
            ),
            (
                "--stun 192.0.2.1 --stun-alternate 192.0.2.1:99".to_owned(),
                "--stun-alternate",
            ),
            ("--turn 192.0.2.1".to_owned(), "relay for everybody"),
            (format!("--turn-users-file {users}"), "needs --turn"),
            ("--turn-allow-peer 10.0.0.0/8".to_owned(), "needs --turn"),
            (
                format!("--turn 0.0.0.0 --turn-users-file {users}"),
                "--turn",
            ),
            (
                format!("--turn 192.0.2.1 --turn-users-file {broken}"),
                "cannot use the users",
            ),
            (
                format!("--turn 192.0.2.1 --turn-auth-secret-file {empty}"),
                "no secret",
            ),
            (
                "--turn 192.0.2.1 --turn-users-file /nowhere/users".to_owned(),
                "/nowhere/users",
            ),
            (
                format!("--stun 192.0.2.1 --turn 192.0.2.1 --turn-users-file {users}"),
                "leave out --stun",
            ),
        ] {
            let error = configs_of(&line).expect_err(&line);
            assert!(error.to_string().contains(says), "{line}: {error:#}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_can_read_are_found_fault_with() {
        use std::os::unix::fs::PermissionsExt;
        let users = file("open-users", "ann:x\n");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&users.0, open).expect("it is ours");
        let configs = configs_of(&format!("--turn 192.0.2.1 --turn-users-file {users}"));
        assert_eq!(configs.expect("nothing wrong").findings.len(), 1);
    }
}
