//! In how many rounds each server answered.

use serde::Serialize;

use crate::commands::nat::report::ServerReport;

/// The most servers that are counted.
const SERVERS: usize = 64;

/// A server in all rounds, whatever its addresses were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerTotals {
    pub uri: String,
    /// Rounds in which it was asked, or had no address.
    pub rounds: u64,
    /// Rounds in which it answered from some address.
    pub answered: u64,
}

pub fn add(totals: &mut Vec<ServerTotals>, round: &[ServerReport]) {
    // Some are not asked before a round is over; whose name has no address never will be.
    let was_asked = |server: &&ServerReport| server.facts.requests > 0 || server.address.is_none();
    let mut asked: Vec<(&str, bool)> = Vec::new();
    for server in round.iter().filter(was_asked) {
        let has_answered = server.facts.responses > 0;
        match asked.iter_mut().find(|(uri, _)| *uri == server.uri) {
            Some((_, answered)) => *answered |= has_answered,
            None => asked.push((&server.uri, has_answered)),
        }
    }
    for (uri, has_answered) in asked {
        let index = totals.iter().position(|known| known.uri == uri);
        let index = index.unwrap_or_else(|| {
            totals.push(ServerTotals {
                uri: uri.to_owned(),
                rounds: 0,
                answered: 0,
            });
            totals.len() - 1
        });
        totals[index].rounds += 1;
        totals[index].answered += u64::from(has_answered);
    }
    totals.truncate(SERVERS);
}
