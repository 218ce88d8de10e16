//! [`MysqlStore`].

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Acquire, ConfigError, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Save, Scope, SessionStore,
    StoreConfig, StoreError, StoreKey, Swept, Touch,
};

use super::NAME;
use super::dial::{Deadline, Dialer};
use super::fault::Target;
use super::pool::Pool;
use super::rename::Renaming;
use super::settings::MysqlStoreBuilder;
use super::statements::Statements;
use super::write::Saving;
use crate::shared::turns::Turns;
use crate::shared::waiting;

/// Keeps sessions in a MySQL database, version 8.0 or newer, or MariaDB, 10.5 or newer.
///
/// The tables are made once, by `sessionctl sql install --url …` or
/// [`Schema::install`](crate::schema::Schema::install). Connections are opened when they are
/// needed and live on the runtime that the store was built on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_core::ConfigError> {
/// use std::time::Duration;
/// use session_store_sql::MysqlStore;
///
/// let store = MysqlStore::builder("mysql://web:secret@localhost/shop?table=web_sessions")?
///     .operation_timeout(Duration::from_secs(1))
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Round trips
///
/// Every operation is one round trip where nothing stands in its way. A save or rename that does
/// not happen takes a second one to learn why, and brings the current record from it; taking a
/// lease takes two.
///
/// # When the server is away
///
/// What fails because the server restarts, has no connection left, or found a deadlock, is
/// repeated until the operation timeout is over. A write whose answer was lost is repeated as
/// well: it names the revision that it was based on, so it happens once, and the store looks
/// whether it was this write that had already happened.
///
/// # When the server crashes
///
/// What was answered is on the server's disk: a server that is set to answer earlier
/// (`innodb_flush_log_at_trx_commit` other than 1) is refused, unless
/// [`accept_delayed_flush`](MysqlStoreBuilder::accept_delayed_flush) is on.
pub struct MysqlStore(Arc<Inner>);

/// What the tasks of a store share.
pub(super) struct Inner {
    pub(super) dialer: Arc<Dialer>,
    pub(super) statements: Statements,
    pub(super) pool: Pool,
    pub(super) turns: Turns,
    /// Tells this instance from others that sweep.
    pub(super) instance: i64,
}

impl MysqlStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is connected yet.
    ///
    /// | url | |
    /// |---|---|
    /// | `mysql://user:password@host:3306/database` | a server; without a port it is 3306 |
    /// | `mysql://user@/database?host=/run/mysqld/mysqld.sock` | a Unix socket |
    ///
    /// `mariadb://` is the same.
    ///
    /// | option | default | |
    /// |---|---|---|
    /// | `host`, `port` | | in place of those in the URL; `socket` is another word for the former |
    /// | `password_file` | none | a file whose first line is the password |
    /// | `sslmode` | by the host | `verify-full` (or `require`, which is the same here) or `disable`. Unless said otherwise, connections that leave this machine are encrypted, and the server's certificate and name are verified |
    /// | `sslrootcert` | the system's | a file with the certificates of the authorities to trust, in PEM |
    /// | `table` | `sessions` | what the names of the tables begin with |
    /// | the others | | as in [`MysqlStoreBuilder`] |
    ///
    /// Names in the query may have `-` for `_`.
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        MysqlStoreBuilder::read(config)?.build()
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect), and the connections will live on the current runtime.
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<MysqlStoreBuilder, ConfigError> {
        MysqlStoreBuilder::read(&StoreConfig::new(url))
    }

    pub(super) fn new(dialer: Dialer) -> Self {
        let dialer = Arc::new(dialer);
        Self(Arc::new(Inner {
            statements: Statements::new(&dialer.settings.table),
            pool: Pool::new(&dialer),
            turns: Turns::default(),
            instance: RandomState::new().hash_one(0).cast_signed(),
            dialer,
        }))
    }

    /// Runs an operation in a task of its own, so that it runs to its end even if nobody waits
    /// for it, and its connection is not lost half-way through an answer.
    async fn run<T, E, Running>(
        &self,
        operation: impl FnOnce(Arc<Inner>) -> Running,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        E: Into<StoreError> + Send + 'static,
        Running: Future<Output = Result<T, E>> + Send + 'static,
    {
        let running = operation(Arc::clone(&self.0));
        match self.0.dialer.runtime.spawn(running).await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(self.0.target().stopped().into()),
        }
    }
}

impl Inner {
    pub(super) fn target(&self) -> &Target {
        &self.dialer.target
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.dialer.deadline()
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlStore")
            .field("dialer", &self.0.dialer)
            .field("pool", &self.0.pool)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for MysqlStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        self.run(async move |store| store.create(key, &record, lifetime).await)
            .await
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        self.run(async move |store| store.load(&key).await).await
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let saving = Saving {
            key,
            base,
            record,
            lifetime,
            lease,
        };
        self.run(async move |store| store.save(&saving).await).await
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        self.run(async move |store| store.touch(&key).await).await
    }

    async fn rename(
        self: Arc<Self>,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let renaming = Renaming {
            from,
            to,
            base,
            record,
            lifetime,
            lease,
        };
        self.run(async move |store| store.rename(&renaming).await)
            .await
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        self.run(async move |store| store.delete(&key, reason).await)
            .await
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        waiting::acquire(&self.0, key, lease, wait).await
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        self.run(async move |store| store.extend(&key, token, lease).await)
            .await
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        self.run(async move |store| store.release(&key, token).await)
            .await
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        self.run(async move |store| store.list(&principal, after.as_ref()).await)
            .await
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        self.run(async move |store| store.delete_all(&principal, except.as_ref()).await)
            .await
    }

    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError> {
        self.run(async move |store| store.sweep(limit).await).await
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        self.run(async move |store| {
            let deadline = store.deadline();
            store.meta(&name, deadline).await
        })
        .await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        self.run(async move |store| store.compare_and_set(&name, expected, &value).await)
            .await
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        self.run(async move |store| store.ping().await).await
    }
}
