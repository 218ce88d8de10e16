//! The conformance suite through the client against a server that keeps its sessions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::conformance::{Harness, Sweeping};
use session_store_state_server::StateServerStore;

use crate::daemon::{Daemon, Place};

struct Keeping {
    daemon: Daemon,
    _place: Place,
}

impl Keeping {
    fn new() -> Self {
        let place = Place::in_memory();
        Self {
            daemon: place.start(&[]),
            _place: place,
        }
    }
}

#[async_trait]
impl Harness for Keeping {
    async fn store(&self) -> Arc<dyn SessionStore> {
        let address = self.daemon.address;
        let url = format!("state-server://{address}?connect-timeout=10s");
        Arc::new(StateServerStore::builder(&url).unwrap().build())
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn sweeping(&self) -> Sweeping {
        Sweeping::ByItself
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

session_core::conformance_suite!(Keeping::new());
