//! [`Dialer`]: how a connection is made and set up.

use std::fmt;

use session_core::SystemClock;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_postgres::{Client, Config, Error};

use super::fault::{Fault, Target};
use super::settings::{Settings, SynchronousCommit};
use super::tls::Tls;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What may be lost in a crash, if the settings say so.
    Plain,
    /// Ends, leases and everything else that a crash must not undo.
    Durable,
}

/// Makes connections. They live on the runtime that the store was built on, whoever uses them.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) settings: Settings,
    pub(super) target: Target,
    pub(super) runtime: Handle,
    pub(super) clock: SystemClock,
    config: Config,
    tls: Tls,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A task that ends when nobody waits for it.
struct Leaving<T>(JoinHandle<T>);

impl<T> Drop for Leaving<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dialer {
    pub(super) fn new(settings: Settings, tls: Tls, runtime: Handle) -> Self {
        Self {
            target: Target::new(&settings),
            config: settings.driver(),
            clock: SystemClock::default(),
            settings,
            runtime,
            tls,
        }
    }

    /// A connection in the settings of the store, within the connect timeout.
    pub(super) async fn dial(&self, purpose: Purpose) -> Result<Connection, Fault> {
        let patience = self.settings.connect_timeout;
        match tokio::time::timeout(patience, self.open(purpose)).await {
            Ok(Some(Ok((client, driver)))) => Ok(Connection {
                client,
                driver: driver.abort_handle(),
            }),
            Ok(Some(Err(error))) => Err(self.target.connecting(&error)),
            Ok(None) => Err(self.target.stopped()),
            Err(_) => Err(self.target.timed_out("phase: connect")),
        }
    }

    /// The same without a limit; none if the runtime has ended.
    pub(super) async fn open(
        &self,
        purpose: Purpose,
    ) -> Option<Result<(Client, JoinHandle<()>), Error>> {
        let dialer = self.clone();
        let dialing = async move { dialer.open_here(purpose).await };
        let mut task = Leaving(self.runtime.spawn(dialing));
        (&mut task.0).await.ok()
    }

    async fn open_here(self, purpose: Purpose) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            // Whoever has a statement on it is told by the client.
            let _ = connection.await;
        });
        client.batch_execute(&self.set_up(purpose)).await?;
        Ok((client, driver))
    }

    /// What every connection starts with.
    ///
    /// Every statement finds its rows by an index, however small or young the tables are: a plan
    /// that was made for ten rows must not be kept for a million.
    fn set_up(&self, purpose: Purpose) -> String {
        let operation = self.settings.operation_timeout.as_millis();
        let commit = match (purpose, self.settings.synchronous_commit) {
            (_, None) => "current_setting('synchronous_commit')".to_owned(),
            (Purpose::Durable, Some(SynchronousCommit::Off)) => "'on'".to_owned(),
            (_, Some(when)) => format!("'{}'", when.as_str()),
        };
        let commit = match purpose {
            Purpose::Plain => commit,
            Purpose::Durable => format!("CASE {commit} WHEN 'off' THEN 'on' ELSE {commit} END"),
        };
        format!(
            "SET search_path TO pg_catalog; \
             SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET plan_cache_mode TO force_generic_plan; \
             SET enable_seqscan TO off; SET enable_hashjoin TO off; \
             SET enable_mergejoin TO off; SET jit TO off; \
             SET statement_timeout TO {operation}; SET lock_timeout TO {lock}; \
             SELECT set_config('synchronous_commit', {commit}, false)",
            lock = (operation / 4).max(1),
        )
    }
}

/// A connection that is closed when it is dropped, even if the server does not answer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
