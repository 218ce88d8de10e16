//! A lease that a request holds: extended while it lives, given back when it goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::Engine;
use crate::id::StoreKey;
use crate::record::{EndReason, Loaded};
use crate::store::{Acquire, Extend, LeaseToken, StoreError};

/// A lease; dropping it gives it back.
pub(super) struct HeldLease {
    engine: Engine,
    key: StoreKey,
    token: LeaseToken,
    extender: Option<AbortHandle>,
    /// Whether there is still something to give back.
    held: bool,
}

impl HeldLease {
    fn new(engine: Engine, key: StoreKey, token: LeaseToken) -> Self {
        let extender = engine.spawn(extend(engine.clone(), key, token));
        Self {
            engine,
            key,
            token,
            extender,
            held: true,
        }
    }

    pub(super) fn token(&self) -> LeaseToken {
        self.token
    }

    /// Notes that the store has given the lease to nobody: it ended with a write, or with the
    /// session.
    pub(super) fn ended(mut self) {
        self.held = false;
    }

    /// Gives the lease back.
    pub(super) async fn release(mut self) {
        self.held = false;
        self.stop_extending();
        self.engine.release(self.key, self.token).await;
    }

    fn stop_extending(&mut self) {
        if let Some(extender) = self.extender.take() {
            extender.abort();
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.stop_extending();
        if self.held {
            let engine = self.engine.clone();
            let (key, token) = (self.key, self.token);
            self.engine
                .spawn(async move { engine.release(key, token).await });
        }
    }
}

impl fmt::Debug for HeldLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLease")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// What an attempt to get a lease came to.
pub(super) enum Acquired {
    /// It is ours, and this is the record.
    Lease(HeldLease, Box<Loaded>),
    Busy,
    Absent,
    Ended(EndReason),
}

impl Engine {
    /// Takes a session's lease, waiting up to `wait`. If the request goes away meanwhile, the
    /// lease that it gets all the same is given back.
    pub(super) async fn acquire(
        &self,
        key: StoreKey,
        wait: Duration,
    ) -> Result<Acquired, StoreError> {
        let engine = self.clone();
        let deadline = wait + self.config().operation_timeout();
        let acquiring = async move {
            let length = engine.config().lock_lease();
            let operation = Arc::clone(&engine.inner.store).acquire(key, length, wait);
            let acquired = engine.call_within(&key, deadline, operation).await?;
            Ok(match acquired {
                Acquire::Acquired(token, loaded) => {
                    Acquired::Lease(HeldLease::new(engine, key, token), Box::new(loaded))
                }
                Acquire::Busy => Acquired::Busy,
                Acquire::Absent => Acquired::Absent,
                Acquire::Ended(reason) => Acquired::Ended(reason),
            })
        };
        self.detached(deadline, Box::pin(acquiring)).await.flatten()
    }

    async fn release(&self, key: StoreKey, token: LeaseToken) {
        let released = Arc::clone(&self.inner.store).release(key, token);
        if let Err(error) = self.call(&key, released).await {
            tracing::warn!(%error, "a session's lease was not given back; it runs out by itself");
        }
    }
}

/// Extends a lease at every third of its length, until it is lost or this task is aborted.
async fn extend(engine: Engine, key: StoreKey, token: LeaseToken) {
    let lease = engine.config().lock_lease();
    loop {
        tokio::time::sleep(lease / 3).await;
        let extended = Arc::clone(&engine.inner.store).extend(key, token, lease);
        // Aborting this task must not break off what the store has begun.
        match engine.read(&key, extended).await {
            Ok(Extend::Extended) => {}
            Ok(Extend::Lost) => {
                tracing::warn!("a session's lease was lost; the request's write will be refused");
                return;
            }
            Err(error) => tracing::warn!(%error, "a session's lease was not extended"),
        }
    }
}
