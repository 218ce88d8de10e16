//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back.

use std::time::Duration;

use rusqlite::params;
use session_core::{Acquire, Clock, Extend, LeaseToken, Loaded, StoreError, StoreKey};
use tokio::runtime::Handle;

use super::fault::Fault;
use super::open::Tables;
use super::store::SqliteStore;
use super::write::{Head, Write, number};
use crate::shared::length::millis;
use crate::shared::turns::Turns;
use crate::shared::waiting::{Leases, Look};

impl Leases for SqliteStore {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn clock(&self) -> &dyn Clock {
        self.opener.time.clock()
    }

    fn runtime(&self) -> &Handle {
        &self.runtime
    }

    async fn take(&self, key: StoreKey, lease: Duration) -> Result<Look, StoreError> {
        Ok(self.queue.write(Taking { key, lease }).await?)
    }

    /// Reads first: as long as somebody has the lease there is nothing to write.
    async fn take_in_turn(&self, key: StoreKey, lease: Duration) -> Result<Look, StoreError> {
        let read = move |tables: &Tables<'_>| {
            let head = Head::live(&key, tables)?;
            let until = head.and_then(|head| head.leased_until);
            Ok(until.map(|until| until.since(tables.now)))
        };
        match self.reads.ask(read).await? {
            Some(held) if !held.is_zero() => Ok(Look::Held(held)),
            _ => self.take(key, lease).await,
        }
    }

    async fn give_back(&self, key: StoreKey, token: LeaseToken) {
        let _ = release(self, key, token).await;
    }

    fn stopped(&self) -> StoreError {
        self.opener.target.stopped().into()
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
