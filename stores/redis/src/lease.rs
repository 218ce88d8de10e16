//! Leases.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, Extend, LeaseToken, StoreError, StoreKey};
use tokio::time::sleep;

use crate::fleet::Kind;
use crate::moment::Moment;
use crate::reply::{Reply, foreign};
use crate::script;
use crate::server::jittered;
use crate::store::RedisStore;
use crate::value::millis;

/// The shortest and the longest pause between two questions of somebody who waits.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

impl RedisStore {
    /// Asks again and again until the lease is there or the wait is over.
    pub(crate) async fn take_lease(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        let deadline = Moment::from_now(wait);
        let mut pause = PAUSES.0;
        loop {
            let lasts = match self.try_lease(&key, lease).await? {
                Ok(acquire) => return Ok(acquire),
                Err(lasts) => lasts,
            };
            let left = deadline.left();
            if left.is_zero() {
                return Ok(Acquire::Busy);
            }
            // Nobody has to ask long before the lease runs out.
            sleep(jittered(pause).min(lasts).min(left)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// One attempt; how long somebody else's lease still lasts if it fails.
    async fn try_lease(
        &self,
        key: &StoreKey,
        lease: Duration,
    ) -> Result<Result<Acquire, Duration>, StoreError> {
        let name = self.keys.session(key);
        let lease = millis(lease);
        let answers = self.fleet.ask(name.slot, Kind::Write, |form| {
            let mut command = script::ACQUIRE.command(form, &[&name.bytes]);
            command.arg(lease);
            command.into()
        });
        Ok(Ok(match Reply::read(answers.await?)? {
            Reply::Missing => Acquire::Absent,
            Reply::Ended(reason) => Acquire::Ended(reason),
            Reply::Busy(lasts) => return Ok(Err(Duration::from_millis(lasts.max(1)))),
            Reply::Current(now, live) => {
                Acquire::Acquired(LeaseToken::new(live.token), live.loaded(now))
            }
            _ => return Err(foreign()),
        }))
    }

    pub(crate) async fn extend_lease(
        &self,
        key: &StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        // Zero would give it back.
        let is_held = self.change_lease(key, token, millis(lease).max(1)).await?;
        Ok(if is_held {
            Extend::Extended
        } else {
            Extend::Lost
        })
    }

    /// Sets the end of a lease to `length` from now, or gives it back; `false` if it is not held.
    pub(crate) async fn change_lease(
        &self,
        key: &StoreKey,
        token: LeaseToken,
        length: u64,
    ) -> Result<bool, StoreError> {
        let name = self.keys.session(key);
        let answers = self.fleet.ask(name.slot, Kind::Write, |form| {
            let mut command = script::LEASE.command(form, &[&name.bytes]);
            command.arg(&token.get().to_be_bytes()).arg(length);
            command.into()
        });
        match Reply::read(answers.await?)? {
            Reply::Done(_) => Ok(true),
            Reply::Missing | Reply::Leased | Reply::Ended(_) => Ok(false),
            _ => Err(foreign()),
        }
    }
}
