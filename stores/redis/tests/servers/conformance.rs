//! The conformance suite against one server, and against a cluster of three.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::conformance::{Harness, Sweeping};
use session_store_redis::RedisStore;
use tokio::sync::OnceCell;

use crate::cluster::RedisCluster;
use crate::server::RedisServer;

/// A store at this URL.
struct At(String);

#[async_trait]
impl Harness for At {
    async fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(RedisStore::builder(&self.0).unwrap().build())
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unit(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(250)
    }

    /// A tombstone takes a minute; its clause runs by itself.
    fn patience(&self) -> Duration {
        match std::env::var_os("FULL") {
            Some(_) => Duration::from_secs(70),
            None => Duration::from_secs(20),
        }
    }

    fn serves_in_order(&self) -> bool {
        false
    }

    fn sweeping(&self) -> Sweeping {
        Sweeping::ByItself
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn single() -> At {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    let server = SERVER.get_or_init(|| RedisServer::start(&[])).await;
    At(server.url(""))
}

mod one_server {
    session_core::conformance_suite!(crate::conformance::single().await);
}

async fn three_servers() -> At {
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
    At(cluster.url(""))
}

mod cluster {
    session_core::conformance_suite!(crate::conformance::three_servers().await);
}
