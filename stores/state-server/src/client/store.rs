//! [`StateServerStore`].

use std::sync::Arc;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use super::address::Address;
use super::farm::Farm;
use super::plain::Plain;
use super::settings::{Protocol, Settings, StateServerStoreBuilder};

/// Keeps sessions in one or several `session-state-server`s.
///
/// Connections are opened when they are needed and live on the runtime that the store was built
/// on. Requests for the same session are sent in order on the same connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_core::ConfigError> {
/// use std::time::Duration;
/// use session_store_state_server::StateServerStore;
///
/// let store = StateServerStore::builder("state-server://127.0.0.1:42424")?
///     .operation_timeout(Duration::from_secs(1))
///     .build();
/// # Ok(())
/// # }
/// ```
///
/// # When a server is away
///
/// Requests wait for it as long as the connect timeout from the first failure on, so a quick
/// restart fails none of them; after that they fail at once when an attempt to connect fails.
/// What was written to a connection that then broke is repeated if it only reads, once; a write
/// is repeated only if the server cannot have seen it. Answers come in order, so a server that
/// does not answer the oldest request within the operation timeout is given up, with everything
/// on that connection.
///
/// # Foreign servers
///
/// With `protocol=ms-asp` the store speaks the published ASP.NET State Server protocol and
/// nothing else, as an existing state service does. That costs: every write takes two round
/// trips, a reader waits while a write is under way, times are those of the clients' clocks (which
/// have to agree), waiters for a lease are served in no order, and a writer that is paused for
/// seconds in the middle of a write may overwrite what came meanwhile. There is no list of a
/// principal's sessions, no end for all of them and no control row: these are
/// [`Unsupported`](session_core::StoreErrorKind::Unsupported). There is no token either. Requests
/// go one at a time on up to `waiting_connections` connections.
#[derive(Debug)]
pub struct StateServerStore {
    pub(super) backend: Backend,
}

/// Who keeps the sessions.
#[derive(Debug)]
pub(super) enum Backend {
    /// Servers that speak our extensions.
    Own(Farm),
    /// Servers of the published protocol.
    Foreign(Arc<Plain>),
}

impl StateServerStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is connected yet.
    ///
    /// | url | |
    /// |---|---|
    /// | `state-server://host:42424,host2` | one server or several, each with a part of the sessions; without a port it is 42424 |
    /// | `state-server+unix:///run/state.sock` | a Unix socket |
    /// | `tcpip=host:42424` | as ASP.NET writes it |
    ///
    /// The options are those of [`StateServerStoreBuilder`], with `token_file` for the token, and
    /// these (those for TLS with the feature `tls`, which is on by default). Names in the query may have `-` for `_`.
    ///
    /// | option | |
    /// |---|---|
    /// | `protocol` | `ms-asp` for a server that is no `session-state-server` |
    /// | `tls` | `system`: the server's certificate is of an authority that the system trusts; or the absolute path of a PEM file with its authority |
    /// | `tls_server_name` | the name in the certificate, if it is not that in the URL |
    /// | `tls_client_cert`, `tls_client_key` | PEM files that show who we are, where the server demands it |
    ///
    /// A token goes to other machines over TLS only; `insecure_token_over_plain_tcp = true` lets
    /// everybody read it who can read the network. On loopback and on a Unix socket nothing is
    /// demanded.
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        StateServerStoreBuilder::read(config).map(StateServerStoreBuilder::build)
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect), and the connections will live on the current runtime.
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<StateServerStoreBuilder, ConfigError> {
        StateServerStoreBuilder::read(&StoreConfig::new(url))
    }

    pub(super) fn new(addresses: Vec<Address>, settings: Settings, runtime: &Handle) -> Self {
        let backend = match settings.protocol {
            Protocol::Extended => Backend::Own(Farm::new(addresses, settings, runtime)),
            Protocol::MsAsp => Backend::Foreign(Arc::new(Plain::new(addresses, settings, runtime))),
        };
        Self { backend }
    }
}
