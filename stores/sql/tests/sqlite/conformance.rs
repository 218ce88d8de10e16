//! The conformance suite, with a clock that moves by hand.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::ManualClock;
use session_core::testing::conformance::{Harness, Sweeping};
use session_store_sql::SqliteStore;

use crate::file::File;

struct FileHarness {
    file: File,
    clock: ManualClock,
}

impl FileHarness {
    fn fresh() -> Self {
        Self {
            file: File::fresh(),
            clock: ManualClock::default(),
        }
    }
}

#[async_trait]
impl Harness for FileHarness {
    async fn store(&self) -> Arc<dyn SessionStore> {
        let url = self.file.url("create=true&synchronous=normal");
        let builder = SqliteStore::builder(&url).unwrap();
        let builder = builder.operation_timeout(Duration::from_secs(20));
        Arc::new(builder.clock(self.clock.clone()).build())
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

    fn sweeping(&self) -> Sweeping {
        Sweeping::Exact
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

session_core::conformance_suite!(FileHarness::fresh());
