//! [`Application`]: what a configuration file amounts to.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use session_core::testing::CountingStore;
use session_core::{
    ConfigError, ConfigFile, Engine, KeyRingDrift, NotReady, SessionStore, StoreConfig,
};
use session_store_memory::MemoryStore;
use session_store_state_server::StateServerStore;

/// An engine, and a view of its store that black-box tests can ask for.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    engine: Engine,
    calls: Arc<CountingStore>,
    /// The store, if it is in this process.
    memory: Option<Arc<MemoryStore>>,
}

impl Application {
    /// Opens what the configuration file at `path` names. Call it inside the runtime.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let config = ConfigFile::load(path)?;
        let (store, memory) = open_store(&config.store)?;
        let ring = config.machine_key.open()?;
        let calls = CountingStore::wrap(store);
        let engine = Engine::new(config.session, ring, calls.clone())?;
        Ok(Self {
            engine,
            calls,
            memory,
        })
    }

    /// Proves that the key ring is the farm's, if the store can be asked. An instance with another
    /// ring must not start; one whose store is down listens, and is not ready.
    pub(crate) async fn prove(&self) -> Result<(), KeyRingDrift> {
        match self.engine.ready().await {
            Err(NotReady::Drift(drift)) => return Err(drift),
            Err(reason) => tracing::warn!(%reason, "not ready yet"),
            Ok(()) => {}
        }
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How often each operation of the store was asked for, by name.
    pub(crate) fn store_calls(&self) -> BTreeMap<&'static str, u64> {
        self.calls.counts()
    }

    pub(crate) fn reset_store_calls(&self) {
        self.calls.reset();
    }

    /// How many sessions this process holds, if its store is in it.
    pub(crate) fn sessions(&self) -> Option<usize> {
        self.memory.as_ref().map(|memory| memory.stats().sessions)
    }

    /// Waits for commits that outlived their requests.
    pub(crate) async fn drain(&self) {
        const SPARE: Duration = Duration::from_secs(1);
        let deadline = self.engine.config().commit_timeout() + SPARE;
        if !self.engine.drain(deadline).await {
            tracing::warn!(?deadline, "commits were still running at the end");
        }
    }
}

/// A store, and the same once more if it is in this process.
type Opened = (Arc<dyn SessionStore>, Option<Arc<MemoryStore>>);

fn open_store(config: &StoreConfig) -> Result<Opened, ConfigError> {
    if config.url() != "memory:" {
        let store = StateServerStore::connect(config)?;
        return Ok((Arc::new(store), None));
    }
    match config.options().keys().next() {
        Some(option) => Err(config.error(
            option,
            "not an option of the memory store in this build",
            "remove it",
        )),
        None => {
            let memory = Arc::new(MemoryStore::default());
            Ok((memory.clone(), Some(memory)))
        }
    }
}
