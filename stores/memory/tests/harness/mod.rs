//! A memory store and the clock that it goes by.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::ManualClock;
use session_core::testing::conformance::{Harness, Sweeping};
use session_store_memory::MemoryStore;

#[derive(Debug, Default)]
pub(crate) struct MemoryHarness {
    pub(crate) clock: ManualClock,
}

#[async_trait]
impl Harness for MemoryHarness {
    async fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(MemoryStore::builder().clock(self.clock.clone()).build())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn unit(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn rounds(&self) -> usize {
        1_000
    }

    fn sweeping(&self) -> Sweeping {
        Sweeping::Exact
    }
}
