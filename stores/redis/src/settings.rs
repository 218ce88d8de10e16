//! How servers are spoken to.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use crate::address::Address;
use crate::secret::Secret;
use crate::stats::Counters;
use crate::store::RedisStore;
use crate::tls::Tls;

/// The settings that every connection goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) deployment: Deployment,
    pub(crate) login: Login,
    /// The name of the primary among the sentinels.
    pub(crate) service: String,
    pub(crate) sentinel_login: Login,
    pub(crate) tls: Option<Tls>,
    pub(crate) key_prefix: String,
    pub(crate) allow_eviction: bool,
    pub(crate) wait_replicas: u32,
    pub(crate) wait_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) operation_timeout: Duration,
    pub(crate) counters: Arc<Counters>,
}

/// How the servers stand together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deployment {
    #[default]
    Single,
    Sentinel,
    Cluster,
}

/// Who we are to a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deployment: Deployment::Single,
            login: Login::default(),
            service: String::new(),
            sentinel_login: Login::default(),
            tls: None,
            key_prefix: "session:".to_owned(),
            allow_eviction: false,
            wait_replicas: 0,
            wait_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(2),
            counters: Arc::default(),
        }
    }
}

/// Where the servers are and how they are spoken to.
#[derive(Clone, Debug)]
pub struct RedisStoreBuilder {
    pub(crate) servers: Vec<Address>,
    pub(crate) settings: Settings,
    pub(crate) runtime: Handle,
}

impl RedisStoreBuilder {
    /// What the names of our keys begin with. Default `session:`. Applications that share a
    /// database need different ones.
    ///
    /// # Errors
    /// It has a brace, which would change the slots of keys, or white space.
    pub fn key_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        let config = StoreConfig::default();
        self.settings.set(&config, "key_prefix", prefix)?;
        Ok(self)
    }

    /// Works with a server that may evict sessions when its memory runs short. Whoever fills the
    /// memory can then log other people out, and a tombstone that is evicted no longer tells an
    /// ended session from an absent one.
    #[must_use]
    pub fn allow_eviction(mut self) -> Self {
        self.settings.allow_eviction = true;
        self
    }

    /// Creates, renewals and deletes are answered after this many replicas have them, waiting up
    /// to `timeout` (`WAIT`); an error tells if they have not. Default: none are waited for, and
    /// a failover may forget an acknowledged logout. Such writes travel on connections of their
    /// own.
    #[must_use]
    pub fn wait_for_replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.settings.wait_replicas = count;
        self.settings.wait_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// How long connecting may take, checks included, and how long requests wait for a server
    /// that is away. Default 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an operation may take once there is a connection. Default 2 s. A connection
    /// whose answer takes longer is given up.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// The store. Nothing is connected yet.
    #[must_use]
    pub fn build(self) -> RedisStore {
        RedisStore::new(&self.servers, self.settings, self.runtime)
    }
}
