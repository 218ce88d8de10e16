//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back.
//!
//! `LISTEN` and `NOTIFY` would tell them of other processes too, but a `NOTIFY` takes a lock of
//! the whole database at its commit, so every release would queue up behind every other.

use std::time::{Duration, SystemTime};

use session_core::{Acquire, Clock, Extend, LeaseToken, LeaseUse, StoreError, StoreKey};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::row::Reader;
use super::store::PostgresStore;
use super::write::token;
use crate::shared::length::millis;
use crate::shared::turns::Turns;
use crate::shared::waiting::{Leases, Look, SOON};

impl Leases for PostgresStore {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn clock(&self) -> &dyn Clock {
        &self.dialer.clock
    }

    fn runtime(&self) -> &Handle {
        &self.dialer.runtime
    }

    async fn take(&self, key: StoreKey, lease: Duration) -> Result<Look, StoreError> {
        let (key, lease) = (key.as_bytes().as_slice(), millis(lease));
        let statement = &self.statements.acquire;
        let answer = self.pooled.insist(statement, &[&key, &lease]).await?;
        match answer.row() {
            None => Ok(Look::Answer(Acquire::Absent)),
            Some(row) => Ok(seen(Reader::new(row, self.target()))?),
        }
    }

    async fn give_back(&self, key: StoreKey, token: LeaseToken) {
        let _ = release(self, key, token).await;
    }

    fn stopped(&self) -> StoreError {
        self.target().stopped().into()
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
    Ok(Look::Held(held.unwrap_or_default() + SOON))
}

pub(super) async fn extend(
    store: &PostgresStore,
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
    store: &PostgresStore,
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
