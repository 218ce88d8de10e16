//! Carrying out a plan.

use std::sync::Arc;

use super::Engine;
use super::events::Event;
use super::headers::TokenChange;
use super::plan::{Intent, Plan, Visitor};
use super::state::{Live, SessionState, Via};
use super::write::Written;
use crate::error::{SessionError, SessionErrorKind};
use crate::id::SessionId;
use crate::record::{EndReason, Revision};
use crate::store::{Create, Load, Touch};

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
    pub(super) fn goes_on(self) -> bool {
        self != Self::Head { live: false }
    }
}

/// What a commit did.
pub(super) struct Committed {
    pub(super) state: Box<SessionState>,
    pub(super) token: TokenChange,
}

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
        let (record, lifetime) = state.draft(self, &id, &key, Revision::FIRST)?;
        let kept = record.clone();
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

    /// Makes what was committed the base of further changes, if there can be any.
    pub(super) fn settle(
        &self,
        state: &mut SessionState,
        stage: Stage,
    ) -> Result<(), SessionError> {
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
            "the client sent more than the session's token is looked for in (16 KiB of cookies, \
             64 of them, 4 of the session's name, 4 lines of its header); nothing was saved"
        }
        _ => {
            "the client's token was made with a key that this process does not know yet; \
             nothing was saved"
        }
    };
    SessionError::new(kind, message)
}

fn no_new_token() -> SessionError {
    let message = "the response's head is on its way, so the client cannot be given a new \
                   session id; log in, renew and the first write belong before it";
    SessionError::new(SessionErrorKind::TooLate, message)
}
