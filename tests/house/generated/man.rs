//! The man pages: what clap knows by `clap_mangen`, the rest of a page from here.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use rtcdiag::commands::man::roff::DATE;

/// A configuration file as the pages show it; a test reads it.
pub const CONFIG_EXAMPLE: &str = "\
timeout = 5
server = [\"stun:stun.example.org\", \"198.51.100.7:3478\"]

[nat]
expect = \"udp=open\"

[turn]
turn-username = \"ann\"
turn-password-file = \"/home/ann/turn-password\"
";

/// Variables that are not one of the flags.
const VARIABLES: [(&str, &str); 4] = [
    (
        "FORCE_COLOR",
        "If set and not 0, colour where it is no terminal too, unless NO_COLOR or --color says otherwise; CLICOLOR_FORCE is the same.",
    ),
    (
        "NO_COLOR",
        "If set and not empty, no colour unless --color asks for it.",
    ),
    (
        "SSL_CERT_FILE",
        "Certificates of the authorities to trust, instead of the system's.",
    ),
    (
        "XDG_CONFIG_HOME",
        "Where the configuration file is looked for, instead of ~/.config.",
    ),
];

/// The page of the program and one of each command: file names and contents.
pub fn pages(program: &Command) -> Vec<(String, String)> {
    let mut program = program.clone();
    program.build();
    let names: Vec<String> = std::iter::once(&program)
        .chain(program.get_subcommands())
        .map(|command| page_name(command).to_owned())
        .collect();
    std::iter::once(&program)
        .chain(program.get_subcommands())
        .map(|command| {
            let name = page_name(command);
            let others = names.iter().filter(|other| *other != name);
            let version = program.get_version().unwrap_or_default();
            let text = page(command, version, others.map(String::as_str));
            (format!("{name}.1"), text)
        })
        .collect()
}

fn page_name(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

fn page<'a>(command: &Command, version: &str, others: impl Iterator<Item = &'a str>) -> String {
    // The ENVIRONMENT section names the variables; a sentence under each option would drown it.
    let plain = command.clone().mut_args(|arg| arg.hide_env(true));
    let man = Man::new(plain)
        .title(page_name(command).to_uppercase())
        .date(DATE)
        .source(format!("rtcdiag {version}"))
        .manual("User Commands");
    let (mut page, mut synopsis) = (Vec::new(), Vec::new());
    let write = || -> std::io::Result<()> {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut synopsis)?;
        page.extend_from_slice(with_values(command, synopsis).as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        let mut rest = Roff::new();
        after_help(command, &mut rest);
        environment(command, &mut rest);
        files(&mut rest);
        see_also(others, &mut rest);
        rest.to_writer(&mut page)
    };
    write().expect("memory takes everything");
    let text = String::from_utf8(page).expect("clap's texts are UTF-8");
    // Each section comes with a preamble of its own, and possible values with one break too many.
    let preamble = Roff::new().render();
    preamble.clone() + &text.replace(&preamble, "").replace(".br\n\n.br\n", ".sp\n")
}

/// The synopsis with the value of each flag that takes one, which `clap_mangen` leaves out.
fn with_values(command: &Command, synopsis: Vec<u8>) -> String {
    let mut text = String::from_utf8(synopsis).expect("clap's texts are UTF-8");
    for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
        let names = arg.get_value_names().unwrap_or_default();
        let (Some(long), Some(name)) = (arg.get_long(), names.first()) else {
            continue;
        };
        if !arg.get_action().takes_values() {
            continue;
        }
        let is_optional = arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0);
        let name = format!("\\fI{name}\\fR");
        let value = if is_optional {
            format!("[{name}]")
        } else {
            name
        };
        let flag = format!("\\fB--{long}\\fR]").replace('-', "\\-");
        let bare = flag.trim_end_matches(']');
        assert!(text.contains(&flag), "--{long} is in the synopsis: {text}");
        text = text.replace(&flag, &format!("{bare} {value}]"));
    }
    text
}

/// The sections of the text behind the options: exit codes as a list, anything else as it stands.
/// Variables belong to the section that has them all.
fn after_help(command: &Command, roff: &mut Roff) {
    for (title, body) in paragraphs(command) {
        match title.as_str() {
            "Environment" => {}
            "Exit codes" => {
                section("EXIT STATUS", roff);
                for (code, meaning) in definitions(&body) {
                    item(bold(code), [roman(meaning)], roff);
                }
            }
            _ => {
                section(&title.to_uppercase(), roff);
                literal(&body, roff);
            }
        }
    }
}

/// The paragraphs of that text, each with its title.
fn paragraphs(command: &Command) -> Vec<(String, String)> {
    let text = command.get_after_help().map(ToString::to_string);
    text.unwrap_or_default()
        .split("\n\n")
        .map(|paragraph| {
            let (title, body) = paragraph.split_once(":\n").expect("a title, a list");
            (title.to_owned(), body.to_owned())
        })
        .collect()
}

/// Words and what they mean, two spaces between them; a line that is indented further goes on with
/// the meaning.
fn definitions(body: &str) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = Vec::new();
    for line in body.lines() {
        let goes_on = line.starts_with("    ");
        match (list.last_mut(), line.trim().split_once("  ")) {
            (Some((_, meaning)), _) if goes_on => {
                meaning.push(' ');
                meaning.push_str(line.trim());
            }
            (_, Some((word, meaning))) => list.push((word.to_owned(), meaning.trim().to_owned())),
            (_, None) => panic!("no word and meaning in '{line}'"),
        }
    }
    list
}

fn environment(command: &Command, roff: &mut Roff) {
    section("ENVIRONMENT", roff);
    roff.text([roman(
        "A flag counts more than its variable, the variable more than the configuration file, the file more than \
         the built-in default. A variable of a flag that takes no value turns it on unless it is empty, 0, n, no, f, \
         false or off.",
    )]);
    for arg in command.get_arguments() {
        if let (Some(variable), Some(long)) = (arg.get_env(), arg.get_long()) {
            let flag = [roman("As "), bold(format!("--{long}")), roman(".")];
            item(bold(variable.to_string_lossy()), flag, roff);
        }
    }
    let own = paragraphs(command);
    let own = own.iter().filter(|(title, _)| title == "Environment");
    for (variable, meaning) in own.flat_map(|(_, body)| definitions(body)) {
        item(bold(variable), [roman(sentence(&meaning))], roff);
    }
    for (variable, meaning) in VARIABLES {
        item(bold(variable), [roman(meaning)], roff);
    }
}

/// As the other variables have it: a capital letter, a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

fn files(roff: &mut Roff) {
    section("FILES", roff);
    item(
        italic("~/.config/rtcdiag/config.toml"),
        [roman(
            "Defaults, in TOML. A key is a long flag without its dashes: at the top for every command, in a table named \
             after a command for that one alone. Values that a flag takes several times are a list.",
        )],
        roff,
    );
    roff.control("RS", []);
    literal(CONFIG_EXAMPLE, roff);
    roff.control("RE", []);
}

fn see_also<'a>(others: impl Iterator<Item = &'a str>, roff: &mut Roff) {
    section("SEE ALSO", roff);
    let mut line: Vec<Inline> = Vec::new();
    for other in others {
        line.extend([bold(other), roman("(1), ")]);
    }
    line.push(roman(
        "RFC 4787 and RFC 5780 (NAT behaviour), RFC 8489 (STUN), RFC 8445 (ICE), RFC 8656 (TURN)",
    ));
    roff.text(line);
}

fn section(title: &str, roff: &mut Roff) {
    roff.control("SH", [title]);
}

fn item<const N: usize>(tag: Inline, text: [Inline; N], roff: &mut Roff) {
    roff.control("TP", []);
    roff.text([tag]);
    roff.text(text);
}

/// Lines as they are.
fn literal(text: &str, roff: &mut Roff) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line.trim())]);
    }
    roff.control("fi", []);
}
