//! rtcdiag on real networks: coturn in one network namespace, the client in another, kernel NATs and filters between them.
//!
//! It needs the right to make namespaces (root), `ip` and `ss` (iproute2), `nft` (nftables), `turnserver` (coturn) and `tayga`. Without
//! them a test prints `SKIPPED` and why; with `RTCDIAG_REQUIRE_NETNS=1` it fails instead. `RTCDIAG_NETNS_RUNS` says how often
//! each main scenario runs in its lab, in place of three times. Nothing leaves the namespaces.

#![cfg(target_os = "linux")]

#[path = "interop/aioice.rs"]
mod aioice;
#[path = "netns/blocked.rs"]
mod blocked;
#[path = "netns/collisions.rs"]
mod collisions;
#[path = "netns/compounded.rs"]
mod compounded;
#[path = "netns/coturn.rs"]
mod coturn;
#[path = "common/ends.rs"]
mod ends;
#[path = "netns/expect.rs"]
mod expect;
#[path = "netns/filters.rs"]
mod filters;
#[path = "netns/incapable.rs"]
mod incapable;
#[path = "netns/interfaces.rs"]
mod interfaces;
#[path = "netns/ipv6.rs"]
mod ipv6;
#[path = "netns/lab.rs"]
mod lab;
#[path = "redact/leaks.rs"]
mod leaks;
#[path = "netns/lifetime.rs"]
mod lifetime;
#[path = "netns/nat64.rs"]
mod nat64;
#[path = "netns/nats.rs"]
mod nats;
#[path = "netns/pair/mod.rs"]
mod pair;
#[path = "netns/redact.rs"]
mod redact;
#[path = "netns/rounds.rs"]
mod rounds;
#[path = "netns/router/mod.rs"]
mod router;
#[path = "netns/scenarios.rs"]
mod scenarios;
#[path = "common/schema.rs"]
mod schema;
#[path = "netns/servers.rs"]
mod servers;
#[path = "netns/streams.rs"]
mod streams;
#[path = "netns/translated.rs"]
mod translated;
#[path = "netns/translation/mod.rs"]
mod translation;
#[path = "netns/turn/mod.rs"]
mod turn;
#[path = "netns/untranslated.rs"]
mod untranslated;
#[path = "netns/uplinks.rs"]
mod uplinks;

use std::time::Duration;

use lab::Lab;
use scenarios::Scenario;
use turn::quotas;

/// Long enough for any diagnosis on a loaded machine: it ends a run that hangs, and measures nothing.
const HANGS_AFTER: Duration = Duration::from_secs(90);

macro_rules! scenarios {
    ($($module:ident { $($name:ident => $scenario:ident,)* })*) => {
        $($(
            #[test]
            fn $name() {
                check(stringify!($name), &$module::$scenario);
            }
        )*)*
    };
}

scenarios! {
    untranslated {
        open_internet => OPEN_INTERNET,
        router_firewall => ROUTER_FIREWALL,
        host_firewall => HOST_FIREWALL,
        firewall_by_address => FIREWALL_BY_ADDRESS,
    }
    translated {
        masquerade => MASQUERADE,
        masquerade_open_router => MASQUERADE_OPEN_ROUTER,
        masquerade_random => MASQUERADE_RANDOM,
        one_to_one => ONE_TO_ONE,
        full_cone => FULL_CONE,
        full_cone_hairpin => FULL_CONE_HAIRPIN,
        address_restricted => ADDRESS_RESTRICTED,
        changed_ports => CHANGED_PORTS,
        address_dependent_mapping => ADDRESS_DEPENDENT_MAPPING,
        open_port_per_destination => OPEN_PORT_PER_DESTINATION,
        sequential_ports => SEQUENTIAL_PORTS,
        pool => POOL,
        pool_persistent => POOL_PERSISTENT,
        pool_by_server => POOL_BY_SERVER,
    }
    compounded {
        full_cone_and_host_firewall => FULL_CONE_AND_HOST_FIREWALL,
        two_nats => TWO_NATS,
        full_cone_behind_random => FULL_CONE_BEHIND_RANDOM,
        carrier_behind_home => CARRIER_BEHIND_HOME,
        carrier_on_the_client => CARRIER_ON_THE_CLIENT,
        hairpin_filtered => HAIRPIN_FILTERED,
        alg => ALG,
        masquerade_lossy => MASQUERADE_LOSSY,
        full_cone_lossy => FULL_CONE_LOSSY,
        address_restricted_lossy => ADDRESS_RESTRICTED_LOSSY,
    }
    blocked {
        udp_dropped => UDP_DROPPED,
        all_dropped => ALL_DROPPED,
        dead_server_alone => DEAD_SERVER_ALONE,
        udp_rejected => UDP_REJECTED,
        udp_prohibited => UDP_PROHIBITED,
        output_dropped => OUTPUT_DROPPED,
        output_rejected => OUTPUT_REJECTED,
        only_tls => ONLY_TLS,
        untrusted_tls => UNTRUSTED_TLS,
        no_route => NO_ROUTE,
        no_address => NO_ADDRESS,
        no_ipv6_address => NO_IPV6_ADDRESS,
    }
    ipv6 {
        ipv6_open => IPV6_OPEN,
        ipv6_filter => IPV6_FILTER,
        nat66 => NAT66,
        prefix_translation => PREFIX_TRANSLATION,
        dual_stack => DUAL_STACK,
        dual_stack_only_ipv4 => DUAL_STACK_ONLY_IPV4,
        no_ipv6_beside_ipv4 => NO_IPV6_BESIDE_IPV4,
        ipv6_without_udp => IPV6_WITHOUT_UDP,
    }
    nat64 {
        nat64_behind_filter => BEHIND_FILTER,
        nat64_by_prefix => BY_PREFIX,
    }
    incapable {
        plain_server => PLAIN_SERVER,
        plain_server_behind_pool => PLAIN_SERVER_BEHIND_POOL,
        two_plain_servers => TWO_PLAIN_SERVERS,
        two_plain_servers_random => TWO_PLAIN_SERVERS_RANDOM,
        one_plain_server_twice => ONE_PLAIN_SERVER_TWICE,
        faulty_alternate => FAULTY_ALTERNATE,
        faulty_alternate_full_cone => FAULTY_ALTERNATE_FULL_CONE,
        faulty_alternate_random => FAULTY_ALTERNATE_RANDOM,
        faulty_alternate_before_sound => FAULTY_ALTERNATE_BEFORE_SOUND,
    }
    streams {
        tcp_masquerade => MASQUERADE,
        tcp_masquerade_random => RANDOM_PORTS,
        tcp_without_nat => WITHOUT_NAT,
        tcp_by_address => BY_ADDRESS,
        tcp_pool_by_server => POOL_BY_SERVER,
        tcp_of_its_own => RANDOM_TCP_ONLY,
        tcp_other_address => OTHER_ADDRESS,
        tcp_dropped => DROPPED,
        tcp_reset => RESET,
        tcp_rejected => REJECTED,
        tcp_left_out => LEFT_OUT,
        tcp_one_plain_server => ONE_PLAIN_SERVER,
        tcp_two_plain_servers => TWO_PLAIN_SERVERS,
        tcp_two_plain_servers_random => TWO_PLAIN_SERVERS_RANDOM,
        tcp_without_udp => WITHOUT_UDP,
        tcp_without_udp_random => WITHOUT_UDP_RANDOM,
        tcp_servers_alone => SERVERS_ALONE,
        tcp_and_tls => TCP_AND_TLS,
        tcp_ipv6 => IPV6_ROUTED,
        tcp_nat66 => NAT66,
    }
    collisions {
        collision_masquerade => MASQUERADE,
        collision_full_cone => FULL_CONE,
        collision_bijection => PORTS_BY_HOST,
        collision_dropped => DROPPED,
        collision_two_plain_servers => TWO_PLAIN_SERVERS,
        collision_random => RANDOM_PORTS,
        collision_changed_ports => CHANGED_PORTS,
        collision_without_nat => WITHOUT_NAT,
        collision_without_second_address => WITHOUT_SECOND_ADDRESS,
        collision_untranslated_second => UNTRANSLATED_SECOND,
        collision_mute_second => MUTE_SECOND,
        collision_lossy => LOSSY,
        collision_nat66 => NAT66,
    }
    uplinks {
        second_interface => SECOND_INTERFACE,
        second_local_address => SECOND_LOCAL_ADDRESS,
    }
    servers {
        dead_server_beside_live => DEAD_SERVER_BESIDE_LIVE,
        closed_port_beside_live => CLOSED_PORT_BESIDE_LIVE,
        alternate_dead => ALTERNATE_DEAD,
        alternate_dead_open_internet => ALTERNATE_DEAD_OPEN_INTERNET,
        alternate_mute => ALTERNATE_MUTE,
        only_port_3478 => ONLY_PORT_3478,
        two_servers => TWO_SERVERS,
        unknown_name_beside_live => UNKNOWN_NAME_BESIDE_LIVE,
        unknown_name => UNKNOWN_NAME,
    }
}

macro_rules! turn_cases {
    ($($module:ident { $($name:ident => $case:ident,)* })*) => {
        mod turn_server {
            $($(
                #[test]
                fn $name() {
                    super::turn::check(stringify!($name), &super::turn::$module::$case);
                }
            )*)*
        }
    };
}

turn_cases! {
    healthy {
        all_transports => ALL_TRANSPORTS,
        dual_stack => DUAL_STACK,
        ipv6_only => IPV6_ONLY,
        private_server => PRIVATE_SERVER,
        alternate_server => ALTERNATE_SERVER,
        alternate_server_itself => ALTERNATE_SERVER_ITSELF,
        no_tcp_no_tls => NO_TCP_NO_TLS,
        taciturn => TACITURN,
        short_lifetimes => SHORT_LIFETIMES,
        stale_nonce => STALE_NONCE,
        stale_nonce_later => STALE_NONCE_LATER,
    }
    addresses {
        relays_of_both_families => RELAYS_OF_BOTH_FAMILIES,
        two_ipv4_relays => TWO_IPV4_RELAYS,
        ipv6_server_relays_ipv4 => IPV6_SERVER_RELAYS_IPV4,
        ipv4_flag => IPV4_FLAG,
        external_ip => EXTERNAL_IP,
        private_relay => PRIVATE_RELAY,
        private_external_ip => PRIVATE_EXTERNAL_IP,
        stale_external_ip => STALE_EXTERNAL_IP,
    }
    credentials {
        secrets => SECRETS,
        expired => EXPIRED,
        wrong_users => WRONG_USERS,
        expectations => EXPECTATIONS,
        no_auth => NO_AUTH,
    }
    quotas {
        user_quota_1_turn => USER_QUOTA_1_TURN,
        user_quota_1_udp => USER_QUOTA_1_UDP,
        user_quota_1_gather => USER_QUOTA_1_GATHER,
        user_quota_2_turn => USER_QUOTA_2_TURN,
        user_quota_2_udp => USER_QUOTA_2_UDP,
        user_quota_2_gather => USER_QUOTA_2_GATHER,
        user_quota_3_turn => USER_QUOTA_3_TURN,
        user_quota_3_udp => USER_QUOTA_3_UDP,
        user_quota_3_gather => USER_QUOTA_3_GATHER,
        total_quota_1_turn => TOTAL_QUOTA_1_TURN,
        total_quota_1_gather => TOTAL_QUOTA_1_GATHER,
        total_quota_4_turn => TOTAL_QUOTA_4_TURN,
        total_quota_4_gather => TOTAL_QUOTA_4_GATHER,
        one_port_turn => ONE_PORT_TURN,
        one_port_udp => ONE_PORT_UDP,
        one_port_gather => ONE_PORT_GATHER,
        two_ports_turn => TWO_PORTS_TURN,
        two_ports_gather => TWO_PORTS_GATHER,
        capacity_turn => CAPACITY_TURN,
        capacity_gather => CAPACITY_GATHER,
        max_bps_turn => MAX_BPS_TURN,
        max_bps_gather => MAX_BPS_GATHER,
    }
    blocked {
        udp_dropped => UDP_DROPPED,
        udp_rejected => UDP_REJECTED,
        udp_prohibited => UDP_PROHIBITED,
        output_dropped => OUTPUT_DROPPED,
        only_443 => ONLY_443,
        tcp_reset => TCP_RESET,
        tcp_rejected => TCP_REJECTED,
        tcp_dropped => TCP_DROPPED,
        server_down => SERVER_DOWN,
        black_hole => BLACK_HOLE,
        relay_ports_closed => RELAY_PORTS_CLOSED,
        relay_ports_closed_outside => RELAY_PORTS_CLOSED_OUTSIDE,
        relay_ports_stateful => RELAY_PORTS_STATEFUL,
        no_route => NO_ROUTE,
    }
    faults {
        no_udp_relay => NO_UDP_RELAY,
        stun_only => STUN_ONLY,
        no_stun => NO_STUN,
        secure_stun => SECURE_STUN,
        certificate_expired => CERTIFICATE_EXPIRED,
        certificate_not_yet_valid => CERTIFICATE_NOT_YET_VALID,
        certificate_wrong_name => CERTIFICATE_WRONG_NAME,
        certificate_unknown_issuer => CERTIFICATE_UNKNOWN_ISSUER,
        alternate_server_down => ALTERNATE_SERVER_DOWN,
    }
    policy {
        by_default => BY_DEFAULT,
        loopback_allowed => LOOPBACK_ALLOWED,
        loopback_allowed_ipv4 => LOOPBACK_ALLOWED_IPV4,
        no_multicast => NO_MULTICAST,
        private_denied => PRIVATE_DENIED,
        own_address_denied => OWN_ADDRESS_DENIED,
        client_denied => CLIENT_DENIED,
        all_denied => ALL_DENIED,
    }
    hosts {
        no_nat => NO_NAT,
        symmetric => SYMMETRIC,
        one_reflexive_address => ONE_REFLEXIVE_ADDRESS,
        docker => DOCKER,
        vpn => VPN,
        second_interface => SECOND_INTERFACE,
        two_uplinks => TWO_UPLINKS,
        second_uplink_dead => SECOND_UPLINK_DEAD,
        ipv6_without_route => IPV6_WITHOUT_ROUTE,
        no_address => NO_ADDRESS,
        wrong_family => WRONG_FAMILY,
    }
}

macro_rules! lifetimes {
    ($($name:ident => $case:ident,)*) => {
        mod binding_lifetime {
            $(
                #[test]
                fn $name() {
                    if !super::skipped(stringify!($name)) {
                        super::lifetime::check(&super::lifetime::$case);
                    }
                }
            )*
        }
    };
}

lifetimes! {
    masquerade => MASQUERADE,
    firewall => FIREWALL,
    pool => POOL,
}

macro_rules! labs {
    ($($name:ident => $module:ident::$check:ident,)*) => {
        $(
            #[test]
            fn $name() {
                if !skipped(stringify!($name)) {
                    $module::$check();
                }
            }
        )*
    };
}

labs! {
    turn_no_port => quotas::no_port,
    all_interfaces => interfaces::all_at_once,
    all_interfaces_text => interfaces::text_of_all,
    all_interfaces_expectations => interfaces::expectations,
    all_interfaces_vpn => interfaces::default_route_by_vpn,
    all_interfaces_firewall => interfaces::firewall_of_the_whole_host,
    all_interfaces_limit => interfaces::too_few_sockets,
    all_interfaces_none => interfaces::nothing_to_test,
    watch_nat_that_changes => rounds::a_nat_that_changes,
    repeat_ports_that_come_again => rounds::ports_that_come_again,
    watch_link_that_comes_back => rounds::a_link_that_goes_and_comes_back,
}

#[test]
fn remedied() {
    turn::check("remedied", &turn::policy::remedied());
}

#[test]
fn aioice_in_the_same_lab() {
    turn::interop::check("aioice_in_the_same_lab");
}

/// Not a test: the server of `nat64_behind_filter`, in a process of its own.
#[test]
#[ignore = "a server that other tests start"]
fn nat64_server() {
    if std::env::var_os(nat64::ROLE).is_some() {
        nat64::serve();
    }
}

/// Not a test: the router of `scripted_routers`, in a process of its own.
#[test]
#[ignore = "a router that other tests start"]
fn scripted_router() {
    if let Ok(words) = std::env::var(router::scripted::ROLE) {
        router::scripted::serve(&words);
    }
}

/// What routers say, and what is made of it.
#[test]
fn scripted_routers() {
    if skipped("scripted_routers") {
        return;
    }
    router::check_scripted();
}

macro_rules! routers {
    ($($name:ident => $case:ident,)*) => {
        mod miniupnpd {
            $(
                #[test]
                fn $name() {
                    if !super::skipped(stringify!($name)) {
                        super::router::check(&super::router::$case);
                    }
                }
            )*
        }
    };
}

routers! {
    public => PUBLIC,
    igd_alone => IGD_ALONE,
    behind_nat => BEHIND_NAT,
    denying => DENYING,
    off => OFF,
}

#[test]
fn miniupnpd_ipv6() {
    if !skipped("miniupnpd_ipv6") {
        router::ipv6();
    }
}

#[test]
fn miniupnpd_interrupted() {
    if !skipped("miniupnpd_interrupted") {
        router::interrupted();
    }
}

macro_rules! translation_cases {
    ($($name:ident,)*) => {
        mod ipv4_over_ipv6 {
            $(
                #[test]
                fn $name() {
                    if !super::skipped(stringify!($name)) {
                        super::translation::$name();
                    }
                }
            )*
        }
    };
}

translation_cases! {
    prefix_given,
    prefix_discovered,
    beside_native_ipv6,
    beside_native_ipv4,
    prefix_not_known,
    name_servers_silent,
    prefix_wrong,
    prefix_of_native_addresses,
    carried_over_ipv6,
    behind_a_nat66,
}

/// Not a test: the name server of a lab, in a process of its own.
#[test]
#[ignore = "a server that other tests start"]
fn name_server() {
    if let Ok(answers) = std::env::var(translation::ROLE) {
        translation::serve_names(&answers);
    }
}

/// A test that fails must leave neither namespaces nor servers behind.
#[test]
fn panic_cleans_up() {
    if skipped("panic_cleans_up") {
        return;
    }
    let lab = Lab::build(&untranslated::OPEN_INTERNET.plan);
    let (namespace, scratch) = (lab.namespace("srv"), lab.scratch().clone());
    let servers = lab.processes();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lab = lab;
        std::panic::resume_unwind(Box::new("as a failing assertion"));
    }));
    assert!(ended.is_err());
    assert!(
        !lab::namespaces().contains(&namespace),
        "{namespace} is still there"
    );
    assert!(!scratch.exists(), "{} is still there", scratch.display());
    assert_eq!(servers.len(), 1);
    for id in servers {
        let process = std::path::Path::new("/proc").join(id.to_string());
        assert!(!process.exists(), "turnserver {id} still runs");
    }
}

/// Whether there is no lab for this test; fails instead where labs are required.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(name: &str) -> bool {
    let Some(why) = lab::unavailable() else {
        return false;
    };
    let required = std::env::var_os("RTCDIAG_REQUIRE_NETNS").is_some_and(|v| v == "1");
    assert!(!required, "{name}: no lab on this machine: {why}");
    eprintln!("SKIPPED {name}: {why}");
    true
}

fn check(name: &str, scenario: &Scenario) {
    if skipped(name) {
        return;
    }
    let lab = Lab::build(&scenario.plan);
    let wished = std::env::var("RTCDIAG_NETNS_RUNS")
        .ok()
        .and_then(|n| n.parse::<u16>().ok());
    let runs = if scenario.repeated {
        wished.unwrap_or(3)
    } else {
        1
    };
    for run in 1..=runs {
        lab.fresh_ports(run, runs);
        let output = diagnose(&lab, scenario);
        let wrong = expect::differences(
            &scenario.expected,
            output.status.code(),
            &output.stdout,
            &output.stderr,
        );
        assert!(
            wrong.is_empty(),
            "{name}, run {run} of {runs}:\n  {}\n-- stdout:\n{}-- stderr:\n{}{}",
            wrong.join("\n  "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            lab.describe(),
        );
    }
}

/// Runs `rtcdiag nat --json` in the client's namespace, with nothing of this machine's configuration.
fn diagnose(lab: &Lab, scenario: &Scenario) -> std::process::Output {
    let mut command = client(lab, &[&["--json"], scenario.args].concat());
    if scenario.trusting {
        command.env("SSL_CERT_FILE", lab.scratch().join(coturn::CERTIFICATE));
        command.env_remove("SSL_CERT_DIR");
    }
    assert_cmd::Command::from_std(command)
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts")
}

/// `rtcdiag nat` in the client's namespace, with nothing of this machine's configuration.
fn client(lab: &Lab, args: &[&str]) -> std::process::Command {
    let mut command = program(lab, "nat");
    command.args(args);
    command
}

/// The program in the client's namespace, with nothing of this machine's configuration.
fn program(lab: &Lab, command_name: &str) -> std::process::Command {
    let mut command = std::process::Command::new("ip");
    command.args([
        "netns",
        "exec",
        &lab.namespace("client"),
        env!("CARGO_BIN_EXE_rtcdiag"),
        command_name,
    ]);
    for (key, _) in
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("RTCDIAG_"))
    {
        command.env_remove(key);
    }
    command
        .env("HOME", lab.scratch())
        .env("XDG_CONFIG_HOME", lab.scratch());
    command
}
