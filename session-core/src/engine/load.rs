//! From a verified token to a session.

use std::sync::Arc;

use super::Engine;
use super::commit::refusal;
use super::events::Event;
use super::headers::{Candidate, Presented};
use super::lease::Acquired;
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
    Live(Box<SessionState>),
    Dead,
    Ended(EndReason),
}

impl Engine {
    /// Loads the session of a request: one round trip for one candidate, none without.
    ///
    /// `undecided` says that a token's key could not be judged.
    pub(super) async fn load(
        &self,
        mut presented: Presented,
        undecided: bool,
        access: Access,
    ) -> Result<Box<SessionState>, SessionError> {
        let via = self.answers_via(&presented);
        let unfound = match (presented.overlong, undecided) {
            (true, _) => Visitor::Overlong,
            (false, true) => Visitor::Undecided,
            (false, false) => Visitor::New,
        };
        let Some(first) = presented.first.take_if(|_| !presented.overlong) else {
            return Ok(SessionState::without_session(unfound, via));
        };
        if !presented.others.is_empty() {
            let candidates = std::iter::once(first).chain(presented.others);
            return Box::pin(self.choose(candidates, unfound, via, access)).await;
        }
        let found = match access {
            Access::Exclusive => Box::pin(self.find_exclusive(first)).await?,
            Access::ReadOnly | Access::ReadWrite => self.find(first).await?,
        };
        Ok(match found {
            Found::Live(session) => session,
            Found::Ended(reason) => SessionState::without_session(Visitor::Ended(reason), via),
            Found::Dead => SessionState::without_session(unfound, via),
        })
    }

    /// Loads the one live session of several candidates.
    async fn choose(
        &self,
        candidates: impl Iterator<Item = Candidate>,
        unfound: Visitor,
        via: Via,
        access: Access,
    ) -> Result<Box<SessionState>, SessionError> {
        let mut visitor = unfound;
        let mut live = Vec::new();
        for candidate in candidates {
            // Which one is to be locked shows only when all are loaded.
            match self.find(candidate).await? {
                Found::Live(session) => live.push(session),
                Found::Ended(EndReason::Renewed) => visitor = Visitor::Ended(EndReason::Renewed),
                Found::Ended(_) if matches!(visitor, Visitor::Ended(_)) => {}
                Found::Ended(reason) => visitor = Visitor::Ended(reason),
                Found::Dead => {}
            }
        }
        if live.len() > 1 {
            return Ok(self.ambiguous(&live, via));
        }
        let Some(mut session) = live.pop() else {
            return Ok(SessionState::without_session(visitor, via));
        };
        if access == Access::Exclusive {
            self.take_lease(&mut session).await?;
        }
        Ok(session)
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
                *state = *SessionState::without_session(Visitor::New, state.via);
            }
            // Its changes would vanish from a session that goes on elsewhere.
            Acquired::Ended(EndReason::Renewed) if state.is_written() => {
                return Err(refusal(SessionErrorKind::Conflict));
            }
            Acquired::Ended(reason) => {
                *state = *SessionState::without_session(Visitor::Ended(reason), state.via);
            }
        }
        Ok(())
    }

    /// A client that sends the session's header is answered there; others by cookie, where
    /// cookies are configured.
    fn answers_via(&self, presented: &Presented) -> Via {
        match &presented.first {
            Some(candidate) => candidate.via,
            None if presented.by_header => Via::Header,
            None if self.config().transports().cookie().is_none() => Via::Header,
            None => Via::Cookie,
        }
    }

    async fn find(&self, candidate: Candidate) -> Result<Found, SessionError> {
        let key = self.inner.store_keys.key(candidate.id.id());
        let loading = Arc::clone(&self.inner.store).load(key);
        match self.read(&key, loading).await? {
            Load::Found(loaded) => self.found(candidate, key, loaded),
            Load::Absent => Ok(self.dead(&key, Cause::NotInStore)),
            Load::Ended(reason) => Ok(self.ended_before(&key, reason)),
        }
    }

    async fn find_exclusive(&self, candidate: Candidate) -> Result<Found, SessionError> {
        let key = self.inner.store_keys.key(candidate.id.id());
        match self.acquire(key, self.config().lock_wait()).await? {
            Acquired::Lease(lease, loaded) => {
                let mut found = self.found(candidate, key, *loaded)?;
                if let Found::Live(session) = &mut found {
                    session.lease = Some(lease);
                }
                Ok(found)
            }
            Acquired::Busy => Err(busy()),
            Acquired::Absent => Ok(self.dead(&key, Cause::NotInStore)),
            Acquired::Ended(reason) => Ok(self.ended_before(&key, reason)),
        }
    }

    /// The store's clock judges the absolute deadline, which the record's seal vouches for.
    fn found(
        &self,
        candidate: Candidate,
        key: StoreKey,
        loaded: Loaded,
    ) -> Result<Found, SessionError> {
        let now = self.monotonic();
        self.note_store_time(loaded.store_time, now);
        if loaded.record.deadline <= loaded.store_time {
            return Ok(self.dead(&key, Cause::Expired));
        }
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
            loaded_at: now,
            resign,
        };
        Ok(Found::Live(SessionState::with_session(live, values, via)))
    }

    fn ended_before(&self, key: &StoreKey, reason: EndReason) -> Found {
        self.tell_dead(key, Cause::NotInStore);
        Found::Ended(reason)
    }

    fn dead(&self, key: &StoreKey, cause: Cause) -> Found {
        self.tell_dead(key, cause);
        Found::Dead
    }

    /// A browser that holds two live cookies cannot be told apart from one into which somebody
    /// planted the second. With the `__Host-` prefix nobody can plant one.
    fn ambiguous(&self, live: &[Box<SessionState>], via: Via) -> Box<SessionState> {
        let cookie = self.config().transports().cookie();
        let resolvable = cookie.is_none_or(|cookie| !cookie.name().starts_with("__Host-"));
        let mut state = SessionState::without_session(Visitor::Ambiguous { resolvable }, via);
        for live in live.iter().filter_map(|session| session.live.as_ref()) {
            self.tell(Event::Ambiguous, &live.key);
            state.ambiguous.push(live.key);
        }
        state
    }
}

/// The error of a request that waited for a lease in vain.
pub(super) fn busy() -> SessionError {
    let message = "another request holds the session's lease (session.lock.wait is over)";
    SessionError::new(SessionErrorKind::Busy, message)
}
