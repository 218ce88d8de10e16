//! The rules: what each verb does to an item, and what is answered.

mod answer;
mod control;
mod delete;
mod get;
mod head;
mod listing;
mod put;
mod rename;
mod waiting;

use bytes::Bytes;

use self::answer::Call;
pub(crate) use self::waiting::Place;
use super::http::{Output, Request, Verb};
use super::items::{Key, Ticket};
use super::refusal::Refusal;
use super::state::State;
use crate::wire::{Status, Target};

/// What a request came to.
pub(crate) enum Flow {
    /// It is answered.
    Done,
    /// It waits for a lock.
    Parked(Ticket),
}

impl State {
    /// Carries a request out and writes the answer, unless it has to wait.
    pub(crate) fn answer(&self, request: &Request<'_>, body: Bytes, out: &mut Output) -> Flow {
        let key = match &request.target {
            Target::Session(key) => Key::Session(*key),
            Target::Foreign(path) => Key::Foreign(path.clone()),
            target => {
                if request.extended {
                    self.reserved(request, target, body, out);
                } else {
                    out.begin(Status::NotFound, None).finish();
                }
                return Flow::Done;
            }
        };
        if let Some(fault) = self.fault(request) {
            self.refuse(Refusal::Request, request.extended, Some(fault), out);
            return Flow::Done;
        }
        if matches!(request.verb, Verb::Put | Verb::Move) && self.has_no_disk() {
            self.refuse(Refusal::Disk, request.extended, None, out);
            return Flow::Done;
        }
        let start = out.end();
        let flow = self.act(&key, request, body, out);
        self.hold_back(&key, request, start, out);
        flow
    }

    /// Does what a request wants with the item under `key`.
    fn act(&self, key: &Key, request: &Request<'_>, body: Bytes, out: &mut Output) -> Flow {
        let hash = self.keys.hash(key);
        self.at(key, |shard, moment| {
            let call = Call {
                request,
                key,
                hash,
                limits: &self.limits,
                moment,
            };
            match request.verb {
                Verb::Get => return call.get(shard, out),
                Verb::Put => call.put(shard, body, out),
                Verb::Delete => call.delete(shard, out),
                Verb::Head => call.head(shard, out),
                Verb::Move => call.rename(shard, body, self, out),
                Verb::Other => {}
            }
            Flow::Done
        })
    }

    /// Requests to what is neither a session nor a foreign item.
    fn reserved(&self, request: &Request<'_>, target: &Target, body: Bytes, out: &mut Output) {
        match (target, request.verb) {
            (Target::Ping, Verb::Get | Verb::Head) => {
                out.begin(Status::Ok, Some(self.wall())).finish();
            }
            (Target::Control(name), Verb::Get) => self.show_row(name, out),
            (Target::Control(name), Verb::Put) => {
                self.set_row(name.clone(), request.condition, body, out);
            }
            (Target::Principal(principal), Verb::Get) => self.list(principal, request.after, out),
            (Target::Principal(principal), Verb::Delete) => {
                self.end_all(principal, request.except, out);
            }
            _ => {
                let fault = "not a verb of this target";
                self.refuse(Refusal::Request, true, Some(fault), out);
            }
        }
    }

    /// What is wrong with a request for an item.
    fn fault(&self, request: &Request<'_>) -> Option<&'static str> {
        let is_session = matches!(request.target, Target::Session(_));
        if request.principal.is_some() && !is_session {
            return Some("only sessions have a principal");
        }
        match request.verb {
            Verb::Other => Some("no such verb"),
            Verb::Move if !request.extended => Some("no such verb"),
            Verb::Move => match (&request.target, &request.destination) {
                (Target::Session(from), Some(Target::Session(to))) if from[..2] == to[..2] => None,
                _ => Some("MOVE leads from one session to another of the same route"),
            },
            _ => None,
        }
    }

    /// Answers without doing anything. Those who speak the extended protocol are told why: for
    /// `reason`, if there is more to tell than the refusal does.
    pub(crate) fn refuse(
        &self,
        refusal: Refusal,
        is_extended: bool,
        reason: Option<&str>,
        out: &mut Output,
    ) {
        out.refuse(refusal, is_extended.then(|| self.wall()), reason);
    }
}
