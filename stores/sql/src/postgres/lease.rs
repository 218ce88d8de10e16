//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back.
//!
//! `LISTEN` and `NOTIFY` would tell them of other processes too, but a `NOTIFY` takes a lock of
//! the whole database at its commit, so every release would queue up behind every other.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_core::{Acquire, Clock, Extend, LeaseToken, LeaseUse, StoreError, StoreKey};
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::row::Reader;
use super::store::PostgresStore;
use super::write::token;
use crate::shared::length::millis;
use crate::shared::turns::{Place, jitter};

/// The first and the longest pause between two looks at a lease that is held.
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_millis(100);

/// Runs in a task of its own, so that a lease that is granted when its caller has gone is given
/// back.
pub(super) async fn acquire(
    store: &Arc<PostgresStore>,
    key: StoreKey,
    lease: Duration,
    wait: Duration,
) -> Result<Acquire, StoreError> {
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
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(store.target().stopped().into()),
    }
}

struct Waiter {
    store: Arc<PostgresStore>,
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
        let _ = release(&self.store, self.key, token).await;
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

    async fn look(&self) -> Result<Look, Fault> {
        let key = self.key.as_bytes().as_slice();
        let statement = &self.store.statements.acquire;
        let lease = millis(self.lease);
        let answer = self.store.pooled.insist(statement, &[&key, &lease]).await?;
        match answer.row() {
            None => Ok(Look::Answer(Acquire::Absent)),
            Some(row) => seen(Reader::new(row, self.store.target())),
        }
    }
}

fn seen(reader: Reader<'_>) -> Result<Look, Fault> {
    if let Some(reason) = reader.ended(0)? {
        return Ok(Look::Answer(Acquire::Ended(reason)));
    }
    if let Some(token) = reader.token(9)? {
        return Ok(Look::Answer(Acquire::Acquired(token, reader.loaded(1)?)));
    }
    let now: SystemTime = reader.get(4)?;
    let until: Option<SystemTime> = reader.get(8)?;
    let held = until.and_then(|until| until.duration_since(now).ok());
    Ok(Look::Held(held.unwrap_or_default()))
}

pub(super) async fn extend(
    store: &Arc<PostgresStore>,
    key: StoreKey,
    lease_token: LeaseToken,
    lease: Duration,
) -> Result<Extend, StoreError> {
    let key = key.as_bytes().as_slice();
    let number = token(LeaseUse::Hold(lease_token));
    let statement = &store.statements.extend;
    let lease = millis(lease);
    let parameters: [&(dyn ToSql + Sync); 3] = [&key, &number, &lease];
    Ok(
        match store.pooled.insist(statement, &parameters).await?.row() {
            Some(_) => Extend::Extended,
            None => Extend::Lost,
        },
    )
}

pub(super) async fn release(
    store: &Arc<PostgresStore>,
    key: StoreKey,
    lease_token: LeaseToken,
) -> Result<bool, StoreError> {
    let bytes = key.as_bytes().as_slice();
    let number = token(LeaseUse::Release(lease_token));
    let statement = &store.statements.release;
    let answer = store.pooled.insist(statement, &[&bytes, &number]).await?;
    let released = answer.row().is_some();
    store.turns.wake(&key);
    Ok(released)
}
