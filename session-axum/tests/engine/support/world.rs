//! An engine and what it stands on.

use std::sync::Arc;

use session_core::testing::{CountingStore, FaultyStore, ManualClock};
use session_core::{
    Access, Clock, Engine, KeyRing, MachineKey, ResponseHeaders, SessionConfig,
    SessionConfigBuilder, SessionStore,
};
use session_store_memory::MemoryStore;

use super::{Browser, Visible, VisibleStore, Visit};

pub(crate) const APP: &str = "shop";

/// An engine over memory, which fails, counts and shows itself.
pub(crate) struct World {
    /// The engine's clock and the store's, unless a test takes them apart.
    pub(crate) clock: ManualClock,
    pub(crate) faults: Arc<FaultyStore>,
    pub(crate) counts: Arc<CountingStore>,
    pub(crate) visible: Arc<VisibleStore>,
    pub(crate) engine: Engine,
}

pub(crate) struct WorldBuilder {
    config: SessionConfigBuilder,
    ring: KeyRing,
    clock: ManualClock,
    engine_clock: Arc<dyn Clock>,
    store_clock: Option<Arc<dyn Clock>>,
    visible: Visible,
}

impl Default for World {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl World {
    pub(crate) fn builder() -> WorldBuilder {
        let clock = ManualClock::default();
        WorldBuilder {
            config: SessionConfig::builder(APP),
            ring: a_ring(),
            engine_clock: Arc::new(clock.clone()),
            store_clock: None,
            clock,
            visible: Visible::ToThisProcess,
        }
    }

    /// Another node of the farm: an engine over the same store.
    pub(crate) fn node(&self, ring: KeyRing) -> Engine {
        let store: Arc<dyn SessionStore> = self.counts.clone();
        let config = self.engine.config().clone();
        Engine::with_clock(config, ring, store, Arc::new(self.clock.clone())).unwrap()
    }

    /// A request that reads and writes.
    pub(crate) async fn visit(&self, browser: &Browser) -> Visit {
        browser.open(&self.engine, Access::ReadWrite).await.unwrap()
    }

    /// A request that only reads: its answer.
    pub(crate) async fn read(&self, browser: &mut Browser) -> ResponseHeaders {
        let visit = browser.open(&self.engine, Access::ReadOnly).await.unwrap();
        visit.answer(browser).await
    }

    /// A request that changes something: its answer.
    pub(crate) async fn change(
        &self,
        browser: &mut Browser,
        change: impl FnOnce(&Visit),
    ) -> ResponseHeaders {
        let visit = self.visit(browser).await;
        change(&visit);
        visit.answer(browser).await
    }

    /// A browser with a session, in which `n` is 0.
    pub(crate) async fn visitor(&self) -> Browser {
        let mut browser = Browser::default();
        self.change(&mut browser, |visit| visit.insert("n", &0).unwrap())
            .await;
        browser
    }

    /// The number that is stored for this browser.
    pub(crate) async fn number(&self, browser: &Browser, key: &str) -> Option<i64> {
        self.visit(browser).await.get(key).unwrap()
    }

    /// Whether the store has a session for this browser.
    pub(crate) async fn knows(&self, browser: &Browser) -> bool {
        !self.visit(browser).await.is_new()
    }
}

impl WorldBuilder {
    pub(crate) fn config(
        mut self,
        change: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder,
    ) -> Self {
        self.config = change(self.config);
        self
    }

    pub(crate) fn ring(mut self, ring: KeyRing) -> Self {
        self.ring = ring;
        self
    }

    /// Lets engine and store go by this clock.
    pub(crate) fn clock(self, clock: impl Clock + Clone) -> Self {
        self.store_clock(clock.clone()).engine_clock(clock)
    }

    pub(crate) fn store_clock(mut self, clock: impl Clock) -> Self {
        self.store_clock = Some(Arc::new(clock));
        self
    }

    pub(crate) fn engine_clock(mut self, clock: impl Clock) -> Self {
        self.engine_clock = Arc::new(clock);
        self
    }

    /// Makes the store one that other processes see.
    pub(crate) fn shared(mut self) -> Self {
        self.visible = Visible::ToOthers;
        self
    }

    pub(crate) fn build(self) -> World {
        let store_clock = self.store_clock.unwrap_or(Arc::new(self.clock.clone()));
        let memory = MemoryStore::builder()
            .clock(SharedClock(store_clock))
            .build();
        let visible = VisibleStore::wrap(Arc::new(memory), self.visible);
        let faults = FaultyStore::wrap(visible.clone());
        let counts = CountingStore::wrap(faults.clone());
        let store: Arc<dyn SessionStore> = counts.clone();
        let config = self.config.build().unwrap();
        let engine = Engine::with_clock(config, self.ring, store, self.engine_clock).unwrap();
        World {
            clock: self.clock,
            faults,
            counts,
            visible,
            engine,
        }
    }
}

/// A clock behind a pointer, as a store's builder takes it.
#[derive(Clone, Debug)]
struct SharedClock(Arc<dyn Clock>);

impl Clock for SharedClock {
    fn now(&self) -> session_core::Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.monotonic()
    }

    fn sleep(
        &self,
        duration: std::time::Duration,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleep(duration)
    }
}

/// A ring of one fresh key that any store accepts.
pub(crate) fn a_ring() -> KeyRing {
    let key = MachineKey::generate().unwrap();
    KeyRing::from_tokens([key.to_text().as_str()]).unwrap()
}
