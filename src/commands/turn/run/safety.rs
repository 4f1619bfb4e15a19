//! Who may use the server, and whom they can reach through it. Asked by Allocate and `CreatePermission`
//! requests alone: no data goes to any of those peers.

use std::net::IpAddr;
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::expiry::{Expiry, ExpiryForm};
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::time::rfc3339;
use crate::commands::turn::report::{
    AuthenticationReport, PolicyReport, TransportReport, TurnResult,
};
use crate::commands::turn::run::trial::{Opening, Surroundings};
use crate::commands::turn::run::{Options, cut_short};
use crate::net::redirect::{self, AllocationAttempt, IN_ALL, PATIENCE, families};
use crate::net::session::Session;
use crate::proto::turn::client::{Answer, Event, RequestId};
use crate::proto::turn::credentials::Credentials;
use crate::proto::turn::error::Failure;
use crate::proto::turn::policy::{self, PeerClass};

/// How long servers may need to forget an allocation (coturn over UDP: a second).
pub const RELEASED_IN: Duration = Duration::from_millis(1100);

pub struct Safety {
    wants_policy: bool,
    families: Vec<Family>,
    has_credentials: bool,
    expires: Option<Expiry>,
    wrong_password: Option<Fact<bool>>,
    relays: [Option<Fact<bool>>; 2],
    policy: Vec<PolicyReport>,
    quota_reached: bool,
    asked_at: Option<Opening>,
}

impl Safety {
    pub fn new(options: &Options) -> Self {
        Self {
            wants_policy: options.policy,
            families: options.families.clone(),
            has_credentials: options.credentials.is_some(),
            expires: options.credentials.as_ref().and_then(Credentials::expires),
            wrong_password: None,
            relays: [None, None],
            policy: Vec::new(),
            quota_reached: false,
            asked_at: None,
        }
    }

    /// Whether something could not be asked for want of an allocation.
    pub const fn is_short_of_allocations(&self) -> bool {
        self.quota_reached
    }

    /// Where it was asked before.
    pub fn asked_at(&self) -> Option<Opening> {
        self.asked_at.clone()
    }

    /// Asks everything that is not known yet; the second time with one allocation at a time.
    pub async fn ask(&mut self, open: &Opening, around: &Surroundings) {
        let in_turns = self.quota_reached;
        self.quota_reached = false;
        self.asked_at = Some(open.clone());
        let wrong = async {
            match (&self.wrong_password, &around.credentials) {
                (None, Some(credentials)) => Some(wrong_password(open, around, credentials).await),
                _ => None,
            }
        };
        let families = [Family::Ipv4, Family::Ipv6].map(|family| {
            let known = self.relays[family as usize].is_some() || !self.families.contains(&family);
            let peers = if self.wants_policy {
                policy::peers(open.target.address.ip())
            } else {
                Vec::new()
            };
            async move {
                if known {
                    None
                } else {
                    Some(of_family(open, around, family, &peers).await)
                }
            }
        });
        let [v4, v6] = families;
        let (wrong, v4, v6) = if in_turns {
            let (wrong, v4) = (wrong.await, v4.await);
            if v4.is_some() {
                tokio::time::sleep(RELEASED_IN).await;
            }
            (wrong, v4, v6.await)
        } else {
            tokio::join!(wrong, v4, v6)
        };
        if let Some(wrong) = wrong {
            self.wrong_password = Some(wrong);
        }
        for (family, found) in [(Family::Ipv4, v4), (Family::Ipv6, v6)] {
            match found {
                Some(Permissions::Known { relays, policy }) => {
                    self.relays[family as usize] = Some(relays);
                    self.policy.extend(policy);
                }
                Some(Permissions::QuotaReached) => self.quota_reached = true,
                None => {}
            }
        }
    }

    pub fn finish(
        self,
        uri: String,
        transports: Vec<TransportReport>,
        authenticated: Option<bool>,
        stopped: Option<Reason>,
    ) -> TurnResult {
        let unknown = || cut_short(stopped);
        // Who has no credentials learns that they are asked for, and no more.
        let refused_without = transports
            .iter()
            .any(|t| t.realm.is_some() || t.nonce.is_some());
        let unauthenticated_refused = match authenticated {
            Some(asked) => Fact::Determined(asked),
            None if refused_without => Fact::Determined(true),
            None => unknown(),
        };
        let wrong_password_refused = match (self.wrong_password, authenticated) {
            (_, Some(false)) => Fact::Determined(false),
            (Some(fact), _) => fact,
            (None, _) if !self.has_credentials => Fact::not_tested(Reason::NoCredentials),
            (None, _) => unknown(),
        };
        let [v4, v6] = self.relays;
        let relays = |asked: Option<Fact<bool>>, family: Family| {
            let seen = transports
                .iter()
                .filter_map(|t| t.relayed_address)
                .any(|relayed| Family::of(relayed.ip()) == family);
            match asked {
                _ if seen => Fact::Determined(true),
                Some(fact) => fact,
                None if !self.families.contains(&family) => Fact::not_tested(Reason::LeftOut),
                None => unknown(),
            }
        };
        let (v4, v6) = (relays(v4, Family::Ipv4), relays(v6, Family::Ipv6));
        TurnResult {
            policy: complete(
                &self.families,
                &self.policy,
                &transports,
                self.wants_policy,
                &unknown(),
            ),
            uri,
            transports,
            authentication: AuthenticationReport {
                unauthenticated_refused,
                wrong_password_refused,
                credentials_expire: self
                    .expires
                    .filter(|expiry| expiry.form == ExpiryForm::Usual)
                    .map(|expiry| rfc3339(expiry.at)),
            },
            relays_ipv4: v4,
            relays_ipv6: v6,
        }
    }
}

/// Every peer of the list, also those that could not be asked about.
fn complete(
    families: &[Family],
    known: &[PolicyReport],
    transports: &[TransportReport],
    wanted: bool,
    unknown: &Fact<bool>,
) -> Vec<PolicyReport> {
    let Some(server) = transports.iter().find_map(|t| t.address) else {
        return Vec::new();
    };
    policy::peers(server.ip())
        .into_iter()
        .map(|(class, peer)| {
            let asked = known.iter().find(|k| (k.class, k.peer) == (class, peer));
            let allowed = match asked {
                Some(report) => report.allowed.clone(),
                None if wanted && !families.contains(&Family::of(peer)) => {
                    Fact::not_tested(Reason::LeftOut)
                }
                None if wanted => unknown.clone(),
                None => Fact::not_tested(Reason::LeftOut),
            };
            PolicyReport {
                class,
                peer,
                allowed,
            }
        })
        .collect()
}

async fn wrong_password(
    open: &Opening,
    around: &Surroundings,
    credentials: &Credentials,
) -> Fact<bool> {
    let wrong = credentials.with_wrong_password();
    let asked = allocate(open, around, Some(&wrong), None, 2).await;
    let outcome = asked.done.outcome;
    // A server that does not look at the password signs its answer with the right one's key.
    let accepted = asked
        .session
        .as_ref()
        .is_ok_and(|session| session.client().discarded().untrusted_successes > 0);
    let verdict = match &outcome {
        Ok(_) => Fact::Determined(false),
        Err(_) if accepted => Fact::Determined(false),
        Err(trouble) => match &trouble.failure {
            Some(failure) if failure.refuses_credentials() => Fact::Determined(true),
            Some(Failure::Timeout) | None => {
                Fact::inconclusive(Reason::NoResponse, trouble.report.message.clone())
            }
            Some(_) => Fact::inconclusive(Reason::Unusable, trouble.report.message.clone()),
        },
    };
    if let Ok(session) = asked.session {
        session.release().await;
    }
    verdict
}

enum Permissions {
    Known {
        relays: Fact<bool>,
        policy: Vec<PolicyReport>,
    },
    QuotaReached,
}

/// Whether the server relays a family, and which peers of it are allowed.
async fn of_family(
    open: &Opening,
    around: &Surroundings,
    family: Family,
    peers: &[(PeerClass, IpAddr)],
) -> Permissions {
    let wanted = (family == Family::Ipv6).then_some(family);
    let part = 3 + family as u64;
    let asked = allocate(open, around, around.credentials.as_ref(), wanted, part).await;
    let mine = peers.iter().filter(|(_, ip)| Family::of(*ip) == family);
    let unknown = |fact: &Fact<bool>| -> Vec<PolicyReport> {
        mine.clone()
            .map(|(class, peer)| PolicyReport {
                class: *class,
                peer: *peer,
                allowed: fact.clone(),
            })
            .collect()
    };
    match (asked.session, asked.done.outcome) {
        (Ok(mut session), Ok(Answer::Allocated(allocation))) => {
            let right = Family::of(allocation.relayed.ip()) == family;
            let policy = if right {
                ask_policy(&mut session, mine.clone().copied()).await
            } else {
                unknown(&Fact::not_tested(Reason::FamilyNotRelayed))
            };
            session.release().await;
            Permissions::Known {
                relays: Fact::Determined(right),
                policy,
            }
        }
        (_, Err(trouble)) => {
            let code = trouble.report.code;
            if redirect::is_shortage(code) {
                return Permissions::QuotaReached;
            }
            let (relays, policy) = if code == Code::AddressFamilyNotSupported {
                (
                    Fact::Determined(false),
                    unknown(&Fact::not_tested(Reason::FamilyNotRelayed)),
                )
            } else {
                let why = trouble.report.message.clone();
                (
                    Fact::inconclusive(Reason::EarlierFailure, why),
                    unknown(&Fact::not_tested(Reason::EarlierFailure)),
                )
            };
            Permissions::Known { relays, policy }
        }
        _ => Permissions::Known {
            relays: Fact::not_tested(Reason::EarlierFailure),
            policy: unknown(&Fact::not_tested(Reason::EarlierFailure)),
        },
    }
}

/// One `CreatePermission` for each peer, all at once; one alone would be refused as a whole.
async fn ask_policy(
    session: &mut Session,
    peers: impl Iterator<Item = (PeerClass, IpAddr)>,
) -> Vec<PolicyReport> {
    let mut asked: Vec<(RequestId, PolicyReport)> = peers
        .map(|(class, peer)| {
            let id = session.begin(|client, now| client.permit(now, vec![peer]));
            let report = PolicyReport {
                class,
                peer,
                allowed: Fact::inconclusive(Reason::NoResponse, "no answer"),
            };
            (id, report)
        })
        .collect();
    let mut open = asked.len();
    while open > 0 {
        match session.next().await {
            Ok(Event::Done {
                request, outcome, ..
            }) => {
                if let Some((_, report)) = asked.iter_mut().find(|(id, _)| *id == request) {
                    report.allowed = allowed(&outcome);
                    open -= 1;
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    asked.into_iter().map(|(_, report)| report).collect()
}

/// Forbidden, of another family, or not a peer at all; other errors say nothing about the policy.
fn allowed(outcome: &Result<Answer, Failure>) -> Fact<bool> {
    match outcome {
        Ok(_) => Fact::Determined(true),
        Err(Failure::Refused(error)) if matches!(error.code, 400 | 403 | 443) => {
            Fact::Determined(false)
        }
        Err(Failure::Timeout) => Fact::inconclusive(Reason::NoResponse, "no answer"),
        Err(failure) => {
            Fact::inconclusive(Reason::EarlierFailure, ErrorReport::from(failure).message)
        }
    }
}

async fn allocate(
    open: &Opening,
    around: &Surroundings,
    credentials: Option<&Credentials>,
    family: Option<Family>,
    part: u64,
) -> AllocationAttempt {
    let query = redirect::AllocationQuery {
        target: &open.target,
        source: &around.source,
        local: open.local,
        credentials,
        family,
        patience: PATIENCE,
        deadline: around.clock.now() + IN_ALL,
        seed: around.seed ^ (part << 40 | 0xff),
        clock: around.clock,
        lease: &around.lease,
    };
    let asked = redirect::allocate(&query).await;
    families::settle(asked, &query, family.unwrap_or(Family::Ipv4))
        .await
        .0
}
