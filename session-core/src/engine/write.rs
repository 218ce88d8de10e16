//! Saving and renaming, merging with what other requests saved meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::commit::Stage;
use super::events::Event;
use super::lease::{Acquired, HeldLease};
use super::load::busy;
use super::refresh::jitter;
use super::state::SessionState;
use crate::error::{SessionError, SessionErrorKind};
use crate::id::{SessionId, StoreKey};
use crate::record::{EndReason, Lifetime, Loaded, Record, Revision};
use crate::store::{LeaseUse, Save};

/// After this many stale saves a writer queues for the lease, so that it gets its turn.
const STALE_SAVES: u32 = 4;

/// The longest pause after the first stale save; it grows with each.
const PAUSE: Duration = Duration::from_millis(1);

/// What became of a save or rename.
pub(super) enum Written {
    Saved,
    /// The session had ended; the changes are dropped.
    Ended(EndReason),
}

/// A new id and its key.
pub(super) type Target = (SessionId, StoreKey);

impl Engine {
    /// Saves, or renames to `target`, merging with what others saved meanwhile until it
    /// succeeds. The commit's deadline bounds it.
    pub(super) async fn write(
        &self,
        state: &mut SessionState,
        mut target: Option<Target>,
        stage: Stage,
    ) -> Result<Written, SessionError> {
        let keeps_lease = stage == Stage::Midway && state.lease.is_some();
        let mut stale = 0;
        loop {
            let lease = match state.lease.as_ref().map(HeldLease::token) {
                None => LeaseUse::None,
                Some(token) if keeps_lease => LeaseUse::Hold(token),
                Some(token) => LeaseUse::Release(token),
            };
            match self.write_once(state, &mut target, lease, stage).await? {
                Save::Saved(_) => return Ok(Written::Saved),
                Save::Missing => return Ok(Written::Ended(EndReason::Destroyed)),
                Save::Ended(reason) => return Ok(Written::Ended(reason)),
                Save::Leased if state.lease.is_some() => return Err(lease_lost()),
                Save::Leased => {}
                Save::Stale(current) => {
                    self.merge(state, current)?;
                    stale += 1;
                    if stale < STALE_SAVES || state.lease.is_some() {
                        tokio::time::sleep(jitter(PAUSE * stale)).await;
                        continue;
                    }
                }
            }
            if let Some(reason) = self.queue(state).await? {
                return Ok(Written::Ended(reason));
            }
        }
    }

    async fn write_once(
        &self,
        state: &mut SessionState,
        target: &mut Option<Target>,
        lease: LeaseUse,
        stage: Stage,
    ) -> Result<Save, SessionError> {
        let Some(live) = &state.live else {
            return Ok(Save::Missing);
        };
        let (id, key) = target
            .as_ref()
            .map_or((&live.id, &live.key), |(id, key)| (id, key));
        let (from, to, base) = (live.key, *key, live.loaded.revision);
        let (record, lifetime) = state.draft(self, id, key, base.next())?;
        let kept = stage.goes_on().then(|| record.clone());
        let store = Arc::clone(&self.inner.store);
        let writing = match target {
            None => store.save(from, base, record, lifetime, lease),
            Some(_) => store.rename(from, to, base, record, lifetime, lease),
        };
        let outcome = self.call(&from, writing).await?;
        if let Save::Saved(revision) = outcome {
            self.written(
                state,
                target.take(),
                kept.map(|record| (record, revision, lifetime)),
            );
            let lease_goes_on = matches!(lease, LeaseUse::Hold(_)) && from == to;
            if let Some(lease) = state.lease.take_if(|_| !lease_goes_on) {
                lease.ended();
            }
            self.settle(state, stage)?;
        }
        Ok(outcome)
    }

    /// Takes what was saved for what is loaded.
    fn written(
        &self,
        state: &mut SessionState,
        target: Option<Target>,
        kept: Option<(Record, Revision, Lifetime)>,
    ) {
        let now = self.monotonic();
        let Some(live) = &mut state.live else {
            return;
        };
        if let Some((id, key)) = target {
            live.id = id;
            live.key = key;
        }
        live.resign = false;
        if let Some((record, revision, lifetime)) = kept {
            let store_time = live.store_now(now);
            live.loaded = Loaded::fresh(record, revision, lifetime, store_time);
            live.loaded_at = now;
        }
    }

    /// Waits for the lease, so that this write is the next one. A reason says that the session
    /// ended meanwhile.
    async fn queue(&self, state: &mut SessionState) -> Result<Option<EndReason>, SessionError> {
        let Some(live) = &state.live else {
            return Ok(Some(EndReason::Destroyed));
        };
        match self
            .acquire(live.key, self.config().commit_timeout())
            .await?
        {
            Acquired::Lease(lease, current) => {
                state.lease = Some(lease);
                self.merge(state, *current)?;
                Ok(None)
            }
            Acquired::Busy => Err(busy()),
            Acquired::Absent => Ok(Some(EndReason::Destroyed)),
            Acquired::Ended(reason) => Ok(Some(reason)),
        }
    }

    fn merge(&self, state: &mut SessionState, current: Loaded) -> Result<(), SessionError> {
        let overwritten = state.rebase(self, current)?;
        if let Some(live) = &state.live {
            self.tell(Event::Merged, &live.key);
            for _ in 0..overwritten {
                self.tell(Event::Overwritten, &live.key);
            }
        }
        Ok(())
    }
}

fn lease_lost() -> SessionError {
    let message = "the session's lease ran out before the request was done (session.lock.lease); \
                   nothing was saved";
    SessionError::new(SessionErrorKind::Busy, message)
}
