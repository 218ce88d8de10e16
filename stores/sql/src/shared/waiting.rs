//! Waiting for a lease: looking again from time to time, and at once when this process gave the
//! lease back.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, Clock, LeaseToken, StoreError, StoreKey};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::turns::{Place, Turns, jitter};

/// The first and the longest pause between two looks at a lease that is held.
pub(crate) const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_millis(100);

/// What came of a look at a lease.
#[derive(Debug)]
pub(crate) enum Look {
    Answer(Acquire),
    /// Held by somebody; after this long it is worth another look.
    Held(Duration),
}

/// A store as its waiters see it.
pub(crate) trait Leases: Send + Sync + 'static {
    fn turns(&self) -> &Turns;
    fn clock(&self) -> &dyn Clock;
    fn runtime(&self) -> &Handle;

    /// Takes the lease if it is free.
    fn take(
        &self,
        key: StoreKey,
        lease: Duration,
    ) -> impl Future<Output = Result<Look, StoreError>> + Send;

    /// The same for somebody who waits, and is most often in vain.
    fn take_in_turn(
        &self,
        key: StoreKey,
        lease: Duration,
    ) -> impl Future<Output = Result<Look, StoreError>> + Send {
        self.take(key, lease)
    }

    /// Gives a lease back. Nobody is there to be told of a failure; the lease will lapse.
    fn give_back(&self, key: StoreKey, token: LeaseToken) -> impl Future<Output = ()> + Send;

    /// The runtime was shut down.
    fn stopped(&self) -> StoreError;
}

/// Takes a lease, waiting for it up to `wait`. Runs in a task of its own, so that a lease that is
/// granted when its caller has gone is given back.
pub(crate) async fn acquire<S: Leases>(
    store: &Arc<S>,
    key: StoreKey,
    lease: Duration,
    wait: Duration,
) -> Result<Acquire, StoreError> {
    let (answer, answered) = oneshot::channel();
    let waiter = Waiter {
        store: Arc::clone(store),
        key,
        lease,
        until: store.clock().monotonic().saturating_add(wait),
        answer,
    };
    store.runtime().spawn(waiter.run());
    answered.await.unwrap_or_else(|_| Err(store.stopped()))
}

struct Waiter<S: Leases> {
    store: Arc<S>,
    key: StoreKey,
    lease: Duration,
    /// When the wait is over, on the clock that never goes back.
    until: Duration,
    answer: oneshot::Sender<Result<Acquire, StoreError>>,
}

impl<S: Leases> Waiter<S> {
    async fn run(mut self) {
        let outcome = self.outcome().await;
        if let Err(Ok(Acquire::Acquired(token, _))) = self.answer.send(outcome) {
            self.store.give_back(self.key, token).await;
        }
    }

    async fn outcome(&mut self) -> Result<Acquire, StoreError> {
        let store = Arc::clone(&self.store);
        if self.left().is_zero() || !store.turns().is_awaited(&self.key) {
            match store.take(self.key, self.lease).await? {
                Look::Answer(outcome) => return Ok(outcome),
                Look::Held(_) if self.left().is_zero() => return Ok(Acquire::Busy),
                Look::Held(_) => {}
            }
        }
        let place = store.turns().queue_up(self.key);
        let over = store.clock().sleep(self.left());
        tokio::select! {
            biased;
            () = self.answer.closed() => Ok(Acquire::Busy),
            _turn = place.first() => self.keep_looking(&place).await,
            () = over => Ok(Acquire::Busy),
        }
    }

    /// Looks until the lease is free, the session has ended, or the wait is over. A look is
    /// never dropped half-way, since it may have taken the lease.
    async fn keep_looking(&mut self, place: &Place<'_>) -> Result<Acquire, StoreError> {
        let mut pause = SOON;
        loop {
            let held = match self.store.take_in_turn(self.key, self.lease).await? {
                Look::Answer(outcome) => return Ok(outcome),
                Look::Held(held) => held,
            };
            let left = self.left();
            if left.is_zero() {
                return Ok(Acquire::Busy);
            }
            let sleep = pause.mul_f64(jitter()).min(held).min(left);
            let sleep = self.store.clock().sleep(sleep);
            tokio::select! {
                () = self.answer.closed() => return Ok(Acquire::Busy),
                () = place.changed() => {}
                () = sleep => pause = (pause * 2).min(LATE),
            }
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_sub(self.store.clock().monotonic())
    }
}
