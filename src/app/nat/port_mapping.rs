//! The router: its external address, and whether it makes mappings.

mod knock;
mod lease;
mod trial;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future;

use super::deeper::Tested;
use super::surroundings::Surroundings;
use super::{AskRouter, fallback};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::discovery::Discovery;
use crate::nat::layers;
use crate::nat::port_control::igd::{self, Service};
use crate::nat::port_control::inquiry::{Outcome, QUESTION};
use crate::nat::port_control::ssdp::{Bystander, Location};
use crate::nat::port_control::{Meaning, Protocol, Refusal, Said, nat_pmp, pcp};
use crate::net::driver::{send_error, stopped};
use crate::net::route;
use crate::net::router::{Searching, Way};
use crate::report::Finding;
use crate::report::nat::PortMapping;
use crate::report::nat::verdict::router;
use crate::stun::message::TransactionId;

/// How long documents are waited for when the search for them has found something: what is to come
/// later than the search lasts makes the run no longer than this.
const ASKING: Duration = Duration::from_millis(1200);

/// What the router has said.
pub struct Asked {
    way: Option<Way>,
    pcp: Said,
    nat_pmp: Said,
    upnp_igd: Said,
    /// The service that named an external address.
    service: Option<Service>,
    bystanders: Vec<Bystander>,
    /// Datagrams and HTTP requests sent.
    requests: usize,
}

impl Asked {
    fn not_asked(reason: Reason) -> Self {
        Self {
            way: None,
            pcp: Said::NotAsked(reason),
            nat_pmp: Said::NotAsked(reason),
            upnp_igd: Said::NotAsked(reason),
            service: None,
            bystanders: Vec::new(),
            requests: 0,
        }
    }

    /// What came of each protocol, the best first.
    fn answers(&self) -> [(Protocol, &Said); 3] {
        [
            (Protocol::Pcp, &self.pcp),
            (Protocol::NatPmp, &self.nat_pmp),
            (Protocol::UpnpIgd, &self.upnp_igd),
        ]
    }
}

/// What is known of the router, for the facts that need more.
pub struct Known {
    pub report: PortMapping,
    /// Whether the servers are reached over it.
    pub on_path: bool,
    pub findings: Vec<Finding>,
}

/// Asks the router, if the options say so, while the NAT is tested. Nothing is changed by it.
pub async fn ask(local: IpAddr, interface: Option<&str>, around: &Surroundings) -> Asked {
    if around.depth.port_mapping == AskRouter::Nothing {
        return Asked::not_asked(Reason::LeftOut);
    }
    let Some(way) = Way::to_router(&around.source, local, interface, around.clock) else {
        return Asked::not_asked(Reason::NoRouter);
    };
    let ((pcp, first), (nat_pmp, second), found) = tokio::join!(
        until_stopped(around, ask_pcp(&way)),
        until_stopped(around, ask_nat_pmp(&way)),
        ask_igd(&way, around),
    );
    Asked {
        pcp,
        nat_pmp,
        upnp_igd: found.said,
        service: found.service,
        bystanders: found.bystanders,
        requests: first + second + found.requests,
        way: Some(way),
    }
}

/// Has the router make a mapping, if the options ask for it, tries it and removes it.
pub async fn test(tested: Tested<'_>, asked: Asked) -> Known {
    let answers = asked.answers();
    let on_path = asked
        .way
        .as_ref()
        .is_some_and(|way| is_on_path(way, tested.interface, tested.discovery));
    let mut findings = router::of_answers(tested.way.family, &answers, &asked.bystanders);
    let external = match tested.way.family {
        Family::Ipv4 => layers::external_address(&answers),
        Family::Ipv6 => Fact::not_tested(match asked.pcp {
            Said::NotAsked(reason) => reason,
            _ => Reason::NotApplicable,
        }),
    };
    let mut report = PortMapping {
        pcp: asked.pcp.offered(),
        nat_pmp: asked.nat_pmp.offered(),
        upnp_igd: asked.upnp_igd.offered(),
        router_external_address: external,
        router: asked.way.as_ref().map(|way| way.router),
        mapping_works: Fact::not_tested(Reason::NotAskedFor),
        tested_mapping: None,
        requests: asked.requests,
    };
    if tested.around.depth.port_mapping == AskRouter::Mapping {
        trial::run(tested, &asked, &mut report, &mut findings).await;
    }
    Known {
        report,
        on_path,
        findings,
    }
}

/// Whether the router is the first hop to all servers that answered, or else to all that were asked.
fn is_on_path(way: &Way, interface: Option<&str>, discovery: &Discovery) -> bool {
    let records = discovery.servers();
    let answered: Vec<SocketAddr> = records
        .iter()
        .filter(|r| r.responses > 0)
        .map(|r| r.address)
        .collect();
    let servers: BTreeSet<IpAddr> = if answered.is_empty() {
        records.iter().map(|r| r.address.ip()).collect()
    } else {
        answered.iter().map(SocketAddr::ip).collect()
    };
    servers
        .into_iter()
        .all(|server| route::router_to(server, interface, way.local) == Some(way.router))
}

async fn until_stopped(
    around: &Surroundings,
    asking: impl Future<Output = (Said, usize)>,
) -> (Said, usize) {
    let mut stop = around.stop.clone();
    tokio::select! {
        biased;
        said = asking => said,
        reason = stopped(&mut stop) => (Said::Cut(reason), 0),
    }
}

async fn ask_pcp(way: &Way) -> (Said, usize) {
    let (outcome, sent) = way
        .ask(pcp::announce(way.local), QUESTION, pcp::read_announce)
        .await;
    let said = said(outcome, |answer| match answer {
        pcp::Answer::Success(_) => Said::Offers(Vec::new()),
        pcp::Answer::Refused(refusal) => Said::Declines(refusal),
        pcp::Answer::OtherVersion(0) => {
            Said::OtherVersion("it has NAT-PMP in place of PCP".to_owned())
        }
        pcp::Answer::OtherVersion(version) => Said::OtherVersion(format!(
            "it has version {version} of PCP, not {}",
            pcp::VERSION
        )),
    });
    (said, sent)
}

async fn ask_nat_pmp(way: &Way) -> (Said, usize) {
    if way.local.is_ipv6() {
        return (Said::NotAsked(Reason::NotApplicable), 0);
    }
    let (outcome, sent) = way
        .ask(
            nat_pmp::external_address(),
            QUESTION,
            nat_pmp::read_external_address,
        )
        .await;
    let said = said(outcome, |answer| match answer {
        nat_pmp::Answer::Address(address) => Said::Offers(vec![address.into()]),
        nat_pmp::Answer::Refused(refusal) => Said::Declines(refusal),
        nat_pmp::Answer::OtherVersion(_) => {
            Said::OtherVersion("it has PCP in place of NAT-PMP".to_owned())
        }
        nat_pmp::Answer::Mapped(_) => Said::Unusable("it answers another question".to_owned()),
    });
    (said, sent)
}

fn said<A>(outcome: Outcome<A>, answered: impl FnOnce(A) -> Said) -> Said {
    match outcome {
        Outcome::Answered(answer) => answered(answer),
        Outcome::Closed => Said::Closed,
        Outcome::NotSent(error) => Said::NotSent(error),
        Outcome::Garbled => Said::Unusable("what it answers is not of the protocol".to_owned()),
        Outcome::Silent => Said::Silent,
    }
}

/// What came of the search for a gateway device.
struct Device {
    said: Said,
    service: Option<Service>,
    bystanders: Vec<Bystander>,
    requests: usize,
}

impl Device {
    fn unknown(said: Said) -> Self {
        Self {
            said,
            service: None,
            bystanders: Vec::new(),
            requests: 0,
        }
    }
}

async fn ask_igd(way: &Way, around: &Surroundings) -> Device {
    let (IpAddr::V4(local), IpAddr::V4(router)) = (way.local, way.router) else {
        return Device::unknown(Said::NotAsked(Reason::NotApplicable));
    };
    let mut searching = match way.search(router, local) {
        Ok(searching) => searching,
        Err(error) => return Device::unknown(Said::NotSent(send_error(&error))),
    };
    let mut stop = around.stop.clone();
    let mut progress = Progress::default();
    let said = tokio::select! {
        biased;
        said = look(way, &mut searching, &mut progress) => said,
        reason = stopped(&mut stop) => Said::Cut(reason),
        () = tokio::time::sleep(ASKING) => {
            Said::Unusable(progress.flaw.take().unwrap_or_else(|| {
                "it answers the search, but its documents do not come in time".to_owned()
            }))
        }
    };
    Device {
        said,
        service: progress.service,
        bystanders: searching.bystanders(),
        requests: progress.calls + searching.transmissions(),
    }
}

/// What is known by the time that the search is cut off.
#[derive(Default)]
struct Progress {
    calls: usize,
    service: Option<Service>,
    /// What is wrong with a device that was found.
    flaw: Option<String>,
}

/// Searches until some place describes a gateway that can be asked.
async fn look(way: &Way, searching: &mut Searching, progress: &mut Progress) -> Said {
    let mut declined = None;
    while let Some(location) = searching.next().await {
        match read_device(way, &location, progress).await {
            Ok(Said::Declines(refusal)) => declined = Some(refusal),
            Ok(said) => return said,
            Err(flaw) => progress.flaw = Some(flaw),
        }
    }
    match (declined, progress.flaw.take(), searching.failure()) {
        (Some(refusal), _, _) => Said::Declines(refusal),
        (None, Some(flaw), _) => Said::Unusable(flaw),
        (None, None, Some(error)) => Said::NotSent(send_error(error)),
        (None, None, None) => Said::Silent,
    }
}

/// Reads a description and asks its services for the external address, all at once.
async fn read_device(
    way: &Way,
    location: &Location,
    progress: &mut Progress,
) -> Result<Said, String> {
    progress.calls += 1;
    let services = way.describe(location).await?;
    progress.calls += services.len();
    let calls = services
        .iter()
        .map(|service| way.call(service, igd::external_address(service)));
    let answers = future::join_all(calls).await;
    let mut addresses = Vec::new();
    let (mut refused, mut flaw): (Option<Refusal>, Option<String>) = (None, None);
    for (service, answer) in services.iter().zip(answers) {
        match answer.map(|inner| inner.map(|text| igd::read_external_address(&text))) {
            Ok(Ok(Ok(address))) => {
                let better = progress.service.is_none() || !address.is_unspecified();
                if better && addresses.iter().all(IpAddr::is_unspecified) {
                    progress.service = Some(service.clone());
                }
                addresses.push(address);
            }
            Ok(Err(refusal)) => {
                progress.service.get_or_insert_with(|| service.clone());
                refused = Some(refusal);
            }
            Ok(Ok(Err(said))) | Err(said) => flaw = Some(said),
        }
    }
    match (addresses.is_empty(), refused, flaw) {
        (false, _, _) => Ok(Said::Offers(addresses)),
        // What a router says that has no address to name (WANIPConnection has no code for it).
        (true, Some(refusal), _) if refusal.code == 501 => Ok(Said::Declines(Refusal {
            meaning: Meaning::NotConnected,
            ..refusal
        })),
        (true, Some(refusal), _) => Ok(Said::Declines(refusal)),
        (true, None, flaw) => Err(flaw.unwrap_or_default()),
    }
}

/// Transaction IDs of the trial are apart from all others.
fn transaction_id(seed: u64, number: u64) -> TransactionId {
    fallback::transaction_id(seed, 0x4d41_5000_0000_0000 | number)
}
