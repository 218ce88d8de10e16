//! Whether sessions can be served now, and why not.

use std::sync::Arc;

use super::Engine;
use super::proof::Unproved;
use crate::machine_key::{KeyRingBehind, KeyRingDrift};
use crate::store::{Role, StoreError};

/// The engine is not ready to serve sessions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store cannot be reached or failed.
    #[error("the session store failed: {0}")]
    Store(#[from] StoreError),
    /// The store takes no writes.
    #[error("the {store} store is read-only: point the configuration at the primary")]
    ReadOnly {
        /// The store's name.
        store: &'static str,
    },
    /// The key ring is not that of the farm. An application that starts should end with this
    /// error; no session is served until the ring, or the farm's, is another one.
    #[error(transparent)]
    Drift(#[from] KeyRingDrift),
    /// The key ring lacks keys that the farm uses already. This ends when the ring is brought up
    /// to date.
    #[error(transparent)]
    Behind(#[from] KeyRingBehind),
}

impl From<Unproved> for NotReady {
    fn from(unproved: Unproved) -> Self {
        match unproved {
            Unproved::Store(error) => Self::Store(error),
            Unproved::Drift(drift) => Self::Drift(drift),
        }
    }
}

impl Engine {
    /// Whether sessions can be served now; what a readiness probe asks.
    ///
    /// Await it once at start, too: over a store that other processes see, it proves that this
    /// process's key ring is that of its farm. With [`NotReady::Drift`] the application should
    /// end; with anything else it should listen and say that it is not ready, and the proof is
    /// made before the first session.
    ///
    /// ```
    /// # use session_core::{Engine, NotReady};
    /// # async fn start(engine: &Engine) -> Result<(), NotReady> {
    /// match engine.ready().await {
    ///     Err(NotReady::Drift(drift)) => return Err(drift.into()),
    ///     Err(other) => tracing::warn!(%other, "not ready yet"),
    ///     Ok(()) => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let store = &self.inner.store;
        let ping = self.ask(Arc::clone(store).ping()).await?;
        self.note_store_time(ping.store_time, self.monotonic());
        if ping.role == Role::ReadOnly {
            return Err(NotReady::ReadOnly {
                store: store.name(),
            });
        }
        self.ready_keys().await
    }

    async fn ready_keys(&self) -> Result<(), NotReady> {
        let fleet = &self.inner.fleet;
        if !self.is_proved() {
            self.prove(false).await?;
        }
        if fleet.behind().is_some() {
            self.catch_up().await?;
        }
        if fleet.heartbeats.claim_first() {
            self.beat().await;
        }
        self.refresh_if_due(self.monotonic());
        match (fleet.drift(), fleet.behind()) {
            (Some(drift), _) => Err(drift.into()),
            (None, Some(behind)) => Err(behind.into()),
            (None, None) => Ok(()),
        }
    }
}
