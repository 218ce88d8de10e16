//! Carrying out a plan.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::events::Event;
use super::headers::TokenChange;
use super::lease::{Acquired, HeldLease};
use super::load::busy;
use super::plan::{Intent, Plan, Visitor};
use super::refresh::jitter;
use super::state::{Live, SessionState, Via};
use crate::error::{SessionError, SessionErrorKind};
use crate::id::{SessionId, StoreKey};
use crate::record::{EndReason, Lifetime, Loaded, Record, Revision};
use crate::store::{Create, LeaseUse, Load, Save, Touch};

/// After this many stale saves a writer queues for the lease, so that it gets its turn.
const STALE_SAVES: u32 = 4;

/// The longest pause after the first stale save; it grows with each.
const PAUSE: Duration = Duration::from_millis(1);

/// When in a request a commit happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handler asked for it; it goes on, and keeps a lease.
    Midway,
    /// Before the response's head. `live`: a stream or WebSocket goes on with the session.
    Head { live: bool },
    /// After the head; the client can be given no new token.
    Live,
}

impl Stage {
    fn goes_on(self) -> bool {
        self != Self::Head { live: false }
    }
}

/// What a commit did.
pub(super) struct Committed {
    pub(super) state: Box<SessionState>,
    pub(super) token: TokenChange,
}

/// What became of a save or rename.
enum Written {
    Saved,
    /// The session had ended; the changes are dropped.
    Ended(EndReason),
}

/// A new id and its key.
type Target = (SessionId, StoreKey);

impl Engine {
    /// Carries out `plan`.
    pub(super) async fn commit(
        &self,
        plan: Plan,
        mut state: Box<SessionState>,
        stage: Stage,
    ) -> Result<Committed, SessionError> {
        let token = match plan {
            Plan::Nothing => TokenChange::None,
            Plan::Release => self.give_back(&mut state, stage).await,
            Plan::Touch => self.touch(&mut state, stage).await,
            Plan::Create | Plan::Rename | Plan::Replace if stage == Stage::Live => {
                return Err(no_new_token());
            }
            Plan::Create => self.create(&mut state, stage).await?,
            Plan::Save => self.save(&mut state, stage).await?,
            Plan::Rename => self.rename(&mut state, stage).await?,
            Plan::Delete => self.delete(&mut state, stage).await?,
            Plan::Replace => self.replace(&mut state, stage).await?,
            Plan::Drop => self.ended(&mut state, EndReason::Destroyed, stage)?,
            Plan::Refuse(kind) => return Err(refusal(kind)),
        };
        Ok(Committed { state, token })
    }

    async fn give_back(&self, state: &mut SessionState, stage: Stage) -> TokenChange {
        if stage != Stage::Midway
            && let Some(lease) = state.lease.take()
        {
            lease.release().await;
        }
        TokenChange::None
    }

    /// A session that was only read is answered even if it could not be extended.
    async fn touch(&self, state: &mut SessionState, stage: Stage) -> TokenChange {
        self.give_back(state, stage).await;
        let Some(live) = &mut state.live else {
            return TokenChange::None;
        };
        let touching = Arc::clone(&self.inner.store).touch(live.key);
        match self.call(&live.key, touching).await {
            Ok(Touch::Touched) => {}
            // It ended meanwhile; the client may have a newer token by now.
            Ok(Touch::Missing) => return TokenChange::None,
            Err(error) => {
                tracing::warn!(%error, "a session that was read was not extended");
                return TokenChange::None;
            }
        }
        live.extended(self);
        match state.max_age(self) {
            Some(_) => self.token(state),
            None => TokenChange::None,
        }
    }

    async fn create(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        for key in std::mem::take(&mut state.ambiguous) {
            let deleting = Arc::clone(&self.inner.store).delete(key, EndReason::Destroyed);
            self.call(&key, deleting).await?;
        }
        let id = SessionId::generate()?;
        let key = self.inner.store_keys.key(&id);
        self.learn_store_time(&key).await?;
        let record = state.record(self, &id, &key, Revision::FIRST)?;
        let kept = record.clone();
        let lifetime = state.lifetime(self);
        let creating = Arc::clone(&self.inner.store).create(key, record, lifetime);
        let Create::Created(revision) = self.call(&key, creating).await? else {
            let message = "a fresh session id was taken; is the random source broken?";
            return Err(SessionError::new(SessionErrorKind::Unavailable, message));
        };
        self.tell(Event::Created, &key);
        state.live = Some(Live::created(self, id, key, kept, revision, lifetime));
        self.settle(state, stage)?;
        Ok(self.token(state))
    }

    async fn save(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        let resign = state.live.as_ref().is_some_and(|live| live.resign);
        let reissue = (resign || state.retimes_token(self)) && stage != Stage::Live;
        match self.write(state, None, stage).await? {
            Written::Saved if reissue => Ok(self.token(state)),
            Written::Saved => Ok(TokenChange::None),
            Written::Ended(reason) => self.ended(state, reason, stage),
        }
    }

    async fn rename(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        let Some(live) = &state.live else {
            return Ok(TokenChange::None);
        };
        let id = live.id.renewed()?;
        let key = self.inner.store_keys.key(&id);
        let intent = state.intent;
        match self.write(state, Some((id, key)), stage).await? {
            Written::Saved if intent == Intent::LogIn => self.tell(Event::LoggedIn, &key),
            Written::Saved => self.tell(Event::Renewed, &key),
            Written::Ended(reason) => return self.ended(state, reason, stage),
        }
        Ok(self.token(state))
    }

    async fn delete(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        if !self.end(state).await? {
            return self.ended(state, EndReason::Destroyed, Stage::Head { live: false });
        }
        *state = *SessionState::without_session(Visitor::New, state.via);
        match stage {
            Stage::Live => Ok(TokenChange::None),
            Stage::Midway | Stage::Head { .. } => Ok(TokenChange::Remove(state.via)),
        }
    }

    /// Ends the session, and makes a new one of what was written afterwards.
    async fn replace(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        if !self.end(state).await? {
            return self.ended(state, EndReason::Destroyed, stage);
        }
        self.create(state, stage).await
    }

    /// Ends the stored session; `false` if somebody else had ended it. If it was renewed, it
    /// goes on under another id, and its user has to be told.
    async fn end(&self, state: &mut SessionState) -> Result<bool, SessionError> {
        let Some(live) = state.live.take() else {
            return Ok(false);
        };
        let deleting = Arc::clone(&self.inner.store).delete(live.key, EndReason::Destroyed);
        if self.call(&live.key, deleting).await? {
            if let Some(lease) = state.lease.take() {
                lease.ended();
            }
            self.tell(Event::Destroyed, &live.key);
            return Ok(true);
        }
        let loading = Arc::clone(&self.inner.store).load(live.key);
        match self.call(&live.key, loading).await? {
            Load::Ended(EndReason::Renewed) => Err(refusal(SessionErrorKind::Conflict)),
            _ => Ok(false),
        }
    }

    /// Saves, or renames to `target`, merging with what others saved meanwhile until it
    /// succeeds. The commit's deadline bounds it.
    async fn write(
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
        let record = state.record(self, id, key, base.next())?;
        let lifetime = state.lifetime(self);
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

    /// Makes what was committed the base of further changes, if there can be any.
    fn settle(&self, state: &mut SessionState, stage: Stage) -> Result<(), SessionError> {
        if !stage.goes_on() {
            return Ok(());
        }
        state.settle().map_err(|cause| match &state.live {
            Some(live) => self.corrupt(&live.key, cause),
            None => no_new_token(),
        })
    }

    /// The writes were meant for a session that has ended: they are dropped, and no token goes
    /// out. After a renew the session goes on elsewhere, so its user is told (409); so is a
    /// handler that asked for a commit and goes on.
    fn ended(
        &self,
        state: &mut SessionState,
        reason: EndReason,
        stage: Stage,
    ) -> Result<TokenChange, SessionError> {
        if let Some(lease) = state.lease.take() {
            lease.ended();
        }
        if let Some(live) = &state.live {
            self.tell(Event::Dropped, &live.key);
        }
        match (reason, stage) {
            (EndReason::Renewed, _) => Err(refusal(SessionErrorKind::Conflict)),
            (_, Stage::Midway | Stage::Live) => Err(refusal(SessionErrorKind::Ended)),
            (_, Stage::Head { .. }) => {
                *state = *SessionState::without_session(Visitor::Ended(reason), state.via);
                Ok(TokenChange::None)
            }
        }
    }

    /// The token of the session as it stands.
    fn token(&self, state: &SessionState) -> TokenChange {
        let Some(live) = &state.live else {
            return TokenChange::None;
        };
        let keys = self.keys();
        let keys = match state.via {
            Via::Cookie => keys
                .cookie
                .as_ref()
                .map(|keys| keys.sign(&live.id, self.now())),
            Via::Header => keys
                .header
                .as_ref()
                .map(|keys| keys.sign(&live.id, self.now())),
        };
        let Some(token) = keys else {
            return TokenChange::None;
        };
        TokenChange::Issue {
            via: state.via,
            token,
            max_age: state.max_age(self),
        }
    }
}

pub(super) fn refusal(kind: SessionErrorKind) -> SessionError {
    let message = match kind {
        SessionErrorKind::Conflict => {
            "the session's id was renewed by another request; nothing was saved"
        }
        SessionErrorKind::Ended => "the session has ended meanwhile; nothing was saved",
        SessionErrorKind::Ambiguous => {
            "the client sent two live sessions under one name; nothing was saved"
        }
        SessionErrorKind::HeaderTooLarge => {
            "the client sent more cookies than the session's is looked for in (16 KiB, 64 pairs, \
             4 of the session's name); nothing was saved"
        }
        _ => {
            "the client's token was made with a key that this process does not know yet; \
             nothing was saved"
        }
    };
    SessionError::new(kind, message)
}

fn lease_lost() -> SessionError {
    let message = "the session's lease ran out before the request was done (session.lock.lease); \
                   nothing was saved";
    SessionError::new(SessionErrorKind::Busy, message)
}

fn no_new_token() -> SessionError {
    let message = "the response's head is on its way, so the client cannot be given a new \
                   session id; log in, renew and the first write belong before it";
    SessionError::new(SessionErrorKind::TooLate, message)
}
