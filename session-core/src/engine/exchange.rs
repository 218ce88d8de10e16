//! One request and its response, as far as the session goes.

mod finish;

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

pub use self::finish::{Commit, Finish};
use super::Engine;
use super::commit::Stage;
use super::headers::RequestHeaders;
use super::progress::{Phase, Progress};
use super::state::SessionState;
use crate::access::Access;
use crate::error::SessionError;
use crate::id::StoreKey;
use crate::store::{Load, Touch};

/// The session side of one request; cheap to clone.
///
/// An adapter makes one from the [`Engine`] for each request, [opens](Exchange::open) it when
/// the first extractor asks, and [finishes](Exchange::finish) it before the response's head is
/// sent. Until somebody asks, nothing is parsed and nothing is loaded.
#[derive(Clone)]
pub struct Exchange {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    /// One load, commit of the handler's own or look at the store at a time.
    turn: tokio::sync::Mutex<()>,
    /// Told at the end of a commit of the handler's own.
    settled: tokio::sync::Notify,
    state: Mutex<Progress>,
}

impl Exchange {
    pub(super) fn new(engine: Engine) -> Self {
        let state = Progress::default();
        let shared = Shared {
            engine,
            turn: tokio::sync::Mutex::new(()),
            settled: tokio::sync::Notify::new(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The engine that this exchange belongs to.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Loads the session if nobody has yet, and takes its lease if `access` demands it.
    ///
    /// # Errors
    /// The session could not be loaded; what the client holds is left as it is.
    pub async fn open(
        &self,
        headers: &impl RequestHeaders,
        access: Access,
    ) -> Result<(), SessionError> {
        let _turn = match self.shared.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => Box::pin(self.shared.turn.lock()).await,
        };
        let before = {
            let mut state = self.lock();
            state.asked = true;
            (state.phase, state.access)
        };
        match before {
            (Phase::Unopened, _) => self.load(headers, access).await,
            (Phase::Open, held) if held < access => Box::pin(self.raise(access)).await,
            (Phase::Open, _) => Ok(()),
            (Phase::Committing(_) | Phase::HeadSent | Phase::Abandoned, _) => {
                Err(SessionError::too_late())
            }
        }
        .inspect_err(|error| self.engine().tell_failure(error))
    }

    /// Says that a stream or a WebSocket goes on with the session after the response's head.
    pub fn keep_live(&self) {
        self.lock().live = true;
    }

    /// Ends a request that has no response: commits nothing and gives a lease back.
    ///
    /// Does nothing after [`Exchange::finish`].
    pub fn abandon(&self) {
        let mut state = self.lock();
        let unfinished = matches!(
            state.phase,
            Phase::Unopened | Phase::Open | Phase::Committing(Stage::Midway)
        );
        if unfinished {
            state.phase = Phase::Abandoned;
            let session = state.session.take();
            state.changes_dropped = session
                .as_ref()
                .is_some_and(|session| session.has_changes());
            // An update that is dropped may have a handle of this session, which locks it.
            drop(state);
            drop(session);
        }
    }

    /// Commits now what was changed so far. After the head, a commit that fails forgets the
    /// changes, and the conversation goes on with the session as it was loaded.
    pub(crate) async fn commit(&self, live: bool) -> Result<(), SessionError> {
        let _turn = self.shared.turn.lock().await;
        let (session, stage) = {
            let mut state = self.lock();
            let stage = match state.phase {
                Phase::HeadSent if live => Stage::Live,
                _ => Stage::Midway,
            };
            let session = state.begin_commit(stage);
            (session.ok_or_else(SessionError::too_late)?, stage)
        };
        let before = (stage == Stage::Live).then(|| session.as_loaded());
        let plan = session.plan(self.engine());
        let committed = self.start_commit(session, plan, stage).await;
        self.judge(committed)
            .inspect_err(|_| self.lock().fall_back(before))
    }

    /// Extends the session; `false` if it has ended.
    pub(crate) async fn keep_alive(&self) -> Result<bool, SessionError> {
        let _turn = self.shared.turn.lock().await;
        let Some(key) = self.stored_key()? else {
            return Ok(false);
        };
        let engine = self.engine();
        let touching = Arc::clone(&engine.inner.store).touch(key);
        let is_alive = engine.read(&key, touching).await? == Touch::Touched;
        if is_alive && let Some(live) = self.lock().kept_alive(key) {
            live.extended(engine);
        }
        Ok(is_alive)
    }

    /// Puts what is stored now under the changes; `false` if the session has ended.
    pub(crate) async fn reload(&self) -> Result<bool, SessionError> {
        let _turn = self.shared.turn.lock().await;
        let Some(key) = self.stored_key()? else {
            return Ok(false);
        };
        let engine = self.engine();
        let loading = Arc::clone(&engine.inner.store).load(key);
        let Load::Found(loaded) = engine.read(&key, loading).await? else {
            return Ok(false);
        };
        self.aside(|engine, state| state.rebase(engine, loaded))?;
        Ok(true)
    }

    fn stored_key(&self) -> Result<Option<StoreKey>, SessionError> {
        self.read(|_, state| Ok(state.live.as_ref().map(|live| live.key)))
    }

    /// What `look` sees of the session.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&Engine, &mut SessionState) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let mut state = self.lock();
        let session = state.session.as_mut().ok_or_else(SessionError::too_late)?;
        look(self.engine(), session)
    }

    /// Does `work`, which may run updates again, on the session with no lock held.
    fn aside<T>(
        &self,
        work: impl FnOnce(&Engine, &mut SessionState) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let (phase, session) = {
            let mut state = self.lock();
            (state.phase, state.session.take())
        };
        let mut session = session.ok_or_else(SessionError::too_late)?;
        let done = work(self.engine(), &mut session);
        let mut state = self.lock();
        if state.phase != phase {
            // Answered meanwhile, without these changes.
            drop(state);
            return Err(SessionError::too_late());
        }
        state.session = Some(session);
        done
    }

    /// Changes the session; after the response's head only if `live`.
    pub(crate) fn change<T>(
        &self,
        live: bool,
        change: impl FnOnce(&Engine, &mut SessionState) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let mut state = self.lock();
        let open = match state.phase {
            Phase::Open => true,
            Phase::HeadSent => live,
            Phase::Unopened | Phase::Committing(_) | Phase::Abandoned => false,
        };
        let session = state.session.as_mut().filter(|_| open);
        change(self.engine(), session.ok_or_else(SessionError::too_late)?)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.shared.state.lock()
    }

    fn phase_and_access(&self) -> (Phase, Access) {
        let state = self.lock();
        (state.phase, state.access)
    }

    async fn load(
        &self,
        headers: &impl RequestHeaders,
        access: Access,
    ) -> Result<(), SessionError> {
        let engine = self.engine();
        if !engine.is_proved() {
            Box::pin(engine.prove_for_request()).await?;
        }
        let (presented, undecided) = engine.understand(headers).await?;
        let session = engine.load(presented, undecided, access).await?;
        let now = session.live.as_ref().map(|live| live.loaded_at);
        engine.refresh_if_due(now.unwrap_or_else(|| engine.monotonic()));
        let mut state = self.lock();
        if state.phase != Phase::Unopened {
            // Answered or gone meanwhile: nobody would commit what is written now.
            drop(state);
            return Err(SessionError::too_late());
        }
        state.session = Some(session);
        state.access = access;
        state.phase = Phase::Open;
        Ok(())
    }

    /// Takes the lease of a session that was loaded for less. The session stays where it is
    /// meanwhile, so that nothing is lost if whoever waits for the lease gives up.
    async fn raise(&self, access: Access) -> Result<(), SessionError> {
        if access == Access::Exclusive
            && let Some(key) = self.stored_key()?
        {
            let engine = self.engine();
            let acquired = engine.acquire(key, engine.config().lock_wait()).await?;
            self.aside(|engine, state| engine.lock_session(state, acquired))?;
        }
        let mut state = self.lock();
        if state.phase != Phase::Open {
            // Answered meanwhile: nobody else would give the lease back.
            let session = state.session.as_mut();
            let lease = session.and_then(|session| session.lease.take());
            drop(state);
            drop(lease);
            return Err(SessionError::too_late());
        }
        state.access = access;
        Ok(())
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, access) = self.phase_and_access();
        f.debug_struct("Exchange")
            .field("phase", &phase)
            .field("access", &access)
            .finish_non_exhaustive()
    }
}
