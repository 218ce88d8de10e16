//! Waiting for a lock.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Call;
use crate::server::http::{Output, Request};
use crate::server::items::{Holding, Key, Tick, Ticket};
use crate::server::refusal::Refusal;
use crate::server::state::State;
use crate::wire::Target;

/// A waiter's place in the queue. When it is dropped, the place is given up, and a lock that
/// came too late goes to the next waiter if there is one.
pub(crate) struct Place {
    state: Arc<State>,
    request: Request<'static>,
    key: Key,
    hash: u64,
    ticket: Ticket,
    deadline: Tick,
    is_over: bool,
}

/// How a wait ended.
pub(crate) enum Waited {
    /// With the lock, under this cookie.
    Granted(i32),
    /// The item has gone.
    Gone,
    /// The time was over.
    TimedOut,
    /// The server drains.
    Draining,
}

impl Place {
    /// The memory that somebody who waits takes, in bytes.
    pub(crate) const COST: usize = 2 << 10;

    /// The place that a parked request got.
    pub(crate) fn new(state: Arc<State>, request: &mut Request<'_>, ticket: Ticket) -> Self {
        let request = request.take_parked();
        let key = match &request.target {
            Target::Session(key) => Key::Session(*key),
            Target::Foreign(path) => Key::Foreign(path.clone()),
            // Nothing else has a lock.
            _ => Key::Foreign(Box::default()),
        };
        state.metrics.waiters.add();
        Self {
            hash: state.keys.hash(&key),
            deadline: state.now().after(request.wait),
            state,
            request,
            key,
            ticket,
            is_over: false,
        }
    }

    /// Waits. The answer comes from whoever frees the lock; when the lease or the item runs
    /// out, this waiter looks itself.
    pub(crate) async fn wait(&mut self) -> Waited {
        let state = Arc::clone(&self.state);
        let sooner = Arc::clone(&self.ticket.sooner);
        loop {
            // Before the look, so that no news is missed in between.
            let news = pin!(sooner.notified());
            let drain = pin!(state.drain_begins());
            let wake = match self.look() {
                ControlFlow::Break(waited) => return waited,
                ControlFlow::Continue(wake) => wake,
            };
            let sleep = Duration::from_millis(state.now().until(wake));
            tokio::select! {
                biased;
                granted = &mut self.ticket.granted => {
                    self.is_over = true;
                    return granted.map_or(Waited::Gone, Waited::Granted);
                }
                () = news => {}
                () = drain => {}
                () = state.clock.sleep(sleep) => {}
            }
        }
    }

    /// Looks at the lock. Breaks with the outcome, or goes on with the time of the next look.
    fn look(&mut self) -> ControlFlow<Waited, Tick> {
        let (look_again, now) = self.state.at(&self.key, |shard, moment| {
            let item = shard.live(moment, &self.key, self.hash);
            (item.map(|item| item.look_again()), moment.now)
        });
        if let Ok(cookie) = self.ticket.granted.try_recv() {
            self.is_over = true;
            return ControlFlow::Break(Waited::Granted(cookie));
        }
        match look_again {
            None => ControlFlow::Break(Waited::Gone),
            Some(_) if now >= self.deadline => ControlFlow::Break(Waited::TimedOut),
            Some(_) if self.state.is_draining() => ControlFlow::Break(Waited::Draining),
            Some(look_again) => ControlFlow::Continue(look_again.min(self.deadline)),
        }
    }

    /// Writes the answer.
    pub(crate) fn answer(mut self, waited: &Waited, out: &mut Output) {
        self.give_up();
        let start = out.end();
        self.answer_now(waited, out);
        let state = Arc::clone(&self.state);
        state.hold_back(&self.key, &self.request, start, out);
    }

    fn answer_now(&self, waited: &Waited, out: &mut Output) {
        self.state.at(&self.key, |shard, moment| {
            let call = Call {
                request: &self.request,
                key: &self.key,
                hash: self.hash,
                limits: &self.state.limits,
                moment,
            };
            if let Waited::Draining = waited {
                return self.state.refuse(Refusal::Draining, true, None, out);
            }
            let Some(item) = call.live(shard) else {
                return call.absent(shard, out);
            };
            match waited {
                Waited::Granted(cookie) if item.holding(Some(*cookie)) == Holding::Mine => {
                    call.slide(item);
                    call.show(item, true, out);
                }
                _ => call.locked(item, out),
            }
        });
    }

    fn give_up(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let late = self.ticket.granted.try_recv().ok();
        self.state.at(&self.key, |shard, moment| {
            let Some(item) = shard.live(moment, &self.key, self.hash) else {
                return;
            };
            // It may have come while we waited for the shard.
            let late = late.or_else(|| self.ticket.granted.try_recv().ok());
            match late {
                Some(_) if item.holding(late) == Holding::Mine => item.hand_on(moment),
                Some(_) => {}
                None => {
                    if let Some(lock) = &mut item.lock {
                        lock.leave_queue(self.ticket.number);
                    }
                }
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.metrics.waiters.subtract();
        self.give_up();
    }
}
