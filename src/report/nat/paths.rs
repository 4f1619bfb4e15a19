//! What a path is called, and which of several it is about.

use super::PathReport;

/// Whether paths over several interfaces were tested, so that each has to be named.
pub fn are_several<'a>(paths: impl IntoIterator<Item = &'a PathReport>) -> bool {
    let mut names = paths.into_iter().map(|p| &p.interface);
    names
        .next()
        .is_some_and(|first| names.any(|name| name != first))
}

impl PathReport {
    /// `IPv4`, or `eth0 IPv4` if there are `several` interfaces.
    pub fn name(&self, several: bool) -> String {
        match &self.interface {
            Some(interface) if several => format!("{interface} {}", self.family_name()),
            _ => self.family_name().to_owned(),
        }
    }

    /// `over IPv4`, or `over IPv4 on eth0` if there are `several` interfaces.
    pub fn way(&self, several: bool) -> String {
        match &self.interface {
            Some(interface) if several => format!("over {} on {interface}", self.family_name()),
            _ => format!("over {}", self.family_name()),
        }
    }
}
