//! The engine: one request's way from a token to a session and back to a header.
//!
//! [`load`] finds the session, [`plan`] decides what a commit has to do, [`commit`] does it.
//! Only the engine knows store, machine key and cookies at once.

mod breaker;
mod commit;
mod detached;
mod events;
mod exchange;
mod fleet;
mod headers;
mod heartbeat;
mod keys;
mod lease;
mod load;
mod operation;
mod plan;
mod progress;
mod proof;
mod ready;
mod refresh;
mod sealing;
mod state;
mod write;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::Guard;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use self::breaker::Breakers;
pub use self::exchange::{Commit, Exchange, Finish};
use self::fleet::Fleet;
pub use self::headers::{RequestHeaders, ResponseHeaders};
use self::heartbeat::Heartbeats;
use self::keys::{KeyCache, SessionKeys};
pub(crate) use self::plan::Intent;
pub use self::ready::NotReady;
use self::refresh::Refresher;
pub(crate) use self::state::SessionState;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::SessionConfig;
use crate::duration;
use crate::id::{StoreKey, StoreKeys};
use crate::machine_key::KeyRing;
use crate::store::{Scope, SessionStore, StoreError};

/// Sessions of one application over one store; cheap to clone.
///
/// An adapter makes one [`Exchange`] per request from it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: SessionConfig,
    store: Arc<dyn SessionStore>,
    keys: KeyCache,
    store_keys: StoreKeys,
    clock: Arc<dyn Clock>,
    /// What the store's clock said at our monotonic zero, in Unix milliseconds.
    store_origin: AtomicI64,
    /// Whether the store has told its time.
    store_time_known: AtomicBool,
    breakers: Breakers,
    refresher: Refresher,
    fleet: Fleet,
    runtime: Option<Handle>,
    tasks: TaskTracker,
}

/// An engine cannot work with what it was given.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A ring that dies with this process was given to a store that outlives it.
    #[error(
        "the {store} store is shared with other processes, and an ephemeral key ring is not: \
         open a ring file that all instances have (KeyRing::open), or set SESSION_MACHINE_KEY"
    )]
    EphemeralRing {
        /// The store's name.
        store: &'static str,
    },
    /// Sessions would outlive the keys that open them.
    #[error(
        "session.absolute_timeout = {} is longer than the key ring keeps keys ({}): lower the \
         timeout, or give the ring a longer longest_lifetime",
        duration::written(*timeout),
        duration::written(*longest)
    )]
    OutlivesRing {
        /// The configured absolute timeout.
        timeout: Duration,
        /// The ring's `longest_lifetime`.
        longest: Duration,
    },
}

/// As `Display`, because this is what a `main` that returns the error prints.
impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Engine {
    /// An engine over `store`, with the keys of `ring`.
    ///
    /// Call it inside the tokio runtime that store connections shall live on: operations that
    /// outlive their request run there.
    ///
    /// # Errors
    /// The ring does not fit the store or the configuration.
    pub fn new(
        config: SessionConfig,
        ring: KeyRing,
        store: Arc<dyn SessionStore>,
    ) -> Result<Self, EngineError> {
        Self::with_clock(config, ring, store, Arc::new(SystemClock::default()))
    }

    /// The same with another clock; for tests.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_clock(
        config: SessionConfig,
        ring: KeyRing,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        check_ring(&config, &ring, &*store)?;
        let origin = clock.now().saturating_sub(clock.monotonic());
        let inner = Inner {
            keys: KeyCache::new(ring, &config),
            store_keys: StoreKeys::new(config.app()),
            store_origin: AtomicI64::new(origin.as_millis()),
            store_time_known: AtomicBool::new(store.scope() == Scope::Process),
            breakers: Breakers::default(),
            refresher: Refresher::new(clock.monotonic()),
            fleet: Fleet::new(store.scope(), Heartbeats::new(config.instance())),
            runtime: Handle::try_current().ok(),
            tasks: TaskTracker::new(),
            config,
            store,
            clock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The session side of one request.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        Exchange::new(self.clone())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &SessionConfig {
        &self.inner.config
    }

    /// The key ring, for a [`Protector`](crate::Protector) of the application's own data.
    #[must_use]
    pub fn key_ring(&self) -> &KeyRing {
        self.inner.keys.ring()
    }

    /// Waits until the store operations that outlived their requests are done, for a clean
    /// shutdown. `false` if some were still running after `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.inner.tasks.close();
        let drained = tokio::time::timeout(deadline, self.inner.tasks.wait()).await;
        drained.is_ok()
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn monotonic(&self) -> Duration {
        self.inner.clock.monotonic()
    }

    fn keys(&self) -> Guard<Arc<SessionKeys>> {
        self.inner.keys.load(&self.inner.config)
    }

    /// The store's clock, reckoned from its last answer. Setting our clock does not move it.
    fn store_now(&self) -> Timestamp {
        let origin = self.inner.store_origin.load(Ordering::Relaxed);
        Timestamp::from_millis(origin).saturating_add(self.monotonic())
    }

    /// Notes what the store's clock said at the monotonic time `now`.
    fn note_store_time(&self, store_time: Timestamp, now: Duration) {
        let origin = store_time.saturating_sub(now).as_millis();
        self.inner.store_origin.store(origin, Ordering::Relaxed);
        self.inner.store_time_known.store(true, Ordering::Relaxed);
    }

    /// Asks for the store's time unless it has told it: a session is dated by the store's clock,
    /// and ours may be hours away from it. A store in this process goes by the same clock.
    async fn learn_store_time(&self, key: &StoreKey) -> Result<(), StoreError> {
        if self.inner.store_time_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let ping = self.call(key, Arc::clone(&self.inner.store).ping()).await?;
        self.note_store_time(ping.store_time, self.monotonic());
        Ok(())
    }
}

fn check_ring(
    config: &SessionConfig,
    ring: &KeyRing,
    store: &dyn SessionStore,
) -> Result<(), EngineError> {
    if ring.is_ephemeral() && store.scope() == Scope::Shared {
        return Err(EngineError::EphemeralRing {
            store: store.name(),
        });
    }
    let timeout = config.absolute_timeout();
    match ring.snapshot().longest_lifetime() {
        Some(longest) if timeout > longest => Err(EngineError::OutlivesRing { timeout, longest }),
        _ => Ok(()),
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("app", &self.config().app())
            .field("store", &self.inner.store.name())
            .finish_non_exhaustive()
    }
}
