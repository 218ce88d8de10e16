//! The conformance suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::conformance::{Harness, Sweeping};

use crate::server;

/// Tables of its own.
struct Tables {
    url: String,
}

impl Tables {
    async fn fresh() -> Self {
        let url = server::shared().tables().await;
        Self { url }
    }
}

#[async_trait]
impl Harness for Tables {
    async fn store(&self) -> Arc<dyn SessionStore> {
        server::store(&self.url)
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(600)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(150)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn rounds(&self) -> usize {
        50
    }

    fn sweeping(&self) -> Sweeping {
        Sweeping::Exact
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

session_core::conformance_suite!(Tables::fresh().await);
