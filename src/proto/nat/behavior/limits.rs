//! Whose loss it is: a server that limits the rate of requests answers the first ones and few after those, a NAT that has
//! no more ports answers old sockets and no new ones, and the line loses for all servers alike.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::proto::nat::Time;
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::loss::Loss;

/// Why requests are lost, if not by a line that loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limits {
    /// These servers lose, and others answer.
    Some(Vec<IpAddr>, Loss),
    /// So many operators' servers lose alike: it is the line, or something on it that all packets pass.
    Line { operators: usize },
    /// The servers of so many operators answer, and whether they lose or the line does is not to be told.
    Untold { operators: usize },
    /// All do, so many: each answered its first requests. It may be they, or something on the way.
    All { servers: usize, is_over: bool },
    /// The first packet of each of so many flows is lost, and those after it are not.
    First { flows: usize, of: usize },
    /// So many sockets are answered, and so many others never, by the same servers at the same time.
    Sockets { old: usize, new: usize },
}

/// A plain request to an address that does answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub socket: usize,
    pub destination: SocketAddr,
    /// The listed server that stands for all of its operator's addresses.
    pub operator: usize,
    pub at: Time,
    pub is_answered: bool,
}

/// How likely it may be that servers that lose as much as another one answer all by chance.
const BY_CHANCE: f64 = 0.01;
/// Fewest lost requests that show a server losing, and the least part of all.
const FEWEST_OF_LINE: usize = 2;
const LEAST_PART: usize = 5;
/// Fewest requests to a server that show how much it loses.
const FEWEST: usize = 5;
/// How many requests, answered at once by a server that loses most of all later ones, are no chance.
const FIRST: usize = 2;
/// Fewest flows that begin with a loss each, and fewest sockets that are never answered.
const FEWEST_FLOWS: usize = 5;
const FEWEST_SOCKETS: usize = 2;
/// How many requests of a socket, all lost, are no chance where others are answered.
const FEWEST_LOST: usize = 3;
/// So many requests in so long a time, after which nothing more came from anybody.
const FEWEST_AFTER: usize = 10;
const LONG_AFTER: Duration = Duration::from_millis(800);

impl Discovery {
    /// Whose the loss is, if that shows.
    pub fn limits(&self) -> Option<Limits> {
        limits_of(self.counted())
    }
}

fn limits_of(mut sent: Vec<Sent>) -> Option<Limits> {
    sent.sort_by_key(|request| request.at);
    first_lost(&sent)
        .or_else(|| no_new_sockets(&sent))
        .or_else(|| of_servers(&sent))
        .or_else(|| of_operators(&sent))
}

/// Where nothing shows a limit: servers of different operators that lose alike have the line in common, one that loses
/// alone is that one, and else it is not to be told.
fn of_operators(sent: &[Sent]) -> Option<Limits> {
    let mut by_operator: BTreeMap<usize, Loss> = BTreeMap::new();
    for request in sent {
        let loss = by_operator.entry(request.operator).or_default();
        loss.sent += 1;
        loss.lost += usize::from(!request.is_answered);
    }
    let loses = |loss: &Loss| {
        loss.sent >= FEWEST && loss.lost >= FEWEST_OF_LINE && loss.lost * LEAST_PART >= loss.sent
    };
    let operators = by_operator.len();
    let losing: Vec<(usize, Loss)> = by_operator
        .into_iter()
        .filter(|(_, loss)| loses(loss))
        .collect();
    let all = losing.iter().fold(Loss::default(), |sum, (_, loss)| Loss {
        sent: sum.sent + loss.sent,
        lost: sum.lost + loss.lost,
    });
    if losing.is_empty() {
        return None;
    }
    let is_theirs = |request: &Sent| losing.iter().any(|(of, _)| *of == request.operator);
    let others = sent.iter().filter(|request| !is_theirs(request));
    if others.clone().all(|request| request.is_answered) && is_no_chance(all, others.count()) {
        let mut hosts: Vec<IpAddr> = sent
            .iter()
            .filter(|request| is_theirs(request))
            .map(|request| request.destination.ip())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        return Some(Limits::Some(hosts, all));
    }
    let parts = || losing.iter().map(|(_, loss)| loss.lost * 100 / loss.sent);
    let (least, most) = (parts().min()?, parts().max()?);
    Some(if losing.len() > 1 && least * 2 >= most {
        Limits::Line {
            operators: losing.len(),
        }
    } else {
        Limits::Untold { operators }
    })
}

/// Whether so many requests, all answered, cannot have been lucky where as much is lost as here.
fn is_no_chance(loss: Loss, answered: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at the most")]
    let kept = 1.0 - loss.lost as f64 / loss.sent.max(1) as f64;
    let answered = i32::try_from(answered).unwrap_or(i32::MAX);
    kept.powi(answered) < BY_CHANCE
}

/// A filter that lets nothing through before it has seen a flow once.
fn first_lost(sent: &[Sent]) -> Option<Limits> {
    let mut flows: BTreeMap<(usize, SocketAddr), Vec<bool>> = BTreeMap::new();
    for request in sent {
        let flow = (request.socket, request.destination);
        flows.entry(flow).or_default().push(request.is_answered);
    }
    let lost = sent.iter().filter(|request| !request.is_answered).count();
    // A flow is asked again only where its first request was lost: the others count as well.
    let told = flows.values().filter(|flow| flow.len() > 1 || flow[0]);
    let of = told.clone().count();
    let is_first = |flow: &&Vec<bool>| !flow[0] && flow[1..].iter().all(|answered| *answered);
    let first = told.filter(is_first).count();
    (first >= FEWEST_FLOWS && first * 10 >= of * 8 && first * 10 >= lost * 8)
        .then_some(Limits::First { flows: first, of })
}

/// Sockets that a NAT has no port for any more, while those that have one go on.
fn no_new_sockets(sent: &[Sent]) -> Option<Limits> {
    let mut sockets: BTreeMap<usize, Vec<&Sent>> = BTreeMap::new();
    for request in sent {
        sockets.entry(request.socket).or_default().push(request);
    }
    let answered = |of: &[&Sent]| of.iter().filter(|request| request.is_answered).count();
    let dead: Vec<&Vec<&Sent>> = sockets
        .values()
        .filter(|of| of.len() >= FEWEST_LOST && answered(of) == 0)
        .collect();
    let alive = sockets.values().filter(|of| answered(of) > 0);
    // The same host has to answer one of the others while it does not answer these.
    let answers: Vec<&Sent> = sent.iter().filter(|request| request.is_answered).collect();
    let is_passed_over = |of: &&&Vec<&Sent>| {
        let (host, since) = (of[0].destination.ip(), of[FEWEST_LOST - 1].at);
        answers
            .iter()
            .any(|one| one.destination.ip() == host && one.at > since)
    };
    let passed_over = dead.iter().filter(is_passed_over).count();
    let lost_by_alive: usize = alive.clone().map(|of| of.len() - answered(of)).sum();
    let lost = sent.iter().filter(|request| !request.is_answered).count();
    let is_theirs = lost_by_alive * 10 <= lost;
    (passed_over >= FEWEST_SOCKETS && is_theirs).then(|| Limits::Sockets {
        old: alive.count(),
        new: dead.len(),
    })
}

fn of_servers(sent: &[Sent]) -> Option<Limits> {
    let mut by_host: BTreeMap<IpAddr, Vec<&Sent>> = BTreeMap::new();
    for request in sent {
        let of_host = by_host.entry(request.destination.ip()).or_default();
        of_host.push(request);
    }
    let servers = by_host.len();
    // Who was asked before anything was lost shows nothing of the time after it.
    let mut missed = sent.iter().filter(|request| !request.is_answered);
    let lossy_since = missed.nth(FEWEST_LOST - 1).map(|request| request.at);
    let mut losing: Vec<(IpAddr, Loss)> = Vec::new();
    let (mut clean, mut all_sudden) = (0, true);
    for (ip, sent) in by_host {
        let unanswered = sent.iter().filter(|request| !request.is_answered).count();
        let loss = Loss {
            sent: sent.len(),
            lost: unanswered,
        };
        let answers = |first: usize| sent.iter().take(first).all(|request| request.is_answered);
        let hardly_any = loss.lost * 20 >= loss.sent * 19;
        let answers_first = answers(if hardly_any { 1 } else { FIRST });
        if loss.lost * 10 < loss.sent {
            let answered = sent.iter().filter(|request| request.is_answered);
            clean += answered
                .filter(|request| Some(request.at) > lossy_since)
                .count();
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
    if is_over(sent) {
        return Some(Limits::All {
            servers,
            is_over: true,
        });
    }
    let sum = losing.iter().fold(Loss::default(), |sum, (_, loss)| Loss {
        sent: sum.sent + loss.sent,
        lost: sum.lost + loss.lost,
    });
    if is_no_chance(sum, clean) {
        let hosts = losing.into_iter().map(|(ip, _)| ip).collect();
        return Some(Limits::Some(hosts, sum));
    }
    all_sudden.then_some(Limits::All {
        servers: losing.len(),
        is_over: false,
    })
}

/// Whether nothing came from anybody any more, from a moment on before which hardly anything was lost, and more than one
/// was asked after it.
fn is_over(sent: &[Sent]) -> bool {
    let Some(last) = sent.iter().rposition(|request| request.is_answered) else {
        return false;
    };
    let (before, after) = sent.split_at(last + 1);
    let missed = before.iter().filter(|request| !request.is_answered).count();
    let hosts: std::collections::BTreeSet<IpAddr> = after
        .iter()
        .map(|request| request.destination.ip())
        .collect();
    let span = match (after.first(), after.last()) {
        (Some(first), Some(last)) => last.at.saturating_sub(first.at),
        _ => Duration::ZERO,
    };
    after.len() >= FEWEST_AFTER
        && hosts.len() > 1
        && span >= LONG_AFTER
        && missed * 5 <= before.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of one socket to one server.
    fn host(last: u8, answered: &[bool]) -> Vec<Sent> {
        flow(0, last, 0, answered)
    }

    fn flow(socket: usize, last: u8, began: u64, answered: &[bool]) -> Vec<Sent> {
        let at = (0..).map(|n| Time::from_millis(began + 20 * n));
        let sent = at.zip(answered).map(|(at, is_answered)| Sent {
            socket,
            destination: SocketAddr::from(([192, 0, 2, last], 3478)),
            operator: usize::from(last),
            at,
            is_answered: *is_answered,
        });
        sent.collect()
    }

    fn first(count: usize, of: usize) -> Vec<bool> {
        (0..of).map(|n| n < count).collect()
    }

    #[test]
    fn loss_at_one_server_alone_is_its_own() {
        let limits = limits_of(
            [
                host(1, &first(2, 40)),
                flow(1, 2, 900, &first(3, 3)),
                flow(1, 3, 900, &first(1, 1)),
            ]
            .concat(),
        );
        let loss = Loss { sent: 40, lost: 38 };
        let expected = Limits::Some(vec![IpAddr::from([192, 0, 2, 1])], loss);
        assert_eq!(limits, Some(expected));
        // Asked before the first loss, the others show nothing.
        let early = [host(1, &first(2, 40)), flow(1, 2, 0, &first(3, 3))].concat();
        let expected = Limits::All {
            servers: 1,
            is_over: false,
        };
        assert_eq!(limits_of(early), Some(expected));
    }

    #[test]
    fn all_that_answer_first_and_hardly_later_may_be_limited_by_something_on_the_way() {
        let late: Vec<bool> = (0..40).map(|n| n < 4 || n == 39).collect();
        let limits = limits_of([host(1, &first(1, 40)), host(2, &late)].concat());
        let expected = Limits::All {
            servers: 2,
            is_over: false,
        };
        assert_eq!(limits, Some(expected));
    }

    #[test]
    fn where_nobody_answers_from_a_moment_on_the_line_may_have_ended() {
        let expected = |servers, is_over| Some(Limits::All { servers, is_over });
        let both = [host(1, &first(4, 60)), host(2, &first(4, 60))].concat();
        assert_eq!(limits_of(both), expected(2, true));
        // One server alone may limit its rate as well.
        assert_eq!(limits_of(host(1, &first(4, 60))), expected(1, false));
    }

    #[test]
    fn a_line_that_loses_for_all_is_no_limit() {
        let half: Vec<bool> = (0..40).map(|n| n % 2 == 0).collect();
        let some: Vec<bool> = (0..40).map(|n| n % 4 != 0).collect();
        for lossy in [&half, &some] {
            let by_host = [host(1, lossy), host(2, lossy)].concat();
            let line = Limits::Line { operators: 2 };
            assert_eq!(limits_of(by_host), Some(line));
            // Two addresses of one operator have more in common than the line, and one server is no proof.
            let mut one = [host(1, lossy), host(2, lossy)].concat();
            for request in &mut one {
                request.operator = 1;
            }
            let untold = |operators| Some(Limits::Untold { operators });
            assert_eq!(limits_of(one), untold(1));
            assert_eq!(limits_of(host(1, lossy)), untold(1));
            // Three answers of another one may be luck, and forty are none.
            let few = [host(1, lossy), flow(1, 2, 900, &[true; 3])].concat();
            assert_eq!(limits_of(few), untold(2));
            let many = [host(1, lossy), flow(1, 2, 900, &[true; 40])].concat();
            assert!(matches!(limits_of(many), Some(Limits::Some(hosts, _)) if hosts.len() == 1));
        }
    }

    #[test]
    fn first_packets_of_flows_that_are_lost_are_told_from_a_line_that_loses() {
        let flows: Vec<Sent> = (0..8)
            .flat_map(|n| flow(n, 1, 0, &[false, true, true]))
            .collect();
        let expected = Limits::First { flows: 8, of: 8 };
        assert_eq!(limits_of(flows), Some(expected));
        let some = (0..8).flat_map(|n| flow(n, 1, 0, &[n % 3 != 0, true, n % 4 != 0]));
        let untold = Limits::Untold { operators: 1 };
        assert_eq!(limits_of(some.collect()), Some(untold.clone()));
        // Those that were answered at once were not asked again.
        let lucky = (8..20).flat_map(|n| flow(n, 1, 0, &[true]));
        let unlucky = (0..8).flat_map(|n| flow(n, 1, 0, &[false, true]));
        assert_eq!(limits_of(lucky.chain(unlucky).collect()), Some(untold));
    }

    #[test]
    fn sockets_that_are_never_answered_beside_one_that_is_are_the_nats() {
        let old = || flow(0, 1, 0, &[true; 40]);
        let new = (1..6).flat_map(|n| flow(n, 1, 100, &[false; 10]));
        // The last of them may begin when the old one has nothing more to ask.
        let last = flow(6, 1, 1000, &[false; 10]);
        let limits = limits_of(old().into_iter().chain(new).chain(last).collect());
        assert_eq!(limits, Some(Limits::Sockets { old: 1, new: 6 }));
        // Where the first one is not answered any more either, the server may limit its rate.
        let new = (1..6).flat_map(|n| flow(n, 1, 900, &[false; 10]));
        let limits = limits_of(old().into_iter().chain(new).collect());
        assert!(
            !matches!(limits, Some(Limits::Sockets { .. })),
            "{limits:?}"
        );
        // And where it answers another one alone, it may be the server.
        let new = (1..6).flat_map(|n| flow(n, 2, 100, &[false; 10]));
        let limits = limits_of(old().into_iter().chain(new).collect());
        assert!(
            !matches!(limits, Some(Limits::Sockets { .. })),
            "{limits:?}"
        );
    }
}
