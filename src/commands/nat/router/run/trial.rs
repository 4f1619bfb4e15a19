//! Whether a mapping that the router makes lets packets in: the STUN server is made to answer to
//! its external port (RESPONSE-PORT, RFC 5780 7.5), from where its socket has sent nothing to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::Finding;
use crate::commands::nat::router::report::{PortMapping, TestedMapping};
use crate::commands::nat::router::run::knock::{Sockets, knock, open};
use crate::commands::nat::router::run::lease::{Failure, Lease};
use crate::commands::nat::router::run::{RouterAnswers, TestedPath};
use crate::commands::nat::router::verdict;
use crate::net::drive::stopped;
use crate::proto::nat::address::{is_global, is_unicast};
use crate::proto::nat::router::layers;
use crate::proto::nat::router::{Granted, Meaning, Protocol, Reply};

/// Of as many rounds the answers to the socket that has sent must have come.
const HEARD_ROUNDS: usize = 4;

/// How many servers are tried for RESPONSE-PORT.
const SERVERS: usize = 3;

/// How long a mapping that is being made is waited for when the run is to end.
const LATE: Duration = Duration::from_millis(250);

pub async fn run(
    tested: TestedPath<'_>,
    asked: &RouterAnswers,
    report: &mut PortMapping,
    findings: &mut Vec<Finding>,
) {
    let mut stop = tested.around.stop.clone();
    let prepared = tokio::select! {
        biased;
        prepared = prepare(tested, asked, report) => prepared,
        reason = stopped(&mut stop) => Err(cut(reason)),
    };
    let sockets = match prepared {
        Ok(sockets) => sockets,
        Err(fact) => {
            report.mapping_works = fact;
            return;
        }
    };
    let port = match sockets.mapped.local_addr() {
        Ok(address) => address.port(),
        Err(error) => {
            report.mapping_works = Fact::inconclusive(Reason::EarlierFailure, error.to_string());
            return;
        }
    };
    let mut failures = Vec::new();
    for (protocol, said) in asked.answers() {
        if said.offered() != Fact::Determined(true) {
            continue;
        }
        let seed = tested.around.seed ^ protocol as u64;
        let way = asked.way.as_ref();
        let lease =
            way.and_then(|w| Lease::new(w, protocol, asked.gateway.service.as_ref(), port, seed));
        let Some(mut lease) = lease else { continue };
        let made = make(&mut lease, tested).await;
        let works = match &made {
            Ok(granted) => Some(try_out(&sockets, *granted, tested, report, protocol).await),
            Err(_) => None,
        };
        let removed = lease.remove().await;
        report.requests += lease.requests;
        if let Some(granted) = lease.granted {
            report.tested_mapping = Some(TestedMapping {
                protocol,
                granted,
                removed,
            });
        }
        if !removed {
            findings.push(verdict::mapping_may_remain(
                protocol,
                lease.external_port(),
                lease.granted.map(|g| g.lifetime_s),
                lease.is_permanent(),
            ));
        }
        if let Some(works) = works {
            findings.extend(verdict::of_trial(protocol, &works));
            report.mapping_works = works;
            return;
        }
        if let Some(reason) = *stop.borrow_and_update() {
            report.mapping_works = cut(reason);
            return;
        }
        if let Err(failure) = made {
            let silent = matches!(failure, Failure::NoAnswer(_));
            failures.push((protocol, failure));
            if silent {
                // It may still be at work: no second mapping beside one that may come.
                break;
            }
        }
    }
    let (fact, found) = verdict::of_failures(&texts(failures));
    report.mapping_works = fact;
    findings.extend(found);
}

fn texts(failures: Vec<(Protocol, Failure)>) -> Vec<(Protocol, Option<Meaning>, String)> {
    failures
        .into_iter()
        .map(|(protocol, failure)| match failure {
            Failure::Refused(refusal) => (protocol, Some(refusal.meaning), refusal.text()),
            Failure::NoAnswer(why) => (protocol, None, why),
        })
        .collect()
}

/// Whether it can be tried at all, before anything is changed.
async fn prepare(
    tested: TestedPath<'_>,
    asked: &RouterAnswers,
    report: &PortMapping,
) -> Result<Sockets, Fact<bool>> {
    let answers = asked.answers();
    if let Some(reason) = answers.iter().find_map(|(_, said)| match said {
        Reply::NotAsked(reason) if *reason != Reason::NotApplicable => Some(*reason),
        _ => None,
    }) {
        return Err(Fact::not_tested(reason));
    }
    if let Some(reason) = answers.iter().find_map(|(_, said)| match said {
        Reply::Cut(reason) => Some(*reason),
        _ => None,
    }) {
        return Err(cut(reason));
    }
    if answers
        .iter()
        .all(|(_, said)| said.offered() != Fact::Determined(true))
    {
        return Err(Fact::not_tested(Reason::NoPortControl));
    }
    let mut servers: Vec<(SocketAddr, IpAddr, Duration)> = tested
        .discovery
        .servers()
        .into_iter()
        .filter(|r| Some(r.address) != tested.discovery.outvoted())
        .filter_map(|r| {
            let rtt = r.facts.rtt_ms?.0;
            Some((r.address, r.facts.reflexive_address?.ip(), rtt))
        })
        .collect();
    if servers.is_empty() {
        return Err(Fact::inconclusive(
            Reason::NoResponse,
            "no server answered, so nobody can try the mapping from outside",
        ));
    }
    // With another NAT behind it, the router's mapping is no way in from where the servers are.
    if let Fact::Determined(external) = report.router_external_address {
        servers.retain(|(_, seen, _)| *seen == external);
        if servers.is_empty() {
            return Err(mismatch(external));
        }
    }
    for (number, (server, seen, rtt)) in servers.into_iter().take(SERVERS).enumerate() {
        if let Some(sockets) = open(tested, server, seen, rtt, number as u64).await {
            return Ok(sockets);
        }
    }
    Err(Fact::inconclusive(
        Reason::NoResponsePort,
        "no server that answers can be made to answer to another port (RESPONSE-PORT, RFC 5780 7.5), so the mapping cannot be tried from outside",
    ))
}

fn mismatch(external: IpAddr) -> Fact<bool> {
    if !is_unicast(external) {
        return Fact::inconclusive(
            Reason::Unusable,
            format!(
                "the router names {external}, which is not an address, so the mapping cannot be tried"
            ),
        );
    }
    if !is_global(external) {
        return Fact::not_tested(Reason::SecondNat);
    }
    Fact::inconclusive(
        Reason::AddressMismatch,
        format!(
            "the mapping is at {external}, where the servers do not see this host: it cannot be tried from outside"
        ),
    )
}

/// Has the router make the mapping. When the run is to end, a late answer is waited for a little,
/// since a mapping whose port is known can be removed.
async fn make(lease: &mut Lease<'_>, tested: TestedPath<'_>) -> Result<Granted, Failure> {
    let mut stop = tested.around.stop.clone();
    let late = async {
        stopped(&mut stop).await;
        tokio::time::sleep(LATE).await;
    };
    tokio::select! {
        biased;
        made = lease.make() => made,
        () = late => Err(Failure::NoAnswer("the run ended before it answered".to_owned())),
    }
}

async fn try_out(
    sockets: &Sockets,
    granted: Granted,
    tested: TestedPath<'_>,
    report: &mut PortMapping,
    protocol: Protocol,
) -> Fact<bool> {
    if let Some(address) = granted.address
        && tested.route.family == Family::Ipv4
        && !report.router_external_address.is_determined()
        && !address.is_unspecified()
    {
        report.router_external_address =
            layers::external_address(&[(protocol, &Reply::Offers(vec![address]))]);
    }
    if let Some(address) = granted.address.filter(|a| *a != sockets.seen) {
        return mismatch(address);
    }
    let heard = knock(sockets, granted.port, tested).await;
    if let Some(reason) = heard.cut {
        return cut(reason);
    }
    if heard.closed > 0 {
        return Fact::inconclusive(
            Reason::OpenWithoutMapping,
            "packets from outside reach a port without a mapping as well, so the mapping proves nothing",
        );
    }
    if heard.mapped > 0 {
        return Fact::Determined(true);
    }
    if heard.control < HEARD_ROUNDS {
        return Fact::inconclusive(
            Reason::PacketLoss,
            "too few of the answers that were due arrived",
        );
    }
    Fact::Determined(false)
}

fn cut(reason: Reason) -> Fact<bool> {
    Fact::inconclusive(reason, "the run ended before it was tried")
}
