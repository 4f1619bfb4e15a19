//! A server whose name has several addresses, of both families or of one, and that does not answer at
//! all of them. That is a fault of this address, and no evidence against the network's IPv6 or IPv4.

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::proto::nat::address::is_dns64;
use crate::proto::stun::uri::Transport;

/// What is asked over one address.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The host, as it is named.
    pub host: &'a str,
    pub address: IpAddr,
    pub transport: Transport,
    /// What went wrong, if anything did.
    pub error: Option<&'a ErrorReport>,
}

impl Asked<'_> {
    const fn family(&self) -> Family {
        Family::of(self.address)
    }

    fn is_dead(&self) -> bool {
        self.error
            .is_some_and(|e| matches!(e.code, Code::Timeout | Code::Refused))
    }
}

/// An address at which nothing answers, though the same name answers at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadAddress {
    pub address: IpAddr,
    host: String,
    /// One at which it answers: of the other family, if there is one.
    works_at: IpAddr,
    /// Whether its host was heard of: it refuses.
    pub is_refused: bool,
}

/// All of them. A host that has no answer at all is another matter.
pub fn all_of(asked: &[Asked<'_>]) -> Vec<DeadAddress> {
    let mut found: Vec<DeadAddress> = Vec::new();
    for one in asked {
        let of_host = || asked.iter().filter(|other| other.host == one.host);
        let mut here = of_host().filter(|other| other.address == one.address);
        let mut answering: Vec<IpAddr> = of_host()
            .filter(|other| other.address != one.address && other.error.is_none())
            // A server may have sent one transport alone to another address (ALTERNATE-SERVER).
            .filter(|other| other.family() != one.family() || other.transport == one.transport)
            .map(|other| other.address)
            .collect();
        answering.sort_by_key(|address| Family::of(*address) == one.family());
        let known = found.iter().any(|dead| dead.address == one.address);
        let Some(works_at) = answering.first().copied().filter(|_| !known) else {
            continue;
        };
        if !here.clone().all(Asked::is_dead) {
            continue;
        }
        let is_refused = here.any(|other| other.error.is_some_and(|e| e.code == Code::Refused));
        found.push(DeadAddress {
            address: one.address,
            host: one.host.to_owned(),
            works_at,
            is_refused,
        });
    }
    found
}

impl DeadAddress {
    /// In a sentence, without its beginning and end.
    pub fn words(&self) -> String {
        let family = Family::of(self.address);
        let how = if self.is_refused {
            "nothing listens"
        } else {
            "nothing answers"
        };
        let other = Family::of(self.works_at);
        if is_dns64(self.address) {
            return format!(
                "{how} at {}, the IPv6 address that this network's resolver makes of the IPv4 address of {} (DNS64), though it works over {}",
                self.address,
                self.host,
                other.name()
            );
        }
        if other == family {
            return format!(
                "{how} at {}, one of the addresses of {}, though it works at {}",
                self.address, self.host, self.works_at
            );
        }
        format!(
            "{how} at {}, the {} address of {} ({} record), though it works over {}",
            self.address,
            family.name(),
            self.host,
            family.record(),
            other.name()
        )
    }

    /// With what to do.
    pub fn finding(&self) -> Finding {
        if Family::of(self.address) == Family::of(self.works_at) {
            return Finding::new(
                Code::AddressDead,
                self.words(),
                "take this address from the name, or have the server run there: clients take any of them, and many only one",
            );
        }
        let hint = match (Family::of(self.address), self.is_refused) {
            _ if is_dns64(self.address) => {
                "the name has no such record: the NAT64 that belongs to this resolver does not work here; have it mended, or use a resolver without DNS64"
            }
            (Family::Ipv6, true) => {
                "remove the AAAA record, or have the server listen on IPv6: clients with both families lose time there"
            }
            (Family::Ipv6, false) => {
                "remove the AAAA record, or have the server listen on IPv6 and its firewall let it in; only if other servers are silent over IPv6 too is it this network"
            }
            (Family::Ipv4, true) => {
                "remove the A record, or have the server listen on IPv4: clients with both families lose time there"
            }
            (Family::Ipv4, false) => {
                "remove the A record, or have the server listen on IPv4 and its firewall let it in; only if other servers are silent over IPv4 too is it this network"
            }
        };
        Finding::new(Code::AddressDead, self.words(), hint)
    }
}
