//! Whose loss it is: a server that limits the rate of requests answers the first ones and few after those, while the
//! line loses for all servers alike.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::proto::nat::Time;
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::loss::Loss;

/// The servers that lose what the line does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limits {
    /// These do, and others answer.
    Some(Vec<IpAddr>, Loss),
    /// All do: each answered its first requests.
    All,
}

/// Fewest requests to a server that show how much it loses.
const FEWEST: usize = 5;
/// How many requests, answered at once by a server that loses most of all later ones, are no chance.
const FIRST: usize = 2;

impl Discovery {
    /// Servers that limit their rate, if the loss is theirs.
    pub fn limits(&self) -> Option<Limits> {
        let mut by_host: BTreeMap<IpAddr, Vec<(Time, bool)>> = BTreeMap::new();
        for (destination, at, answered) in self.counted() {
            let of_host = by_host.entry(destination.ip()).or_default();
            of_host.push((at, answered));
        }
        limits_of(by_host)
    }
}

fn limits_of(by_host: BTreeMap<IpAddr, Vec<(Time, bool)>>) -> Option<Limits> {
    let mut losing: Vec<(IpAddr, Loss)> = Vec::new();
    let (mut clean, mut all_sudden) = (0, true);
    for (ip, mut sent) in by_host {
        sent.sort_unstable_by_key(|(at, _)| *at);
        let unanswered = sent.iter().filter(|(_, answered)| !answered).count();
        let loss = Loss {
            sent: sent.len(),
            lost: unanswered,
        };
        let answers = |first: usize| sent.iter().take(first).all(|(_, answered)| *answered);
        let hardly_any = loss.lost * 20 >= loss.sent * 19;
        let answers_first = answers(if hardly_any { 1 } else { FIRST });
        if loss.lost * 10 < loss.sent {
            clean += usize::from(loss.sent >= 2);
        } else if loss.sent >= FEWEST && loss.lost * 2 >= loss.sent {
            losing.push((ip, loss));
            all_sudden &= answers_first && loss.lost * 5 >= loss.sent * 4;
        } else {
            // What loses some is as the line may be.
            return None;
        }
    }
    if losing.is_empty() {
        return None;
    }
    if clean > 0 {
        let sum = losing.iter().fold(Loss::default(), |sum, (_, loss)| Loss {
            sent: sum.sent + loss.sent,
            lost: sum.lost + loss.lost,
        });
        let hosts = losing.into_iter().map(|(ip, _)| ip).collect();
        return Some(Limits::Some(hosts, sum));
    }
    all_sudden.then_some(Limits::All)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8, answered: &[bool]) -> (IpAddr, Vec<(Time, bool)>) {
        let at = (0..).map(|n| Time::from_millis(20 * n));
        let sent = at.zip(answered.iter().copied()).collect();
        (IpAddr::from([192, 0, 2, last]), sent)
    }

    fn first(count: usize, of: usize) -> Vec<bool> {
        (0..of).map(|n| n < count).collect()
    }

    #[test]
    fn loss_at_one_server_alone_is_its_own() {
        let limits = limits_of(BTreeMap::from([
            host(1, &first(2, 40)),
            host(2, &first(3, 3)),
            host(3, &first(1, 1)),
        ]));
        let loss = Loss { sent: 40, lost: 38 };
        let expected = Limits::Some(vec![IpAddr::from([192, 0, 2, 1])], loss);
        assert_eq!(limits, Some(expected));
    }

    #[test]
    fn servers_that_answer_first_and_hardly_later_limit_their_rate() {
        let limits = limits_of(BTreeMap::from([
            host(1, &first(1, 40)),
            host(2, &first(4, 40)),
        ]));
        assert_eq!(limits, Some(Limits::All));
    }

    #[test]
    fn a_line_that_loses_for_all_is_no_limit() {
        let half: Vec<bool> = (0..40).map(|n| n % 2 == 0).collect();
        let some: Vec<bool> = (0..40).map(|n| n % 4 != 0).collect();
        for lossy in [half, some] {
            let by_host = BTreeMap::from([host(1, &lossy), host(2, &lossy)]);
            assert_eq!(limits_of(by_host), None);
        }
    }
}
