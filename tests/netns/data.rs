//! The files in `cases`: each table in them is a case, a lab or a group, by its name.
//!
//! In any list `"@name"` stands for the strings of that group in `cases/groups.toml`, and nftables rules have their names in
//! `cases/rules`. What is not known (a key, a group, a rule) is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// nftables rules, in TOML by their name.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Rules(String);

impl Rules {
    /// The rules of this name, which there must be.
    pub fn named(name: &str) -> Rules {
        Rules::try_from(name.to_owned()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl TryFrom<String> for Rules {
    type Error = String;

    fn try_from(name: String) -> Result<Rules, String> {
        let all = RULES.as_ref().map_err(Clone::clone)?;
        let text = all.get(&name).ok_or(format!("no rules '{name}'"))?;
        Ok(Rules(text.clone()))
    }
}

impl AsRef<str> for Rules {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

static RULES: LazyLock<Result<BTreeMap<String, String>, String>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for file in files("rules")? {
        for (name, text) in read::<BTreeMap<String, String>>(&file)? {
            if all.insert(name.clone(), text).is_some() {
                return Err(format!("{file}: there are other rules '{name}'"));
            }
        }
    }
    Ok(all)
});

static GROUPS: LazyLock<Result<BTreeMap<String, Vec<String>>, String>> =
    LazyLock::new(|| read("groups"));

/// The files of a folder, each as `folder/name`.
pub fn files(folder: &str) -> Result<Vec<String>, String> {
    let path = root().join(folder);
    let entries = fs::read_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut all: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some(format!("{folder}/{}", name.strip_suffix(".toml")?))
        })
        .collect();
    all.sort();
    Ok(all)
}

/// The tables of a file, by their names.
pub fn tables<T: DeserializeOwned>(file: &str) -> Result<BTreeMap<String, T>, String> {
    tables_of(read(file)?).map_err(|error| format!("{file}.toml, {error}"))
}

/// The tables of a text, by their names.
pub fn tables_of<T: DeserializeOwned>(text: Table) -> Result<BTreeMap<String, T>, String> {
    let mut all = BTreeMap::new();
    for (name, mut value) in text {
        expand(&mut value, 0).map_err(|e| format!("{name}: {e}"))?;
        let table = T::deserialize(value).map_err(|e| format!("{name}: {}", e.message()))?;
        all.insert(name, table);
    }
    Ok(all)
}

/// One table of a file, which there must be.
pub fn table<T: DeserializeOwned>(file: &str, name: &str) -> T {
    let mut all = tables(file).unwrap_or_else(|error| panic!("{error}"));
    let table = all.remove(name);
    table.unwrap_or_else(|| panic!("{file}.toml has no {name}"))
}

fn read<T: DeserializeOwned>(file: &str) -> Result<T, String> {
    let path = root().join(format!("{file}.toml"));
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{file}.toml: {e}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netns/cases")
}

/// How deep groups may stand in groups; deeper, they stand in themselves.
const DEEPEST: usize = 8;

/// Puts the strings of groups in their places.
fn expand(value: &mut Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Table(table) => table.iter_mut().try_for_each(|(_, v)| expand(v, depth)),
        Value::Array(array) => {
            let mut whole = Vec::new();
            for mut value in std::mem::take(array) {
                expand(&mut value, depth)?;
                match value.as_str().and_then(|text| text.strip_prefix('@')) {
                    Some(group) => whole.append(&mut strings(group, depth)?),
                    None => whole.push(value),
                }
            }
            *array = whole;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn strings(group: &str, depth: usize) -> Result<Vec<Value>, String> {
    if depth == DEEPEST {
        return Err(format!("the group '{group}' stands in itself"));
    }
    let groups = GROUPS.as_ref().map_err(Clone::clone)?;
    let strings = groups.get(group).ok_or(format!("no group '{group}'"))?;
    let mut array = Value::from(strings.clone());
    expand(&mut array, depth + 1)?;
    Ok(array.as_array().cloned().unwrap_or_default())
}

/// What is of no use: groups and rules that nothing names, and tests in Rust that are not in the suite.
pub fn flaws() -> Result<Vec<String>, String> {
    let mut text = String::new();
    let tests = root().parent().map(Path::to_owned).unwrap_or_default();
    gather(&tests, &mut text).map_err(|e| e.to_string())?;
    let groups = GROUPS.as_ref().map_err(Clone::clone)?;
    let rules = RULES.as_ref().map_err(Clone::clone)?;
    let groups = groups.keys().map(|name| format!("\"@{name}\""));
    let rules = rules.keys().map(|name| format!("\"{name}\""));
    let mut flaws: Vec<String> = groups
        .chain(rules)
        .filter(|name| !text.contains(name))
        .map(|name| format!("nothing uses {name}"))
        .collect();
    if text.contains(concat!("#[", "test]")) {
        flaws.push("nobody runs what has the attribute test: add it to the suite".to_owned());
    }
    Ok(flaws)
}

/// The text of all files in a folder and below.
fn gather(folder: &Path, text: &mut String) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, text)?;
        } else {
            text.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
