//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use session_core::{Acquire, Extend, LeaseToken, Loaded, StoreError, StoreKey};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::open::Tables;
use super::store::SqliteStore;
use super::write::{Head, Write, number};
use crate::shared::length::millis;
use crate::shared::turns::{Place, jitter};

/// The first and the longest pause between two looks at a lease that is held.
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_millis(100);

/// Runs in a task of its own, so that a lease that is granted when its caller has gone is given
/// back.
pub(super) async fn acquire(
    store: &Arc<SqliteStore>,
    key: StoreKey,
    lease: Duration,
    wait: Duration,
) -> Result<Acquire, StoreError> {
    let (answer, answered) = oneshot::channel();
    let waiter = Waiter {
        store: Arc::clone(store),
        key,
        lease,
        until: store.opener.time.monotonic().saturating_add(wait),
        answer,
    };
    store.runtime.spawn(waiter.run());
    match answered.await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(store.opener.target.stopped().into()),
    }
}

struct Waiter {
    store: Arc<SqliteStore>,
    key: StoreKey,
    lease: Duration,
    /// When the wait is over, on the clock that never goes back.
    until: Duration,
    answer: oneshot::Sender<Result<Acquire, Fault>>,
}

/// What came of a look at the lease.
#[derive(Debug)]
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
            match self.take().await? {
                Look::Answer(outcome) => return Ok(outcome),
                Look::Held(_) if self.left().is_zero() => return Ok(Acquire::Busy),
                Look::Held(_) => {}
            }
        }
        let place = store.turns.queue_up(self.key);
        let left = self.left();
        tokio::select! {
            biased;
            () = self.answer.closed() => Ok(Acquire::Busy),
            _turn = place.first() => self.keep_looking(&place).await,
            () = store.opener.time.sleep(left) => Ok(Acquire::Busy),
        }
    }

    /// Looks until the lease is free, the session has ended, or the wait is over.
    async fn keep_looking(&mut self, place: &Place<'_>) -> Result<Acquire, Fault> {
        let store = Arc::clone(&self.store);
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
            let sleep = pause.mul_f64(jitter()).min(held).min(left);
            tokio::select! {
                () = self.answer.closed() => return Ok(Acquire::Busy),
                () = place.changed() => {}
                () = store.opener.time.sleep(sleep) => pause = (pause * 2).min(LATE),
            }
        }
    }

    fn left(&self) -> Duration {
        let now = self.store.opener.time.monotonic();
        self.until.saturating_sub(now)
    }

    /// Reads first: as long as somebody has the lease there is nothing to write.
    async fn look(&self) -> Result<Look, Fault> {
        let key = self.key;
        let read = move |tables: &Tables<'_>| {
            let head = Head::live(&key, tables)?;
            let until = head.and_then(|head| head.leased_until);
            Ok(until.map(|until| until.since(tables.now)))
        };
        match self.store.reads.ask(read).await? {
            Some(held) if !held.is_zero() => Ok(Look::Held(held)),
            _ => self.take().await,
        }
    }

    /// Takes the lease if it is free.
    async fn take(&self) -> Result<Look, Fault> {
        let Self { key, lease, .. } = *self;
        self.store.queue.write(Taking { key, lease }).await
    }
}

#[derive(Debug)]
struct Taking {
    key: StoreKey,
    lease: Duration,
}

impl Write for Taking {
    type Outcome = Look;

    fn write(&self, tables: &Tables<'_>) -> Result<Look, Fault> {
        let now = tables.now;
        let head = Head::of(&self.key, tables)?;
        let Some(head) = head.filter(|head| !head.has_expired(now)) else {
            return Ok(Look::Answer(Acquire::Absent));
        };
        if let Some(reason) = head.ended {
            return Ok(Look::Answer(Acquire::Ended(reason)));
        }
        if let Some(until) = head.leased_until.filter(|until| *until > now) {
            return Ok(Look::Held(until.since(now)));
        }
        let token = LeaseToken::new(head.lease_token.get() + 1);
        set(&head, token, Some(self.lease), tables)?;
        let loaded: Loaded = head.loaded(tables)?;
        Ok(Look::Answer(Acquire::Acquired(token, loaded)))
    }
}

/// Changes the lease of a row.
fn set(
    head: &Head,
    token: LeaseToken,
    lease: Option<Duration>,
    tables: &Tables<'_>,
) -> Result<(), Fault> {
    let until = |lease| tables.now.as_millis().saturating_add(millis(lease));
    let values = params![head.id, number(token.get()), lease.map(until)];
    tables.execute(&tables.statements.lease, values)?;
    Ok(())
}

/// Changing the end of a lease that is held.
#[derive(Debug)]
struct Changing {
    key: StoreKey,
    token: LeaseToken,
    /// None to give it back.
    lease: Option<Duration>,
}

impl Write for Changing {
    /// Whether the token held the lease.
    type Outcome = bool;

    fn write(&self, tables: &Tables<'_>) -> Result<bool, Fault> {
        let head = Head::live(&self.key, tables)?;
        let held = |head: &Head| head.is_leased_by(self.token, tables.now);
        let Some(head) = head.filter(held) else {
            return Ok(false);
        };
        set(&head, self.token, self.lease, tables)?;
        Ok(true)
    }
}

pub(super) async fn extend(
    store: &SqliteStore,
    key: StoreKey,
    token: LeaseToken,
    lease: Duration,
) -> Result<Extend, StoreError> {
    let lease = Some(lease);
    let change = Changing { key, token, lease };
    Ok(match store.queue.write(change).await? {
        true => Extend::Extended,
        false => Extend::Lost,
    })
}

pub(super) async fn release(
    store: &SqliteStore,
    key: StoreKey,
    token: LeaseToken,
) -> Result<bool, StoreError> {
    let lease = None;
    let released = store.queue.write(Changing { key, token, lease }).await?;
    store.turns.wake(&key);
    Ok(released)
}
