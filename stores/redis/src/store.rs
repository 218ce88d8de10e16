//! [`RedisStore`].

use std::sync::Arc;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use crate::address::Address;
use crate::fleet::Fleet;
use crate::keys::Keys;
use crate::settings::{RedisStoreBuilder, Settings};
use crate::stats::RedisStats;

/// Keeps sessions in Redis or Valkey.
///
/// Connections are opened when they are needed and live on the runtime that the store was built
/// on. All operations share one connection to each server.
///
/// # When a server is away
///
/// Requests wait for it as long as the connect timeout from the first failure on, so a quick
/// restart fails few of them; after that they fail at once, and attempts to connect come with
/// growing pauses of up to a second. Reads that were cut off are asked once more; a write that
/// was cut off is not, since it may have happened.
///
/// # Memory
///
/// A server that evicts keys is refused, unless the settings allow it. A server that is full and
/// evicts nothing refuses writes: new sessions and saves fail
/// ([`Full`](session_core::StoreErrorKind::Full)), loads go on, and a delete still ends its
/// session, though without a tombstone, so that it is absent from then on.
///
/// # Failover
///
/// Replication is asynchronous: a failover can lose what was acknowledged just before. A write
/// that finds the session's revision lower than the one it was based on is a conflict like any
/// other; that a failover is its cause is logged as an error and counted
/// ([`RedisStats::revisions_lost`]). With `wait_replicas` creates, renewals and deletes
/// wait until replicas have them.
///
/// Leases are given to whoever asks first after they are free; waiters ask again with growing
/// pauses of up to a tenth of a second.
#[derive(Debug)]
pub struct RedisStore {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) keys: Keys,
    pub(crate) runtime: Handle,
}

impl RedisStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is connected yet.
    ///
    /// | url | |
    /// |---|---|
    /// | `redis://user:password@host:6379/0` | one server; port, user, password and database may be left out |
    /// | `redis-sentinel://host1,host2/mymaster/0` | the primary that these sentinels call `mymaster`; the user and password are those of the primary |
    /// | `redis-cluster://host1,host2` | the cluster that these servers belong to |
    /// | `rediss://`, `rediss-sentinel://`, `rediss-cluster://` | the same over TLS |
    /// | `valkey://`, `valkeys://` and so on | other words for the same |
    ///
    /// The options are those of [`RedisStoreBuilder`], with `wait_replicas` and `wait_timeout`
    /// for its [`wait_for_replicas`](RedisStoreBuilder::wait_for_replicas), and these. Names in
    /// the query may have `-` for `_`.
    ///
    /// | option | |
    /// |---|---|
    /// | `password_file` | a file with the password in one line |
    /// | `tls` | `system`: the server's certificate is of an authority that the system trusts (the default with `rediss`); or the absolute path of a PEM file with its authority |
    /// | `tls_client_cert`, `tls_client_key` | PEM files that show who we are, where the server demands it |
    /// | `sentinel_user`, `sentinel_password_file` | who we are to the sentinels |
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        RedisStoreBuilder::read(config).map(RedisStoreBuilder::build)
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect), and the connections will live on the current runtime.
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<RedisStoreBuilder, ConfigError> {
        RedisStoreBuilder::read(&StoreConfig::new(url))
    }

    /// What the store has noticed since it was built.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        self.fleet.settings().counters.read()
    }

    pub(crate) fn new(servers: &[Address], settings: Settings, runtime: Handle) -> Self {
        Self {
            keys: Keys::new(&settings.key_prefix),
            fleet: Arc::new(Fleet::new(servers, settings, runtime.clone())),
            runtime,
        }
    }
}
