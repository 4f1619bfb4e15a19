//! The tests of this program: one for each case in the files, and those that are written in Rust.

use libtest_mimic::{Failed, Trial};
use serde::de::DeserializeOwned;

use super::{data, lab};

/// The tests, and what is wrong with the files that they come from.
pub struct Suite {
    pub trials: Vec<Trial>,
    names: Vec<String>,
    flaws: Vec<String>,
}

impl Suite {
    pub fn new() -> Suite {
        Suite {
            trials: Vec::new(),
            names: Vec::new(),
            flaws: Vec::new(),
        }
    }

    /// Adds a test that needs a lab.
    pub fn test(&mut self, name: &str, run: impl FnOnce() + Send + 'static) {
        let own = name.to_owned();
        self.add(name, move || {
            if !skipped(&own) {
                run();
            }
        });
    }

    /// Adds a test that needs none.
    pub fn add(&mut self, name: &str, run: impl FnOnce() + Send + 'static) {
        if self.names.iter().any(|known| known == name) {
            self.flaws.push(format!("two tests are called {name}"));
            return;
        }
        self.names.push(name.to_owned());
        let run = move || -> Result<(), Failed> {
            run();
            Ok(())
        };
        self.trials.push(Trial::test(name, run));
    }

    /// Adds a test for each table of a file, with this before its name.
    pub fn cases<T>(&mut self, file: &str, prefix: &str, check: fn(&str, &T))
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.chosen(file, prefix, |_| true, check);
    }

    /// The same for some of them.
    pub fn chosen<T>(
        &mut self,
        file: &str,
        prefix: &str,
        is_meant: fn(&T) -> bool,
        check: fn(&str, &T),
    ) where
        T: DeserializeOwned + Send + 'static,
    {
        match data::tables::<T>(file) {
            Ok(cases) => {
                for (name, case) in cases.into_iter().filter(|(_, case)| is_meant(case)) {
                    let own = name.clone();
                    self.test(&format!("{prefix}{name}"), move || check(&own, &case));
                }
            }
            Err(error) => self.flaws.push(error),
        }
    }

    /// The same for all files of a folder.
    pub fn folder<T>(&mut self, folder: &str, prefix: &str, check: fn(&str, &T))
    where
        T: DeserializeOwned + Send + 'static,
    {
        match data::files(folder) {
            Ok(files) => files
                .iter()
                .for_each(|file| self.cases(file, prefix, check)),
            Err(error) => self.flaws.push(error),
        }
    }

    /// Reads a file of which the tests are written in Rust.
    pub fn reads<T: DeserializeOwned>(&mut self, file: &str) {
        self.flaws.extend(data::tables::<T>(file).err());
    }

    /// Adds the test that fails if there is anything wrong with the files, without a lab as well.
    pub fn finish(mut self) -> Vec<Trial> {
        match data::flaws() {
            Ok(mut flaws) => self.flaws.append(&mut flaws),
            Err(error) => self.flaws.push(error),
        }
        let flaws = std::mem::take(&mut self.flaws);
        self.add("cases_are_sound", move || {
            assert!(flaws.is_empty(), "{}", flaws.join("\n"));
        });
        self.trials
    }
}

/// Whether there is no lab for this test; fails instead where labs are required.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skipped(name: &str) -> bool {
    let Some(why) = lab::unavailable() else {
        return false;
    };
    let required = std::env::var_os("RTCDIAG_REQUIRE_NETNS").is_some_and(|v| v == "1");
    assert!(!required, "{name}: no lab on this machine: {why}");
    eprintln!("SKIPPED {name}: {why}");
    true
}

/// How often a case runs in its lab: as often as `RTCDIAG_NETNS_RUNS` says.
pub fn runs(otherwise: u16) -> u16 {
    let wished = std::env::var("RTCDIAG_NETNS_RUNS").ok();
    wished.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}
