//! What gathering brings: bases, relays, servers, and the datagrams that come in.

use crate::base::codes::Code;
use crate::base::expiry::explain_refusal;
use crate::base::time::Time;
use crate::base::words::counted;
use crate::commands::gather::report::GatherServerReport;
use crate::commands::gather::run;
use crate::commands::gather::run::supply::Supply;
use crate::commands::pair::report::{StepSide, TimelineEvent};
use crate::commands::pair::run::Event;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::paths::Means;
use crate::commands::pair::verdict::causes::server_facts;
use crate::proto::ice::causes::{EndedRelay, ServerFacts};
use crate::proto::signal::message::Message;

impl Meeting<'_> {
    pub fn take_supply(&mut self, supply: Supply) {
        let now = self.clock.now();
        match supply {
            Supply::Base { address, socket } => self.offer(address, Means::Socket(socket)),
            Supply::Relay { relayed, commands } => {
                self.offer(relayed, Means::Relay(commands));
            }
            Supply::Datagram { at, source, bytes } => {
                if let Some(base) = self.paths.find(at) {
                    self.take_datagram(base, source, &bytes);
                }
            }
            Supply::Permitted {
                relayed,
                peer,
                outcome,
            } => {
                if let Some(base) = self.paths.find(relayed) {
                    // What this side asked for itself gives no new hope.
                    if !self.take_own_permission(relayed, peer, outcome.is_ok()) {
                        self.progress.grown.1 = now;
                    }
                    self.checks.permitted(now, base, peer, outcome);
                }
            }
            Supply::TooLarge { length } => self.flow.quality.too_large(now, length),
            Supply::RelayEnded { relayed, error } => {
                if let Some(base) = self.paths.find(relayed) {
                    self.checks.end_base(base);
                    let code = error.code;
                    self.own
                        .found
                        .ended_relays
                        .push(EndedRelay { relayed, code });
                    let why = if code == Code::AllocationMismatch {
                        "the TURN server ended it by itself (437)".to_owned()
                    } else {
                        error.message
                    };
                    self.record.ended_relays.push((relayed, why));
                }
            }
            Supply::DirectsComplete { has_udp } => {
                self.own.directs = Some(has_udp);
                self.checks.local_directs_complete(now, has_udp);
                if self.progress.is_described {
                    self.say(Message::DirectsComplete { udp: has_udp });
                }
            }
            Supply::Complete => self.take_complete(now),
            Supply::Event(event) => self.take_gathered(event),
        }
    }

    fn take_complete(&mut self, now: Time) {
        self.own.complete_at = Some(now);
        let count = self.own.candidates.len();
        self.note(
            TimelineEvent::GatheringComplete,
            counted(count, "candidate"),
        );
        if self.progress.is_described {
            self.say(Message::Complete);
        }
    }

    fn take_gathered(&mut self, event: run::Event) {
        match event {
            run::Event::Candidate(report) => self.take_candidate(&report),
            run::Event::Server(mut report) => {
                self.date_refusal(&mut report);
                self.explain_silence(&mut report);
                let facts = server_facts(&report);
                self.note_server(StepSide::Local, &facts);
                self.own.servers.push(facts.clone());
                if self.progress.is_described {
                    self.say(Message::Server(facts));
                }
                let _ = self.record.events.send(Event::Server(report));
            }
            run::Event::Redundant(_) => {}
        }
    }

    /// Those that had not answered when the session ended: who hears of none believes that there is none.
    pub(super) fn tell_unfinished_servers(&mut self) {
        let told = &self.own.servers;
        let asked = self.options.gather.servers.iter();
        let unfinished: Vec<ServerFacts> = asked
            .map(|server| &server.uri)
            .filter(|uri| {
                let name = uri.to_string();
                !told.iter().any(|facts| facts.uri == name)
            })
            .map(|uri| ServerFacts {
                uri: uri.to_string(),
                address: None,
                transport: uri.transport,
                is_turn: uri.is_turn(),
                error: Some(Code::CutShort),
                detail: None,
            })
            .collect();
        for facts in unfinished {
            self.say(Message::Server(facts));
        }
    }

    /// A server that refuses time-limited credentials whose time has passed refuses them for that.
    pub(in crate::commands::pair::run) fn date_refusal(&self, report: &mut GatherServerReport) {
        let mut asked = self.options.gather.servers.iter();
        let named = asked.find(|server| server.uri.to_string() == report.uri);
        let expiry = named.and_then(|server| server.credentials.as_ref()?.expires());
        if let (Some(error), Some(expiry)) = (&mut report.error, expiry) {
            explain_refusal(error, expiry, self.clock.unix_now());
        }
    }
}
