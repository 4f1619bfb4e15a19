//! One mapping of the router: made, and removed whatever happens.

use std::net::IpAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::timeout;

use crate::net::router::RouterPath;
use crate::proto::nat::router::igd::{self, Service};
use crate::proto::nat::router::inquiry::{MAPPING, Outcome, REMOVAL};
use crate::proto::nat::router::{Granted, Meaning, Protocol, Refusal, nat_pmp, pcp};

/// For how long a mapping is asked for: the least that RFC 6887 15 lets servers grant; the trial
/// takes a second.
pub const LIFETIME_S: u32 = 120;

/// How long a gateway device may take to make one, and to remove it.
const CREATION: Duration = Duration::from_millis(2500);
const DELETION: Duration = Duration::from_secs(1);

/// How many external ports are tried where others have them.
const PORTS: usize = 4;

/// External ports are taken from where systems have no services of their own (RFC 6335 6).
const PORT_RANGE: std::ops::RangeInclusive<u16> = 49152..=65535;

/// What was asked for, so that it can be removed even if the answer never came.
pub struct Lease<'a> {
    way: &'a RouterPath,
    how: How,
    port: u16,
    pub requests: usize,
    /// Whether the router may have made a mapping.
    pub begun: bool,
    /// What it said that it made.
    pub granted: Option<Granted>,
    /// Requests for the mapping that were sent; each may have been obeyed.
    sent: usize,
}

#[derive(Clone)]
enum How {
    Pcp(pcp::Nonce),
    NatPmp,
    Igd {
        service: Service,
        seed: u64,
        /// The external port that was asked for last.
        external_port: u16,
        /// Whether it stays until it is removed.
        permanent: bool,
    },
}

#[derive(Debug)]
pub enum Failure {
    Refused(Refusal),
    /// No answer, or none that can be used.
    NoAnswer(String),
}

impl<'a> Lease<'a> {
    pub fn new(
        way: &'a RouterPath,
        protocol: Protocol,
        service: Option<&Service>,
        port: u16,
        seed: u64,
    ) -> Option<Self> {
        let how = match protocol {
            Protocol::Pcp => How::Pcp(StdRng::seed_from_u64(seed).random()),
            Protocol::NatPmp => How::NatPmp,
            Protocol::UpnpIgd => How::Igd {
                service: service?.clone(),
                seed,
                external_port: port,
                permanent: false,
            },
        };
        Some(Self {
            way,
            how,
            port,
            requests: 0,
            begun: false,
            granted: None,
            sent: 0,
        })
    }

    pub const fn is_permanent(&self) -> bool {
        matches!(
            self.how,
            How::Igd {
                permanent: true,
                ..
            }
        )
    }

    pub async fn make(&mut self) -> Result<Granted, Failure> {
        let granted = match self.how.clone() {
            How::Pcp(nonce) => {
                self.begun = true;
                self.pcp(nonce, LIFETIME_S).await
            }
            How::NatPmp => {
                self.begun = true;
                self.nat_pmp(LIFETIME_S).await
            }
            How::Igd { service, seed, .. } => {
                match timeout(CREATION, self.igd(&service, seed)).await {
                    Ok(granted) => granted,
                    Err(_) => Err(Failure::NoAnswer("it does not answer in time".to_owned())),
                }
            }
        };
        match granted {
            Ok(granted)
                if granted.port == 0 || (granted.lifetime_s == 0 && !self.is_permanent()) =>
            {
                Err(Failure::NoAnswer(
                    "it grants a mapping without a lifetime".to_owned(),
                ))
            }
            Ok(granted) => {
                self.granted = Some(granted);
                Ok(granted)
            }
            Err(Failure::Refused(refusal)) => {
                // Who refuses has made none, unless it obeyed an earlier copy of the request.
                self.begun = self.sent > 1;
                Err(Failure::Refused(refusal))
            }
            Err(other) => Err(other),
        }
    }

    /// The external port of what may be there, as far as it is known.
    pub fn external_port(&self) -> Option<u16> {
        let asked = match self.how {
            How::Igd { external_port, .. } => Some(external_port),
            How::Pcp(_) | How::NatPmp => None,
        };
        self.granted.map(|granted| granted.port).or(asked)
    }

    /// Removes what may be there. Says whether it is known to be gone.
    pub async fn remove(&mut self) -> bool {
        if !self.begun {
            return true;
        }
        let is_gone = self.try_to_remove().await;
        // A device that has not answered may still be making it, and does so after this.
        let is_late = matches!(self.how, How::Igd { .. }) && self.granted.is_none();
        is_gone && !is_late
    }

    async fn try_to_remove(&mut self) -> bool {
        match self.how.clone() {
            How::Pcp(nonce) => {
                matches!(self.pcp(nonce, 0).await, Ok(granted) if granted.lifetime_s == 0)
            }
            How::NatPmp => matches!(self.nat_pmp(0).await, Ok(granted) if granted.lifetime_s == 0),
            How::Igd {
                service,
                external_port,
                ..
            } => timeout(DELETION, self.delete(&service, external_port))
                .await
                .unwrap_or(false),
        }
    }

    async fn pcp(&mut self, nonce: pcp::Nonce, lifetime_s: u32) -> Result<Granted, Failure> {
        let map = pcp::Map {
            client: self.way.local,
            nonce,
            port: self.port,
            lifetime_s,
            suggested_port: if lifetime_s == 0 { 0 } else { self.port },
        };
        let schedule = if lifetime_s == 0 { REMOVAL } else { MAPPING };
        // A late answer to the request for the mapping is none to its removal, and the reverse.
        let read = |packet: &[u8]| {
            pcp::read_map(packet, &map).filter(|answer| match answer {
                pcp::Answer::Success(Some(granted)) => {
                    (granted.lifetime_s == 0) == (lifetime_s == 0)
                }
                _ => true,
            })
        };
        let (outcome, sent) = self.way.ask(pcp::map(&map), schedule, read).await;
        self.requests += sent;
        self.sent += sent;
        match answered(outcome)? {
            pcp::Answer::Success(Some(granted)) => Ok(granted),
            pcp::Answer::Refused(refusal) => Err(Failure::Refused(refusal)),
            pcp::Answer::Success(None) | pcp::Answer::OtherVersion(_) => {
                Err(Failure::NoAnswer("it does not follow PCP".to_owned()))
            }
        }
    }

    async fn nat_pmp(&mut self, lifetime_s: u32) -> Result<Granted, Failure> {
        let map = nat_pmp::Map {
            port: self.port,
            lifetime_s,
            suggested_port: if lifetime_s == 0 { 0 } else { self.port },
        };
        let schedule = if lifetime_s == 0 { REMOVAL } else { MAPPING };
        let read = |packet: &[u8]| {
            nat_pmp::read_map(packet, &map).filter(|answer| match answer {
                nat_pmp::Answer::Mapped(granted) => (granted.lifetime_s == 0) == (lifetime_s == 0),
                _ => true,
            })
        };
        let (outcome, sent) = self.way.ask(nat_pmp::map(&map), schedule, read).await;
        self.requests += sent;
        self.sent += sent;
        match answered(outcome)? {
            nat_pmp::Answer::Mapped(granted) => Ok(granted),
            nat_pmp::Answer::Refused(refusal) => Err(Failure::Refused(refusal)),
            nat_pmp::Answer::Address(_) | nat_pmp::Answer::OtherVersion(_) => {
                Err(Failure::NoAnswer("it does not follow NAT-PMP".to_owned()))
            }
        }
    }

    async fn igd(&mut self, service: &Service, seed: u64) -> Result<Granted, Failure> {
        let IpAddr::V4(client) = self.way.local else {
            return Err(Failure::NoAnswer("UPnP IGD is for IPv4".to_owned()));
        };
        let mut random = StdRng::seed_from_u64(seed);
        let mut conflict = None;
        let ports = std::iter::once(self.port).chain(std::iter::repeat_with(move || {
            random.random_range(PORT_RANGE)
        }));
        for external_port in ports.take(PORTS) {
            // Making a mapping that is there already would overwrite what another program has.
            if self.is_taken(service, external_port).await? {
                continue;
            }
            for lifetime_s in [LIFETIME_S, 0] {
                let map = igd::Map {
                    client,
                    port: self.port,
                    external_port,
                    lifetime_s,
                };
                self.begun = true;
                self.sent = 1;
                self.how = How::Igd {
                    service: service.clone(),
                    seed,
                    external_port,
                    permanent: lifetime_s == 0,
                };
                self.requests += 1;
                let made = self.way.call(service, igd::add(service, &map)).await;
                match made.map_err(Failure::NoAnswer)? {
                    Ok(_) => {
                        return Ok(Granted {
                            port: external_port,
                            address: None,
                            lifetime_s,
                        });
                    }
                    Err(refusal)
                        if refusal.meaning == Meaning::PermanentOnly && lifetime_s != 0 => {}
                    Err(refusal) if refusal.meaning == Meaning::Conflict => {
                        conflict = Some(refusal);
                        break;
                    }
                    Err(refusal) => return Err(Failure::Refused(refusal)),
                }
            }
            self.begun = false;
        }
        Err(conflict.map_or_else(
            || Failure::NoAnswer("all ports that were tried are taken".to_owned()),
            Failure::Refused,
        ))
    }

    async fn is_taken(&mut self, service: &Service, external_port: u16) -> Result<bool, Failure> {
        self.requests += 1;
        let call = igd::look_up(service, external_port);
        let answer = self.way.call(service, call).await;
        // Whoever cannot say so may still make one: a mapping of others is then a conflict.
        Ok(answer.map_err(Failure::NoAnswer)?.is_ok())
    }

    /// Removes the mapping and looks whether it is gone.
    async fn delete(&mut self, service: &Service, external_port: u16) -> bool {
        self.requests += 2;
        let removed = self
            .way
            .call(service, igd::remove(service, external_port))
            .await;
        let looked_up = self
            .way
            .call(service, igd::look_up(service, external_port))
            .await;
        match looked_up {
            Ok(Err(refusal)) if refusal.meaning == Meaning::NoSuchMapping => true,
            Ok(Ok(text)) => match igd::read_entry(&text) {
                // Somebody else's by now.
                Some((client, port)) => (client, port) != (self.way.local, self.port),
                None => false,
            },
            _ => matches!(removed, Ok(Ok(_))),
        }
    }
}

fn answered<A>(outcome: Outcome<A>) -> Result<A, Failure> {
    match outcome {
        Outcome::Answered(answer) => Ok(answer),
        Outcome::Closed => Err(Failure::NoAnswer("it refuses the port (ICMP)".to_owned())),
        Outcome::NotSent(_) => Err(Failure::NoAnswer("it could not be sent to".to_owned())),
        Outcome::Garbled => Err(Failure::NoAnswer("its answer cannot be read".to_owned())),
        Outcome::Silent => Err(Failure::NoAnswer("it does not answer".to_owned())),
    }
}
