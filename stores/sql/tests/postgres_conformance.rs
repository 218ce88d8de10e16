//! The conformance suite on PostgreSQL, over a Unix socket and over TLS.

#![cfg(feature = "postgres")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::conformance::{Harness, Sweeping};

/// Tables of its own.
struct Tables {
    url: String,
}

impl Tables {
    async fn fresh() -> Self {
        let url = support::shared().tables().await;
        Self { url }
    }
}

#[async_trait]
impl Harness for Tables {
    async fn store(&self) -> Arc<dyn SessionStore> {
        support::store(&self.url)
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(800)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(200)
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

mod unix {
    session_core::conformance_suite!(crate::Tables::fresh().await);
}
