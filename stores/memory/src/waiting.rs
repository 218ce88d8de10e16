//! Waiting for a lease.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use session_core::{Acquire, StoreKey};
use tokio::sync::futures::Notified;

use crate::lease::{Attempt, Ticket};
use crate::moment::Tick;
use crate::store::MemoryStore;

/// A waiter's place in the queue. When it is dropped, the place is given up and a lease that
/// came too late goes back, to the next waiter if there is one.
struct Place {
    store: Arc<MemoryStore>,
    key: StoreKey,
    ticket: Ticket,
    answered: bool,
}

impl MemoryStore {
    pub(crate) async fn take_lease(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Acquire {
        let may_wait = !wait.is_zero();
        let (attempt, deadline) = self.at(&key, |shard, moment| {
            let attempt = shard.acquire(moment, &key, lease, may_wait);
            (attempt, moment.now.after(wait))
        });
        match attempt {
            Attempt::Over(outcome) => outcome,
            Attempt::Queued(ticket) => Place::new(self, key, ticket).outcome(deadline).await,
        }
    }
}

impl Place {
    fn new(store: Arc<MemoryStore>, key: StoreKey, ticket: Ticket) -> Self {
        Self {
            store,
            key,
            ticket,
            answered: false,
        }
    }

    /// The answer, which comes from whoever frees the lease; when the lease or the session runs
    /// out, this waiter looks itself.
    async fn outcome(mut self, deadline: Tick) -> Acquire {
        let sooner = Arc::clone(&self.ticket.sooner);
        loop {
            // Before the look, so that no news is missed in between.
            let news = pin!(sooner.notified());
            let wake = match self.look(deadline) {
                ControlFlow::Break(outcome) => return outcome,
                ControlFlow::Continue(wake) => wake,
            };
            if let Some(outcome) = self.answer_before(wake, news).await {
                return outcome;
            }
        }
    }

    /// Looks at the lock. Breaks with the outcome, or goes on with the time of the next look.
    fn look(&mut self, deadline: Tick) -> ControlFlow<Acquire, Tick> {
        let key = self.key;
        let (look_again, now) = self.store.at(&key, |shard, moment| {
            (shard.look_at_lock(moment, &key), moment.now)
        });
        if let Ok(answer) = self.ticket.answer.try_recv() {
            self.answered = true;
            return ControlFlow::Break(answer);
        }
        match look_again {
            None => ControlFlow::Break(Acquire::Absent),
            Some(_) if now >= deadline => ControlFlow::Break(Acquire::Busy),
            Some(look_again) => ControlFlow::Continue(look_again.min(deadline)),
        }
    }

    /// The answer if it comes before `wake` and before `news`.
    async fn answer_before(
        &mut self,
        wake: Tick,
        mut news: Pin<&mut Notified<'_>>,
    ) -> Option<Acquire> {
        let clock = self.store.clock();
        let mut sleep = clock.sleep(Tick::of(clock).until(wake));
        let answer = poll_fn(|context| {
            if let Poll::Ready(answer) = Pin::new(&mut self.ticket.answer).poll(context) {
                return Poll::Ready(Some(answer));
            }
            if news.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            sleep.as_mut().poll(context).map(|()| None)
        });
        let answer = answer.await?;
        self.answered = true;
        // Without an answer the session was removed together with its queue.
        Some(answer.unwrap_or(Acquire::Absent))
    }

    fn give_up(&mut self) {
        let (key, number) = (self.key, self.ticket.number);
        self.store
            .at(&key, |shard, _| shard.leave_queue(&key, number));
        if let Ok(Acquire::Acquired(token, _)) = self.ticket.answer.try_recv() {
            self.store
                .at(&key, |shard, moment| shard.release(moment, &key, token));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.answered {
            self.give_up();
        }
    }
}
