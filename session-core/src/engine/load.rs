//! From a verified token to a session.

use std::sync::Arc;

use super::Engine;
use super::commit::refusal;
use super::events::Event;
use super::headers::{Candidate, Presented};
use super::lease::{Acquired, HeldLease};
use super::plan::Visitor;
use super::sealing::Binding;
use super::state::{Live, SessionState, Via};
use crate::access::Access;
use crate::cause::Cause;
use crate::error::{SessionError, SessionErrorKind};
use crate::id::StoreKey;
use crate::record::{EndReason, Loaded};
use crate::store::Load;

/// What the store says about one candidate.
enum Found {
    Live(Box<(Candidate, StoreKey, Loaded, Option<HeldLease>)>),
    Dead,
    Ended(EndReason),
}

impl Engine {
    /// Loads the session of a request: one round trip for one candidate, none without.
    ///
    /// `undecided` says that a token's key could not be judged.
    pub(super) async fn load(
        &self,
        presented: Presented,
        undecided: bool,
        access: Access,
    ) -> Result<SessionState, SessionError> {
        let via = self.answers_via(&presented);
        if presented.overlong {
            return Ok(SessionState::without_session(Visitor::Overlong, via));
        }
        // Which of several candidates is to be locked shows only when they are loaded.
        let at_once = match presented.candidates.len() {
            1 => access,
            _ => access.min(Access::ReadWrite),
        };
        let mut ended = None;
        let mut live = Vec::new();
        for candidate in presented.candidates {
            match self.find(candidate, at_once).await? {
                Found::Live(found) => live.push(*found),
                Found::Ended(EndReason::Renewed) => ended = Some(EndReason::Renewed),
                Found::Ended(reason) => ended = ended.or(Some(reason)),
                Found::Dead => {}
            }
        }
        if live.len() > 1 {
            let keys = live.into_iter().map(|(_, key, ..)| key).collect();
            return Ok(self.ambiguous(keys, via));
        }
        let visitor = match (ended, undecided) {
            (Some(reason), _) => Visitor::Ended(reason),
            (None, true) => Visitor::Undecided,
            (None, false) => Visitor::New,
        };
        let Some((candidate, key, loaded, lease)) = live.pop() else {
            return Ok(SessionState::without_session(visitor, via));
        };
        let mut state = self.open_session(candidate, key, loaded)?;
        state.lease = lease;
        if access == Access::Exclusive && state.lease.is_none() {
            self.take_lease(&mut state).await?;
        }
        Ok(state)
    }

    /// Takes the lease of a session that was loaded without one.
    async fn take_lease(&self, state: &mut SessionState) -> Result<(), SessionError> {
        let Some(live) = &state.live else {
            return Ok(());
        };
        let acquired = self.acquire(live.key, self.config().lock_wait()).await?;
        self.lock_session(state, acquired)
    }

    /// Gives a session that was loaded without a lease what came of acquiring one.
    pub(super) fn lock_session(
        &self,
        state: &mut SessionState,
        acquired: Acquired,
    ) -> Result<(), SessionError> {
        match acquired {
            Acquired::Lease(lease, current) => {
                state.lease = Some(lease);
                state.rebase(self, *current)?;
            }
            Acquired::Busy => return Err(busy()),
            Acquired::Absent => {
                *state = SessionState::without_session(Visitor::New, state.via);
            }
            // Its changes would vanish from a session that goes on elsewhere.
            Acquired::Ended(EndReason::Renewed) if state.is_written() => {
                return Err(refusal(SessionErrorKind::Conflict));
            }
            Acquired::Ended(reason) => {
                *state = SessionState::without_session(Visitor::Ended(reason), state.via);
            }
        }
        Ok(())
    }

    /// A client that sends the session's header is answered there; others by cookie, where
    /// cookies are configured.
    fn answers_via(&self, presented: &Presented) -> Via {
        match presented.candidates.first() {
            Some(candidate) => candidate.via,
            None if presented.by_header => Via::Header,
            None if self.config().transports().cookie().is_none() => Via::Header,
            None => Via::Cookie,
        }
    }

    async fn find(&self, candidate: Candidate, access: Access) -> Result<Found, SessionError> {
        let key = self.inner.store_keys.key(candidate.id.id());
        if access == Access::Exclusive {
            return match self.acquire(key, self.config().lock_wait()).await? {
                Acquired::Lease(lease, loaded) => {
                    Ok(self.found(candidate, key, *loaded, Some(lease)))
                }
                Acquired::Busy => Err(busy()),
                Acquired::Absent => Ok(self.dead(&key, Cause::NotInStore)),
                Acquired::Ended(reason) => Ok(Found::Ended(reason)),
            };
        }
        let loading = Arc::clone(&self.inner.store).load(key);
        match self.read(&key, loading).await? {
            Load::Found(loaded) => Ok(self.found(candidate, key, loaded, None)),
            Load::Absent => Ok(self.dead(&key, Cause::NotInStore)),
            Load::Ended(reason) => Ok(Found::Ended(reason)),
        }
    }

    /// The store's clock judges the absolute deadline, which the record's seal vouches for.
    fn found(
        &self,
        candidate: Candidate,
        key: StoreKey,
        loaded: Loaded,
        lease: Option<HeldLease>,
    ) -> Found {
        self.note_store_time(loaded.store_time);
        if loaded.record.deadline <= loaded.store_time {
            return self.dead(&key, Cause::Expired);
        }
        Found::Live(Box::new((candidate, key, loaded, lease)))
    }

    fn dead(&self, key: &StoreKey, cause: Cause) -> Found {
        self.tell_dead(key, cause);
        Found::Dead
    }

    fn open_session(
        &self,
        candidate: Candidate,
        key: StoreKey,
        loaded: Loaded,
    ) -> Result<SessionState, SessionError> {
        let Candidate { id, via } = candidate;
        let binding = Binding::of(&key, &loaded.record);
        let values = self
            .open_payload(id.id(), binding, loaded.revision, &loaded.record.payload)
            .map_err(|cause| self.corrupt(&key, cause))?;
        let resign = id.resign();
        let live = Live {
            id: id.into_id(),
            key,
            loaded,
            loaded_at: self.monotonic(),
            resign,
        };
        Ok(SessionState::with_session(live, values, via))
    }

    /// A browser that holds two live cookies cannot be told apart from one into which somebody
    /// planted the second. With the `__Host-` prefix nobody can plant one.
    fn ambiguous(&self, keys: Vec<StoreKey>, via: Via) -> SessionState {
        for key in &keys {
            self.tell(Event::Ambiguous, key);
        }
        let cookie = self.config().transports().cookie();
        let resolvable = cookie.is_none_or(|cookie| !cookie.name().starts_with("__Host-"));
        let mut state = SessionState::without_session(Visitor::Ambiguous { resolvable }, via);
        state.ambiguous = keys;
        state
    }
}

/// The error of a request that waited for a lease in vain.
pub(super) fn busy() -> SessionError {
    let message = "another request holds the session's lease (session.lock.wait is over)";
    SessionError::new(SessionErrorKind::Busy, message)
}
