//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back. (`GET_LOCK` has a queue of waiters, but each of them keeps a connection busy, and its
//! locks do not end.)

use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, Clock, Extend, LeaseToken, LeaseUse, StoreKey};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::row::{Reader, millis as from_millis};
use super::store::Inner;
use super::write::token;
use crate::shared::length::millis;
use crate::shared::turns::{Place, jitter};

/// The first and the longest pause between two looks at a lease that is held.
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_millis(100);

/// Runs in a task of its own, so that a lease that is granted when its caller has gone is given
/// back.
pub(super) async fn acquire(
    store: &Arc<Inner>,
    key: StoreKey,
    lease: Duration,
    wait: Duration,
) -> Result<Acquire, Fault> {
    let (answer, answered) = oneshot::channel();
    let waiter = Waiter {
        store: Arc::clone(store),
        key,
        lease,
        until: store.dialer.clock.monotonic().saturating_add(wait),
        answer,
    };
    store.dialer.runtime.spawn(waiter.run());
    match answered.await {
        Ok(outcome) => outcome,
        Err(_) => Err(store.target().stopped()),
    }
}

struct Waiter {
    store: Arc<Inner>,
    key: StoreKey,
    lease: Duration,
    /// When the wait is over, on the clock that never goes back.
    until: Duration,
    answer: oneshot::Sender<Result<Acquire, Fault>>,
}

/// What came of a look at the lease.
enum Look {
    Answer(Acquire),
    /// Held by somebody for this long.
    Held(Duration),
}

impl Waiter {
    async fn run(mut self) {
        let outcome = self.outcome().await;
        let Err(Ok(Acquire::Acquired(token, _))) = self.answer.send(outcome) else {
            return;
        };
        // Nobody is there to be told of a failure; the lease will lapse.
        let _ = self.store.release(&self.key, token).await;
    }

    async fn outcome(&mut self) -> Result<Acquire, Fault> {
        let store = Arc::clone(&self.store);
        if self.left().is_zero() || !store.turns.is_awaited(&self.key) {
            match self.look().await? {
                Look::Answer(outcome) => return Ok(outcome),
                Look::Held(_) if self.left().is_zero() => return Ok(Acquire::Busy),
                Look::Held(_) => {}
            }
        }
        let place = store.turns.queue_up(self.key);
        let left = self.left();
        let first = tokio::select! {
            biased;
            () = self.answer.closed() => return Ok(Acquire::Busy),
            first = tokio::time::timeout(left, place.first()) => first,
        };
        match first {
            Ok(_turn) => self.keep_looking(&place).await,
            Err(_) => Ok(Acquire::Busy),
        }
    }

    /// Looks until the lease is free, the session has ended, or the wait is over. A look is
    /// never dropped half-way, since it may have taken the lease.
    async fn keep_looking(&mut self, place: &Place<'_>) -> Result<Acquire, Fault> {
        let mut pause = SOON;
        loop {
            let held = match self.look().await? {
                Look::Answer(outcome) => return Ok(outcome),
                Look::Held(held) => held,
            };
            let left = self.left();
            if left.is_zero() {
                return Ok(Acquire::Busy);
            }
            let sleep = pause.mul_f64(jitter()).min(held + SOON).min(left);
            tokio::select! {
                () = self.answer.closed() => return Ok(Acquire::Busy),
                () = place.changed() => {}
                () = tokio::time::sleep(sleep) => pause = (pause * 2).min(LATE),
            }
        }
    }

    fn left(&self) -> Duration {
        let now = self.store.dialer.clock.monotonic();
        self.until.saturating_sub(now)
    }

    /// Takes the lease if it is free, and reads the row. While we have it nobody else saves, so
    /// what is read after it was taken is what it protects.
    async fn look(&self) -> Result<Look, Fault> {
        let deadline = self.store.deadline();
        let statement = &self.store.statements.acquire;
        let parameters = (millis(self.lease), self.key.as_bytes().as_slice());
        let taken = self.store.ask(statement, parameters, deadline).await?;
        let answer = self.store.look(&self.key, deadline).await?;
        let Some(row) = answer.row() else {
            return Ok(Look::Answer(Acquire::Absent));
        };
        let reader = Reader::new(row, self.store.target());
        if let Some(reason) = reader.ended(0)? {
            return Ok(Look::Answer(Acquire::Ended(reason)));
        }
        if taken.found() {
            let number = taken.number();
            let no_token = || reader.corrupt("a lease without a token");
            let token = LeaseToken::new(number.ok_or_else(no_token)?);
            return Ok(Look::Answer(Acquire::Acquired(token, reader.loaded(1)?)));
        }
        let until = reader.optional(8)?.unwrap_or_default();
        Ok(Look::Held(from_millis(until - reader.number(4)?)))
    }
}

impl Inner {
    pub(super) async fn extend(
        &self,
        key: &StoreKey,
        lease_token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, Fault> {
        let number = token(LeaseUse::Hold(lease_token));
        let parameters = (millis(lease), key.as_bytes().as_slice(), number);
        let deadline = self.deadline();
        let statement = &self.statements.extend;
        let answer = self.ask(statement, parameters, deadline).await?;
        Ok(match answer.found() {
            true => Extend::Extended,
            false => Extend::Lost,
        })
    }

    pub(super) async fn release(
        &self,
        key: &StoreKey,
        lease_token: LeaseToken,
    ) -> Result<bool, Fault> {
        let number = token(LeaseUse::Release(lease_token));
        let parameters = (key.as_bytes().as_slice(), number);
        let deadline = self.deadline();
        let statement = &self.statements.release;
        let released = self.ask(statement, parameters, deadline).await?.found();
        self.turns.wake(key);
        Ok(released)
    }
}
