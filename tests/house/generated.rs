//! Man pages and completions in the tree are what the clap definition gives today, and the programs
//! that read them find nothing wrong.
//!
//! `RTCDIAG_UPDATE=1 cargo test --test house generated` writes them anew. A test that needs a program
//! that is not installed says `SKIPPED`; with `RTCDIAG_REQUIRE_TOOLS=1` it fails.

mod man;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap_complete::Shell;
use rtcdiag::commands::args;
use rtcdiag::commands::completions;
use rtcdiag::commands::explain::manual;
use rtcdiag::commands::man::roff;

const REFRESH: &str = "RTCDIAG_UPDATE=1 cargo test --test house generated";
const FOLDERS: [&str; 2] = ["man", "completions"];

/// What has to be in the tree. With `RTCDIAG_UPDATE=1` it is, from the first use on.
static FILES: LazyLock<BTreeMap<PathBuf, String>> = LazyLock::new(|| {
    let files = generate();
    if std::env::var_os("RTCDIAG_UPDATE").is_some() {
        for stray in in_the_tree().difference(&files.keys().cloned().collect()) {
            fs::remove_file(root().join(stray)).expect("a file that nothing makes any more goes");
        }
        for (path, text) in &files {
            let path = root().join(path);
            fs::create_dir_all(path.parent().expect("it is in a folder"))
                .expect("the folder is made");
            fs::write(path, text).expect("the file is written");
        }
    }
    files
});

#[test]
fn the_files_in_the_tree_are_up_to_date() {
    let expected: BTreeSet<PathBuf> = FILES.keys().cloned().collect();
    assert_eq!(in_the_tree(), expected, "refresh them with: {REFRESH}");
    for (path, text) in FILES.iter() {
        let found = fs::read_to_string(root().join(path)).expect("it can be read");
        // Not assert_eq: nobody wants to read both texts.
        assert!(
            found == *text,
            "{} is stale; refresh with: {REFRESH}",
            path.display()
        );
    }
}

#[test]
fn the_pages_have_every_flag_and_variable() {
    let mut program = args::definition();
    program.build();
    for command in program.get_subcommands() {
        let page = &FILES[&Path::new("man").join(format!("rtcdiag-{}.1", command.get_name()))];
        let (named, placed): (Vec<_>, Vec<_>) = command
            .get_arguments()
            .partition(|arg| !arg.is_positional());
        for arg in placed {
            let name = arg.get_value_names().expect("it has a name")[0].as_str();
            assert!(
                [("<", ">"), ("[", "]")]
                    .iter()
                    .any(|(a, b)| page.contains(&format!("{a}\\fI{name}\\fR{b}"))),
                "{name} is missing"
            );
        }
        for arg in named {
            let long = arg.get_long().expect("every option has a long name");
            let escaped = format!("--{long}").replace('-', "\\-");
            assert!(page.contains(&escaped), "--{long} is missing");
            if let Some(variable) = arg.get_env() {
                let variable = variable.to_string_lossy();
                assert!(page.contains(&*variable), "{variable} is missing");
                assert_eq!(
                    variable,
                    format!("RTCDIAG_{}", long.to_uppercase().replace('-', "_"))
                );
            } else {
                assert!(
                    matches!(long, "help" | "version"),
                    "--{long} has no variable"
                );
            }
        }
        for section in [
            "EXAMPLES",
            "EXIT STATUS",
            "ENVIRONMENT",
            "FILES",
            "SEE ALSO",
        ] {
            assert!(page.contains(section), "{section} is missing");
        }
    }
}

/// A password has a variable and no flag, since other users of the machine see flags.
#[test]
fn the_pages_of_commands_with_credentials_name_the_variable_of_the_password() {
    for (command, has_credentials) in [
        ("gather", true),
        ("turn", true),
        ("pair", true),
        ("mesh", true),
        ("nat", false),
    ] {
        let page = &FILES[&Path::new("man").join(format!("rtcdiag-{command}.1"))];
        assert_eq!(page.matches(".SH ENVIRONMENT").count(), 1, "{command}");
        let (_, rest) = page.split_once(".SH ENVIRONMENT").expect("it is there");
        let (section, _) = rest.split_once("\n.SH ").expect("another section follows");
        let item = "\\fBRTCDIAG_TURN_PASSWORD\\fR\n";
        assert_eq!(
            section.contains(item),
            has_credentials,
            "{command}:{section}"
        );
    }
}

#[test]
fn the_configuration_in_the_pages_is_one() {
    let file = std::env::temp_dir().join(format!("rtcdiag-generated-{}.toml", std::process::id()));
    fs::write(&file, man::CONFIG_EXAMPLE).expect("it is written");
    let args = ["rtcdiag", "--config", file.to_str().expect("UTF-8"), "nat"];
    let cli = rtcdiag::commands::config::load(&args.map(Into::into));
    fs::remove_file(&file).expect("it was there");
    let rtcdiag::commands::args::Command::Nat(nat) = cli.expect("it is valid").command else {
        panic!("another command");
    };
    assert_eq!(nat.servers.server.len(), 2);
    assert!(nat.expect.is_some());
}

#[test]
fn mandoc_has_nothing_against_the_pages() {
    let pages = FILES.keys().filter(|path| path.starts_with("man"));
    let mut args = vec!["-T", "lint", "-W", "warning"];
    args.extend(pages.map(|path| path.to_str().expect("UTF-8")));
    run("mandoc", &args);
}

#[test]
fn shells_can_read_the_completions() {
    run("bash", &["-n", "completions/rtcdiag.bash"]);
    run("zsh", &["-n", "completions/_rtcdiag"]);
    run("fish", &["--no-execute", "completions/rtcdiag.fish"]);
}

#[test]
fn bash_completes_a_command() {
    let script = r#"
        source completions/rtcdiag.bash
        function=$(complete -p rtcdiag | sed 's/.* -F \([^ ]*\) .*/\1/')
        offer() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); "$function" rtcdiag "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[*]}"; }
        offer rtcdiag na
        offer rtcdiag ga
        offer rtcdiag tu
        offer rtcdiag se
        offer rtcdiag pa
        offer rtcdiag de
        offer rtcdiag gather --pol
        offer rtcdiag turn --no-p
    "#;
    if let Some(offered) = run("bash", &["--norc", "-c", script]) {
        assert_eq!(
            offered,
            "nat\ngather\nturn\nserve\npair\ndemo\n--policy\n--no-policy\n"
        );
    }
}

#[test]
fn fish_completes_a_command() {
    let script = "source completions/rtcdiag.fish; complete --do-complete 'rtcdiag na'";
    if let Some(offered) = run("fish", &["--no-config", "-c", script]) {
        assert!(offered.starts_with("nat\t"), "{offered}");
    }
}

#[test]
fn zsh_finds_the_completion_function() {
    let script =
        "fpath=($PWD/completions $fpath); autoload -U compinit; compinit -D; echo $_comps[rtcdiag]";
    if let Some(function) = run("zsh", &["--no-rcs", "-c", script]) {
        assert_eq!(function, "_rtcdiag\n");
    }
}

fn generate() -> BTreeMap<PathBuf, String> {
    let program = args::definition();
    let pages = man::pages(&program)
        .into_iter()
        .map(|(name, text)| (Path::new("man").join(name), text));
    let completions = Shell::value_variants().iter().map(|shell| {
        let (name, text) = completions::file(*shell).expect("it is text");
        (Path::new("completions").join(name), text)
    });
    let topics = manual::TOPICS.iter().map(|(topic, text)| {
        let name = format!("rtcdiag-{topic}.7");
        (Path::new("man").join(name), roff::page(topic, text))
    });
    pages.chain(topics).chain(completions).collect()
}

fn in_the_tree() -> BTreeSet<PathBuf> {
    FOLDERS
        .iter()
        .flat_map(|folder| {
            let entries = fs::read_dir(root().join(folder)).into_iter().flatten();
            entries
                .map(|entry| Path::new(folder).join(entry.expect("it can be listed").file_name()))
        })
        .collect()
}

/// What a program writes to stdout. It must succeed and have nothing to complain of; `None` if it
/// is not installed.
fn run(program: &str, args: &[&str]) -> Option<String> {
    LazyLock::force(&FILES);
    let output = Command::new(program)
        .args(args)
        .current_dir(root())
        .output();
    match output {
        Ok(output) => {
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let clean = output.status.success() && stderr.is_empty();
            assert!(clean, "{program}: {}\n{stdout}{stderr}", output.status);
            Some(stdout)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "{program} is not installed");
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Past the harness, which keeps to itself what a passing test prints.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED {test}: {program} is not installed"
            );
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
