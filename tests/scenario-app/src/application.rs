//! [`Application`]: what a configuration file amounts to.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use session_core::testing::CountingStore;
use session_core::{ConfigError, ConfigFile, Engine, KeyRingDrift, NotReady, StoreConfig};
use session_store_memory::MemoryStore;

/// An engine, and a view of its store that black-box tests can ask for.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    engine: Engine,
    calls: Arc<CountingStore>,
    memory: Arc<MemoryStore>,
}

impl Application {
    /// Opens what the configuration file at `path` names. Call it inside the runtime.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let config = ConfigFile::load(path)?;
        let memory = open_store(&config.store)?;
        let ring = config.machine_key.open()?;
        let calls = CountingStore::wrap(memory.clone());
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
        // Tests count what requests cost.
        self.reset_store_calls();
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

    /// How many sessions the store holds.
    pub(crate) fn sessions(&self) -> usize {
        self.memory.stats().sessions
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

fn open_store(config: &StoreConfig) -> Result<Arc<MemoryStore>, ConfigError> {
    if config.url() != "memory:" {
        let wrong = "this build has only the memory store";
        return Err(config.error("url", wrong, "write url = \"memory:\""));
    }
    match config.options().keys().next() {
        Some(option) => Err(config.error(
            option,
            "not an option of the memory store in this build",
            "remove it",
        )),
        None => Ok(Arc::new(MemoryStore::default())),
    }
}
