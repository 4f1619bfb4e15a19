//! rtcdiag on real networks: coturn in one network namespace, the client in another, kernel NATs and filters between them.
//!
//! Most tests are tables in `cases`, each a network and what the program must say in it (`data` says how they are read); those
//! in `field` are scripts; the others are in `add_others`. The harness is libtest-mimic, so the attribute `test` does nothing here.
//!
//! It needs the right to make namespaces (root), `ip` and `ss` (iproute2), `nft` (nftables), `turnserver` (coturn), `miniupnpd`
//! and `tayga`. Without them a test prints `SKIPPED` and why; with `RTCDIAG_REQUIRE_NETNS=1` it fails instead.
//! `RTCDIAG_NETNS_RUNS` says how often each main scenario runs in its lab, in place of three times. Nothing leaves the
//! namespaces, and their names are those of one lab alone, so tests may run side by side.

mod coturn;
mod data;
mod diagnosis;
mod expect;
mod field;
mod interfaces;
mod lab;
mod lifetime;
mod mesh;
mod nat64;
mod pair;
mod program;
mod redact;
mod rounds;
mod router;
mod suite;
#[path = "../support/mod.rs"]
mod support;
mod translation;
mod turn;

use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use lab::{Lab, Plan};
use libtest_mimic::Arguments;
use pair::network::Side;
use suite::Suite;
use support::{aioice, ends, leaks, schema};

/// Long enough for any diagnosis on a loaded machine: it ends a run that hangs, and measures nothing.
const HANGS_AFTER: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    if plays_a_part() {
        return ExitCode::SUCCESS;
    }
    let mut suite = Suite::new();
    add_cases(&mut suite);
    add_others(&mut suite);
    let mut args = Arguments::from_args();
    args.test_threads.get_or_insert_with(side_by_side);
    libtest_mimic::run(&args, suite.finish()).exit_code()
}

/// How many tests run at once: they wait for most of their time. Four for each processor were all right on a machine with two
/// that had other work to do as well; how many labs the kernel makes and unmakes at once is bounded.
fn side_by_side() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    (4 * processors).min(16).max(processors)
}

/// Whether this process is a server or a router of a lab, and no test.
fn plays_a_part() -> bool {
    if std::env::var_os(nat64::ROLE).is_some() {
        nat64::serve();
    } else if let Ok(words) = std::env::var(router::scripted::ROLE) {
        router::scripted::serve(&words);
    } else if let Ok(answers) = std::env::var(translation::ROLE) {
        translation::serve_names(&answers);
    } else if let Ok(task) = std::env::var(pair::browser::ROLE) {
        pair::browser::play(&task);
    } else {
        return false;
    }
    true
}

/// One test for each table of these files.
fn add_cases(suite: &mut Suite) {
    suite.folder("nat", "", diagnosis::check);
    suite.folder("turn", "turn_server::", turn::check);
    suite.cases("lifetime", "binding_lifetime::", lifetime::check);
    suite.cases("router/miniupnpd", "miniupnpd::", router::check);
    suite.cases("pairs", "pair::matrix::", pair::check);
    suite.chosen(
        "pairs",
        "pair::bare::",
        pair::bare::is_meant,
        pair::bare::check,
    );
    for (name, folder) in field::cases() {
        let own = name.clone();
        suite.test(&format!("field::{name}"), move || {
            field::check(&own, &folder);
        });
    }
    suite.add("typos_are_errors", typos_are_errors);
    suite.reads::<Plan>("labs");
    suite.reads::<Side>("sides");
    suite.reads::<router::Case>("router/scripted");
    suite.reads::<router::Case>("staged/router");
    suite.reads::<turn::Case>("staged/turn");
}

/// What is written in Rust: several runs that have to do with each other, or something that happens during a run.
fn add_others(suite: &mut Suite) {
    macro_rules! add {
        ($($prefix:literal { $($name:ident => $run:path,)* })*) => {
            $($(suite.test(concat!($prefix, stringify!($name)), $run);)*)*
        };
    }
    add! {
        "" {
            turn_no_port => turn::staged::no_port,
            remedied => turn::staged::remedied,
            aioice_in_the_same_lab => turn::interop::check,
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
            scripted_routers => router::check_scripted,
            miniupnpd_ipv6 => router::ipv6,
            miniupnpd_interrupted => router::interrupted,
            panic_cleans_up => panic_cleans_up,
        }
        "redact::" {
            redacted_diagnoses => redact::redacted_diagnoses,
            redacted_pair => redact::redacted_pair,
        }
        "ipv4_over_ipv6::" {
            prefix_given => translation::prefix_given,
            prefix_discovered => translation::prefix_discovered,
            beside_native_ipv6 => translation::beside_native_ipv6,
            beside_native_ipv4 => translation::beside_native_ipv4,
            prefix_not_known => translation::prefix_not_known,
            name_servers_silent => translation::name_servers_silent,
            rendezvous_without_name_servers => translation::rendezvous_without_name_servers,
            prefix_wrong => translation::prefix_wrong,
            prefix_of_native_addresses => translation::prefix_of_native_addresses,
            carried_over_ipv6 => translation::carried_over_ipv6,
            behind_a_nat66 => translation::behind_a_nat66,
        }
        "mesh::" {
            behind_different_nats => mesh::behind_different_nats,
            relays_and_one_that_leaves => mesh::relays_and_one_that_leaves,
        }
        "pair::sessions::" {
            default_duration => pair::sessions::default_duration,
            peer_never_comes => pair::sessions::peer_never_comes,
            peer_comes_late => pair::sessions::peer_comes_late,
            peer_is_killed_before_the_connection => pair::sessions::peer_is_killed_before_the_connection,
            peer_is_killed_after_the_connection => pair::sessions::peer_is_killed_after_the_connection,
            interrupted_alone => pair::sessions::interrupted_alone,
            interrupt_is_told => pair::sessions::interrupt_is_told,
            interrupt_during_quality => pair::sessions::interrupt_during_quality,
            rendezvous_restarts_before_the_peer_comes => pair::sessions::rendezvous_restarts_before_the_peer_comes,
            rendezvous_restarts_during_the_checks => pair::sessions::rendezvous_restarts_during_the_checks,
            rendezvous_restarts_during_quality => pair::sessions::rendezvous_restarts_during_quality,
            relay_only => pair::sessions::relay_only,
            roles_are_forced => pair::sessions::roles_are_forced,
            by_hand => pair::sessions::by_hand,
            rendezvous_in_one_of_the_two => pair::sessions::rendezvous_in_one_of_the_two,
            rendezvous_out_of_reach => pair::sessions::rendezvous_out_of_reach,
        }
        "pair::media::" {
            microphone_and_camera_come_back => pair::media::microphone_and_camera_come_back,
            what_is_refused_is_made_by_the_page => pair::media::what_is_refused_is_made_by_the_page,
            a_person_does_without => pair::media::a_person_does_without,
            a_browser_without_the_codecs => pair::media::a_browser_without_the_codecs,
            a_firewall_that_drops_srtp => pair::media::a_firewall_that_drops_srtp,
            nothing_is_asked_where_nothing_is_wanted => pair::media::nothing_is_asked_where_nothing_is_wanted,
        }
        "pair::browser::firefox::" {
            behind_two_nats => pair::browser::firefox::behind_two_nats,
            through_a_relay_of_its_own => pair::browser::firefox::through_a_relay_of_its_own,
            without_a_way => pair::browser::firefox::without_a_way,
            without_an_address => pair::browser::firefox::without_an_address,
            sound_and_picture => pair::browser::firefox::sound_and_picture,
        }
        "pair::browser::" {
            behind_two_nats => pair::browser::behind_two_nats,
            on_one_network => pair::browser::on_one_network,
            through_a_relay_of_the_program => pair::browser::through_a_relay_of_the_program,
            without_a_way => pair::browser::without_a_way,
            through_a_relay_of_the_browser => pair::browser::through_a_relay_of_the_browser,
            by_the_link_on_one_machine => pair::browser::by_the_link_on_one_machine,
            on_a_telephone => pair::browser::on_a_telephone,
            the_code_is_typed => pair::browser::the_code_is_typed,
            what_keeps_a_page_from_it_is_said => pair::browser::bad_input::what_keeps_a_page_from_it_is_said,
            two_people_with_one_link => pair::browser::bad_input::two_people_with_one_link,
            the_tab_is_closed => pair::browser::bad_input::the_tab_is_closed,
            the_tab_is_closed_before_the_answer => pair::browser::bad_input::the_tab_is_closed_before_the_answer,
            another_certificate_than_announced => pair::browser::bad_input::another_certificate_than_announced,
            an_older_page => pair::browser::bad_input::an_older_page,
            the_page_is_loaded_again => pair::browser::bad_input::the_page_is_loaded_again,
            a_used_code => pair::browser::bad_input::a_used_code,
        }
    }
}

/// What is not known in a file is an error, and which it is is said.
fn typos_are_errors() {
    fn error<T: serde::de::DeserializeOwned>(case: &str) -> String {
        let text = format!("[one]\n{case}").parse().expect("it is TOML");
        let error = data::tables_of::<T>(text).err();
        error.unwrap_or_else(|| panic!("this is taken: {case}"))
    }
    for (wrong, case) in [
        ("repated", "repated = true"),
        ("serverrules", "lab.serverrules = []"),
        (
            "lan4",
            r#"lab.routers = [{ rules = [], lan4 = "192.0.2" }]"#,
        ),
        ("masquerad", r#"lab.routers = [{ rules = ["masquerad"] }]"#),
        ("coturn-tcp", r#"lab.server = "coturn-tcp""#),
        ("open2", r#"ipv4 = { seen = [], facts = ["@open2"] }"#),
        (
            "nat ist yes",
            r#"ipv4 = { seen = [], facts = ["nat ist yes"] }"#,
        ),
        (
            "legacy",
            r#"ipv4 = { seen = [], facts = [], legacy = "x" }"#,
        ),
        (
            "udp 203.0.113.10:3478 anwers",
            r#"servers = ["udp 203.0.113.10:3478 anwers"]"#,
        ),
    ] {
        let said = error::<diagnosis::Scenario>(case);
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
    for (wrong, case) in [
        (
            "usr",
            r#"runs = [{ args = "turn", login = { minted = { secret = "", usr = "" } }, says = [] }]"#,
        ),
        ("says", r#"runs = [{ args = "turn" }]"#),
        ("port", "lab.server.turn = [{ tlsport = 443 }]\nruns = []"),
        (
            "selfsigned",
            "lab.server.turn = [{ certificate = \"selfsigned\" }]\nruns = []",
        ),
    ] {
        let said = error::<turn::Case>(case);
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
    let pair = r#"place.together = "hom"
        path = "direct"
        predicted = []"#;
    let said = error::<pair::Case>(pair);
    assert!(said.contains("hom"), "{said}");
}

/// A test that fails must leave neither namespaces nor servers behind.
fn panic_cleans_up() {
    let lab = Lab::build(&Plan::default());
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
