//! Leases. Waiters look again from time to time, and at once when this process gave the lease
//! back. (`GET_LOCK` has a queue of waiters, but each of them keeps a connection busy, and its
//! locks do not end.)

use std::time::Duration;

use session_core::{Acquire, Clock, Extend, LeaseToken, LeaseUse, StoreError, StoreKey};
use tokio::runtime::Handle;

use super::fault::Fault;
use super::row::{Reader, millis as from_millis};
use super::store::Inner;
use super::write::token;
use crate::shared::length::millis;
use crate::shared::turns::Turns;
use crate::shared::waiting::{Leases, Look, SOON};

impl Leases for Inner {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn clock(&self) -> &dyn Clock {
        &self.dialer.clock
    }

    fn runtime(&self) -> &Handle {
        &self.dialer.runtime
    }

    /// Takes the lease, and reads the row. While we have it nobody else saves, so
    /// what is read after it was taken is what it protects.
    async fn take(&self, key: StoreKey, lease: Duration) -> Result<Look, StoreError> {
        let deadline = self.deadline();
        let statement = &self.statements.acquire;
        let parameters = (millis(lease), key.as_bytes().as_slice());
        let taken = self.ask(statement, parameters, deadline).await?;
        let answer = self.look(&key, deadline).await?;
        let Some(row) = answer.row() else {
            return Ok(Look::Answer(Acquire::Absent));
        };
        let reader = Reader::new(row, self.target());
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
        Ok(Look::Held(from_millis(until - reader.number(4)?) + SOON))
    }

    async fn give_back(&self, key: StoreKey, token: LeaseToken) {
        let _ = self.release(&key, token).await;
    }

    fn stopped(&self) -> StoreError {
        self.target().stopped().into()
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
