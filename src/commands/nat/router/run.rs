//! The router: its external address, and whether it makes mappings.

mod knock;
mod lease;
mod trial;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future;

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::Finding;
use crate::commands::nat::router::report::PortMapping;
use crate::commands::nat::router::verdict;
use crate::commands::nat::run::depth::TestedPath;
use crate::commands::nat::run::surroundings::Surroundings;
use crate::commands::nat::run::{AskRouter, fallback};
use crate::net::drive::stopped;
use crate::net::route;
use crate::net::router::{GatewaySearch, RouterPath};
use crate::proto::machine::SendError;
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::router::igd::{self, Service};
use crate::proto::nat::router::inquiry::{Outcome, QUESTION};
use crate::proto::nat::router::layers;
use crate::proto::nat::router::ssdp::{Bystander, Location};
use crate::proto::nat::router::{Meaning, Protocol, Refusal, Reply, nat_pmp, pcp};
use crate::proto::stun::message::TransactionId;

/// How long documents are waited for when the search for them has found something: what is to come
/// later than the search lasts makes the run no longer than this.
const ASKING: Duration = Duration::from_millis(1200);

pub struct RouterAnswers {
    way: Option<RouterPath>,
    pcp: Reply,
    nat_pmp: Reply,
    upnp_igd: Reply,
    gateway: Gateway,
    /// Datagrams and HTTP requests sent.
    requests: usize,
}

/// What the search for a gateway device (UPnP) has found.
#[derive(Default)]
struct Gateway {
    /// The service that named an external address.
    service: Option<Service>,
    bystanders: Vec<Bystander>,
    requests: usize,
    /// What is wrong with a device that was found.
    flaw: Option<String>,
}

impl RouterAnswers {
    pub fn not_asked(reason: Reason) -> Self {
        Self {
            way: None,
            pcp: Reply::NotAsked(reason),
            nat_pmp: Reply::NotAsked(reason),
            upnp_igd: Reply::NotAsked(reason),
            gateway: Gateway::default(),
            requests: 0,
        }
    }

    /// What came of each protocol, the best first.
    fn answers(&self) -> [(Protocol, &Reply); 3] {
        [
            (Protocol::Pcp, &self.pcp),
            (Protocol::NatPmp, &self.nat_pmp),
            (Protocol::UpnpIgd, &self.upnp_igd),
        ]
    }
}

/// What is known of the router, for the facts that need more.
pub struct RouterTest {
    pub report: PortMapping,
    /// Whether the servers are reached over it.
    pub on_path: bool,
    pub findings: Vec<Finding>,
}

impl RouterTest {
    /// Nothing is known of it yet.
    pub fn not_asked() -> Self {
        Self {
            report: PortMapping::not_tested(Reason::LeftOut),
            on_path: false,
            findings: Vec::new(),
        }
    }
}

/// Asks the router, if the options say so, while the NAT is tested. Nothing is changed by it.
pub async fn ask(local: IpAddr, interface: Option<&str>, around: &Surroundings) -> RouterAnswers {
    if around.depth.port_mapping == AskRouter::Nothing {
        return RouterAnswers::not_asked(Reason::LeftOut);
    }
    let Some(way) = RouterPath::to_router(&around.source, local, interface, around.clock) else {
        return RouterAnswers::not_asked(Reason::NoRouter);
    };
    let ((pcp, first), (nat_pmp, second), (upnp_igd, gateway)) = tokio::join!(
        until_stopped(around, ask_pcp(&way)),
        until_stopped(around, ask_nat_pmp(&way)),
        ask_igd(&way, around),
    );
    RouterAnswers {
        pcp,
        nat_pmp,
        upnp_igd,
        requests: first + second + gateway.requests,
        gateway,
        way: Some(way),
    }
}

/// Has the router make a mapping, if the options ask for it, tries it and removes it.
pub async fn test(tested: TestedPath<'_>, asked: RouterAnswers) -> RouterTest {
    let answers = asked.answers();
    let on_path = asked
        .way
        .as_ref()
        .is_some_and(|way| is_on_path(way, tested.interface, tested.discovery));
    let mut findings =
        verdict::of_answers(tested.route.family, &answers, &asked.gateway.bystanders);
    let external = match tested.route.family {
        Family::Ipv4 => layers::external_address(&answers),
        Family::Ipv6 => Fact::not_tested(match asked.pcp {
            Reply::NotAsked(reason) => reason,
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
    RouterTest {
        report,
        on_path,
        findings,
    }
}

/// Whether the router is the first hop to all servers that answered, or else to all that were asked.
fn is_on_path(way: &RouterPath, interface: Option<&str>, discovery: &Discovery) -> bool {
    let records = discovery.servers();
    let answered: Vec<SocketAddr> = records
        .iter()
        .filter(|r| r.facts.responses > 0)
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
    asking: impl Future<Output = (Reply, usize)>,
) -> (Reply, usize) {
    let mut stop = around.stop.clone();
    tokio::select! {
        biased;
        said = asking => said,
        reason = stopped(&mut stop) => (Reply::Cut(reason), 0),
    }
}

async fn ask_pcp(way: &RouterPath) -> (Reply, usize) {
    let (outcome, sent) = way
        .ask(pcp::announce(way.local), QUESTION, pcp::read_announce)
        .await;
    let said = said(outcome, |answer| match answer {
        pcp::Answer::Success(_) => Reply::Offers(Vec::new()),
        pcp::Answer::Refused(refusal) => Reply::Declines(refusal),
        pcp::Answer::OtherVersion(0) => {
            Reply::OtherVersion("it offers NAT-PMP instead of PCP".to_owned())
        }
        pcp::Answer::OtherVersion(version) => Reply::OtherVersion(format!(
            "it has version {version} of PCP, not {}",
            pcp::VERSION
        )),
    });
    (said, sent)
}

async fn ask_nat_pmp(way: &RouterPath) -> (Reply, usize) {
    if way.local.is_ipv6() {
        return (Reply::NotAsked(Reason::NotApplicable), 0);
    }
    let (outcome, sent) = way
        .ask(
            nat_pmp::external_address(),
            QUESTION,
            nat_pmp::read_external_address,
        )
        .await;
    let said = said(outcome, |answer| match answer {
        nat_pmp::Answer::Address(address) => Reply::Offers(vec![address.into()]),
        nat_pmp::Answer::Refused(refusal) => Reply::Declines(refusal),
        nat_pmp::Answer::OtherVersion(_) => {
            Reply::OtherVersion("it offers PCP instead of NAT-PMP".to_owned())
        }
        nat_pmp::Answer::Mapped(_) => Reply::Unusable("it answers another question".to_owned()),
    });
    (said, sent)
}

fn said<A>(outcome: Outcome<A>, answered: impl FnOnce(A) -> Reply) -> Reply {
    match outcome {
        Outcome::Answered(answer) => answered(answer),
        Outcome::Closed => Reply::Closed,
        Outcome::NotSent(error) => Reply::NotSent(error),
        Outcome::Garbled => Reply::Unusable("its answer does not follow the protocol".to_owned()),
        Outcome::Silent => Reply::Silent,
    }
}

async fn ask_igd(way: &RouterPath, around: &Surroundings) -> (Reply, Gateway) {
    let mut gateway = Gateway::default();
    let (IpAddr::V4(local), IpAddr::V4(router)) = (way.local, way.router) else {
        return (Reply::NotAsked(Reason::NotApplicable), gateway);
    };
    let mut searching = match way.search(router, local) {
        Ok(searching) => searching,
        Err(error) => return (Reply::NotSent(SendError::from(&error)), gateway),
    };
    let mut stop = around.stop.clone();
    let reply = tokio::select! {
        biased;
        reply = look(way, &mut searching, &mut gateway) => reply,
        reason = stopped(&mut stop) => Reply::Cut(reason),
        () = tokio::time::sleep(ASKING) => {
            Reply::Unusable(gateway.flaw.take().unwrap_or_else(|| {
                "it answers the search, but does not deliver its documents in time".to_owned()
            }))
        }
    };
    gateway.bystanders = searching.search.bystanders().cloned().collect();
    gateway.requests += searching.search.transmissions();
    (reply, gateway)
}

/// Searches until some place describes a gateway that can be asked.
async fn look(way: &RouterPath, searching: &mut GatewaySearch, gateway: &mut Gateway) -> Reply {
    let mut declined = None;
    while let Some(location) = searching.next().await {
        match read_device(way, &location, gateway).await {
            Ok(Reply::Declines(refusal)) => declined = Some(refusal),
            Ok(said) => return said,
            Err(flaw) => gateway.flaw = Some(flaw),
        }
    }
    match (declined, gateway.flaw.take(), searching.search.failure()) {
        (Some(refusal), _, _) => Reply::Declines(refusal),
        (None, Some(flaw), _) => Reply::Unusable(flaw),
        (None, None, Some(error)) => Reply::NotSent(error),
        (None, None, None) => Reply::Silent,
    }
}

/// Reads a description and asks its services for the external address, all at once.
async fn read_device(
    way: &RouterPath,
    location: &Location,
    gateway: &mut Gateway,
) -> Result<Reply, String> {
    gateway.requests += 1;
    let services = way.describe(location).await?;
    gateway.requests += services.len();
    let calls = services
        .iter()
        .map(|service| way.call(service, igd::external_address(service)));
    let answers = future::join_all(calls).await;
    let mut addresses = Vec::new();
    let (mut refused, mut flaw): (Option<Refusal>, Option<String>) = (None, None);
    for (service, answer) in services.iter().zip(answers) {
        match answer.map(|inner| inner.map(|text| igd::read_external_address(&text))) {
            Ok(Ok(Ok(address))) => {
                let better = gateway.service.is_none() || !address.is_unspecified();
                if better && addresses.iter().all(IpAddr::is_unspecified) {
                    gateway.service = Some(service.clone());
                }
                addresses.push(address);
            }
            Ok(Err(refusal)) => {
                gateway.service.get_or_insert_with(|| service.clone());
                refused = Some(refusal);
            }
            Ok(Ok(Err(said))) | Err(said) => flaw = Some(said),
        }
    }
    match (addresses.is_empty(), refused, flaw) {
        (false, _, _) => Ok(Reply::Offers(addresses)),
        // What a router says that has no address to name (WANIPConnection has no code for it).
        (true, Some(refusal), _) if refusal.code == 501 => Ok(Reply::Declines(Refusal {
            meaning: Meaning::NotConnected,
            ..refusal
        })),
        (true, Some(refusal), _) => Ok(Reply::Declines(refusal)),
        (true, None, flaw) => Err(flaw.unwrap_or_default()),
    }
}

/// Transaction IDs of the trial are apart from all others.
fn transaction_id(seed: u64, number: u64) -> TransactionId {
    fallback::transaction_id(seed, 0x4d41_5000_0000_0000 | number)
}
