//! Waiting for a lock.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;

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
        let outcome = match self.ticket.granted.try_recv() {
            Ok(cookie) => Some(Waited::Granted(cookie)),
            // Another item may have come in its place.
            Err(TryRecvError::Closed) => Some(Waited::Gone),
            Err(TryRecvError::Empty) => None,
        };
        if let Some(outcome) = outcome {
            self.is_over = true;
            return ControlFlow::Break(outcome);
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
        self.state.at(&self.key, |shard, moment| {
            let Some(item) = shard.live(moment, &self.key, self.hash) else {
                return;
            };
            match self.ticket.granted.try_recv() {
                Ok(late) if item.holding(Some(late)) == Holding::Mine => item.hand_on(moment),
                // If it is closed, the place was in the queue of an item that has gone.
                Ok(_) | Err(TryRecvError::Closed) => {}
                Err(TryRecvError::Empty) => {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use session_core::testing::ManualClock;

    use super::{Arc, Output, Place, Request, State, Waited};
    use crate::server::config::Limits;
    use crate::server::http::Head;
    use crate::server::token::Tokens;
    use crate::server::verbs::Flow;

    /// The place in the queue that a request got, or its answer.
    fn ask(state: &Arc<State>, line: &str, headers: &str) -> Result<Place, String> {
        let text = format!("{line} HTTP/1.1\r\nSession-Protocol: 1\r\n{headers}\r\n");
        let head = Head::parse(text.as_bytes(), state.head_limits());
        let head = head.unwrap_or_else(|_| panic!("no head: {text}"));
        let mut request = Request::read(&head).unwrap();
        let mut out = Output::default();
        match state.answer(&request, Bytes::new(), &mut out) {
            Flow::Parked(ticket) => Ok(Place::new(Arc::clone(state), &mut request, ticket)),
            Flow::Done => Err(String::from_utf8(out.buffer).unwrap()),
        }
    }

    #[track_caller]
    fn done(state: &Arc<State>, line: &str, headers: &str) {
        let answer = ask(state, line, headers).err().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    const ACQUIRE: &str = "Exclusive: acquire\r\nSession-Wait: 1000\r\n";

    fn state() -> Arc<State> {
        let clock = Arc::new(ManualClock::default());
        let state = State::new(Limits::default(), Tokens::default(), clock);
        Arc::new(state)
    }

    fn put_and_lock(state: &Arc<State>) {
        done(state, "PUT /a", "");
        done(state, "GET /a", ACQUIRE);
    }

    /// The answers before a waiter's may take long to be written, and only then it waits.
    #[tokio::test]
    async fn an_item_that_was_replaced_before_the_wait_is_gone() {
        let state = state();
        put_and_lock(&state);
        let mut place = ask(&state, "GET /a", ACQUIRE).unwrap();
        done(&state, "DELETE /a", "");
        put_and_lock(&state);
        let waited = place.wait().await;
        assert!(matches!(waited, Waited::Gone));
    }

    /// Each lock numbers those who wait for it.
    #[tokio::test]
    async fn who_waited_for_another_item_takes_nobodys_place() {
        let state = state();
        put_and_lock(&state);
        let former = ask(&state, "GET /a", ACQUIRE).unwrap();
        done(&state, "DELETE /a", "");
        put_and_lock(&state);
        let mut place = ask(&state, "GET /a", ACQUIRE).unwrap();
        drop(former);
        done(&state, "GET /a", "Exclusive: release\r\nLockCookie: 2\r\n");
        assert!(matches!(place.wait().await, Waited::Granted(3)));
    }
}
