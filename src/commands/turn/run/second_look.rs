//! What stands at a port that takes connections and does not speak TURN, and beside one that is silent.

use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::second_look;
use crate::commands::turn::report::TransportReport;
use crate::commands::turn::run::{TurnRun, announce};
use crate::net::link::Target;
use crate::net::look::{Look, other_ports};
use crate::proto::stun::uri::Transport;

impl TurnRun<'_> {
    /// Looks again at all that failed before TURN was heard, and says better what it is.
    pub(super) async fn look_again(&mut self) {
        let mut looks = JoinSet::new();
        for index in 0..self.settled.len() {
            if let Some((look, report)) = self.look_of(index) {
                let (stage, error) = (report.stage, report.error.clone());
                looks.spawn(async move {
                    let better = match &error {
                        Some(error) if is_silent_over_udp(&look, error) => {
                            let (server, local) = (look.target.address, look.local);
                            other_ports::of_silent(server, &look.source, local, true).await
                        }
                        Some(error) => look.explain(stage, error).await,
                        None => None,
                    };
                    (index, better)
                });
            }
        }
        while let Some(done) = looks.join_next().await {
            if let Ok((index, Some(better))) = done
                && let Some(report) = &mut self.settled[index]
            {
                report.fail(report.stage, better);
                announce(&self.events, report);
            }
        }
        self.look_beside().await;
    }

    /// Where nothing was heard of TURN at all, the port of the web may tell where the name leads.
    async fn look_beside(&mut self) {
        let is_silent = |report: &TransportReport| {
            report.realm.is_none()
                && report.error.as_ref().is_some_and(|e| {
                    matches!(
                        e.code,
                        Code::Timeout | Code::Refused | Code::Unreachable | Code::Rejected
                    )
                })
        };
        let all_silent = self.settled.iter().flatten().all(is_silent);
        let furthest = (0..self.settled.len())
            .filter(|index| self.look_of(*index).is_some())
            .max_by_key(|index| self.settled[*index].as_ref().map(|report| report.stage));
        let (true, Some(index)) = (all_silent, furthest) else {
            return;
        };
        let Some((look, report)) = self.look_of(index) else {
            return;
        };
        let (stage, error) = (report.stage, report.error.clone());
        if let Some(error) = error {
            let better = look.better(stage, error.clone(), look.beside()).await;
            if better != error
                && let Some(report) = &mut self.settled[index]
            {
                report.fail(stage, better);
                announce(&self.events, report);
            }
        }
    }

    /// How to look at one that failed without a word of TURN. Where the URI leaves the transport open,
    /// another one may have the port.
    fn look_of(&self, index: usize) -> Option<(Look, &TransportReport)> {
        let report = self.settled[index].as_ref()?;
        let error = report.error.as_ref()?;
        let address = report.address?;
        // Of UDP a filter may take no more than STUN.
        let is_udp = report.transport == Transport::Udp;
        let taken = !is_udp
            && self.settled.iter().flatten().any(|other| {
                other.address == Some(address)
                    && (other.relayed_address.is_some() || other.realm.is_some())
            });
        if report.realm.is_some() || error.is_cut_short() || taken {
            return None;
        }
        let target = Target {
            address,
            ..self.trials.get(index)?.target.clone()
        };
        let look = second_look::of(target, &self.around.source, report.local_address?, true);
        Some((look, report))
    }
}

fn is_silent_over_udp(look: &Look, error: &ErrorReport) -> bool {
    look.target.transport == Transport::Udp && error.code == Code::Timeout
}
