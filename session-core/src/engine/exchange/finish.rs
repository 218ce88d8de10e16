//! The end of a request: committing before the head, and what [`Exchange::finish`] says.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Exchange, Phase};
use crate::engine::commit::{Committed, Stage};
use crate::engine::detached::Detached;
use crate::engine::headers::{ResponseHeaders, TokenChange};
use crate::engine::plan::Plan;
use crate::engine::progress::Progress;
use crate::engine::state::SessionState;
use crate::error::SessionError;
use crate::store::StoreError;

/// What [`Exchange::finish`] has to do.
#[derive(Debug)]
pub enum Finish {
    /// Nothing that takes time: these are the headers.
    Done(ResponseHeaders),
    /// A commit has to happen first.
    Commit(Commit),
}

/// A commit before the response's head. It runs to its end even if this future is dropped.
///
/// If it fails, [finish](Exchange::finish) the exchange again: what a commit of the handler's own
/// did before is done, and the error's response has to tell the client of it.
#[derive(Debug)]
pub struct Commit {
    exchange: Exchange,
    running: Detached<Result<(), SessionError>>,
}

impl Future for Commit {
    type Output = Result<ResponseHeaders, SessionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let committed = ready!(Pin::new(&mut self.running).poll(context));
        let exchange = &self.exchange;
        Poll::Ready(exchange.judge(committed).map(|()| {
            let token = std::mem::take(&mut exchange.lock().token);
            exchange.engine().response_headers(true, token)
        }))
    }
}

impl Exchange {
    /// Ends the handler's part: plans the commit that has to happen before the response's head
    /// is sent. Call it for every response, whatever its status, and again if its commit fails.
    #[must_use]
    pub fn finish(&self) -> Finish {
        let mut state = self.lock();
        let dropped = std::mem::take(&mut state.changes_dropped);
        let running = if state.phase == Phase::Committing(Stage::Midway) {
            drop(state);
            self.start(Self::finish_after_commit)
        } else if dropped {
            drop(state);
            self.start(async |_| Err(SessionError::abandoned()))
        } else if let Some((session, plan, stage)) = self.begin_head(&mut state) {
            drop(state);
            self.start_commit(session, plan, stage)
        } else {
            let (read, token) = (state.asked, std::mem::take(&mut state.token));
            return Finish::Done(self.engine().response_headers(read, token));
        };
        Finish::Commit(Commit {
            exchange: self.clone(),
            running,
        })
    }

    /// What has to be committed before the head. If it is nothing, the head may go.
    fn begin_head(&self, state: &mut Progress) -> Option<(Box<SessionState>, Plan, Stage)> {
        let open = state
            .session
            .as_ref()
            .filter(|_| state.phase == Phase::Open);
        let plan = open.map_or(Plan::Nothing, |session| session.plan(self.engine()));
        let stage = Stage::Head { live: state.live };
        let session = match plan {
            Plan::Nothing => None,
            _ => state.begin_commit(stage),
        };
        if session.is_none() {
            state.phase = Phase::HeadSent;
        }
        session.map(|session| (session, plan, stage))
    }

    /// The handler has answered without waiting for a commit that it asked for. What that
    /// commit does, a new id above all, has to reach the client all the same.
    async fn finish_after_commit(self) -> Result<(), SessionError> {
        self.commit_settled().await;
        let begun = {
            let mut state = self.lock();
            if state.session.is_none() {
                return Err(SessionError::unheard());
            }
            self.begin_head(&mut state)
        };
        match begun {
            Some((session, plan, stage)) => self.run_commit(session, plan, stage).await,
            None => Ok(()),
        }
    }

    /// Waits for the end of a commit of the handler's own.
    async fn commit_settled(&self) {
        loop {
            // Before the look, so that no news is missed in between.
            let settled = self.shared.settled.notified();
            if self.lock().phase != Phase::Committing(Stage::Midway) {
                return;
            }
            settled.await;
        }
    }

    /// Starts a commit, which runs to its end whether or not somebody waits for it.
    pub(super) fn start_commit(
        &self,
        session: Box<SessionState>,
        plan: Plan,
        stage: Stage,
    ) -> Detached<Result<(), SessionError>> {
        self.start(async move |exchange| exchange.run_commit(session, plan, stage).await)
    }

    fn start<F>(&self, work: impl FnOnce(Self) -> F) -> Detached<Result<(), SessionError>>
    where
        F: Future<Output = Result<(), SessionError>> + Send + 'static,
    {
        let deadline = self.engine().config().commit_timeout();
        self.engine()
            .detached(deadline, Box::pin(work(self.clone())))
    }

    async fn run_commit(
        &self,
        session: Box<SessionState>,
        plan: Plan,
        stage: Stage,
    ) -> Result<(), SessionError> {
        let committed = self.engine().commit(plan, session, stage).await;
        let settled = self.settle(committed, stage);
        self.shared.settled.notify_waiters();
        settled
    }

    /// Takes the session back from a commit.
    fn settle(
        &self,
        committed: Result<Committed, SessionError>,
        stage: Stage,
    ) -> Result<(), SessionError> {
        let mut state = self.lock();
        // The request may have been answered, or gone, while a handler no longer waited.
        if state.phase == Phase::Committing(stage) {
            state.phase = match stage {
                Stage::Midway => Phase::Open,
                Stage::Head { .. } | Stage::Live => Phase::HeadSent,
            };
        }
        let Committed {
            state: mut session,
            token,
        } = committed?;
        match state.phase {
            Phase::Abandoned => return Ok(()),
            // Nobody commits any more, so nobody else would give the lease back.
            Phase::HeadSent => session.lease = None,
            _ => {}
        }
        state.session = Some(session);
        if !matches!(token, TokenChange::None) {
            state.token = token;
        }
        Ok(())
    }

    pub(super) fn judge(
        &self,
        committed: Result<Result<(), SessionError>, StoreError>,
    ) -> Result<(), SessionError> {
        committed
            .unwrap_or_else(|error| Err(error.into()))
            .inspect_err(|error| self.engine().tell_failure(error))
    }
}
