//! [`PostgresStore`].

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_postgres::BuildError;
use session_core::{
    Acquire, ConfigError, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Save, Scope, SessionStore,
    StoreConfig, StoreError, StoreKey, Swept, Touch,
};

use super::NAME;
use super::dial::{Dialer, Purpose};
use super::fault::Target;
use super::links::Links;
use super::pool::Pooled;
use super::read::Reads;
use super::rename::Renaming;
use super::settings::PostgresStoreBuilder;
use super::statements::Statements;
use super::write::{
    Batches, Creates, Creating, Deletes, Deleting, Kind, Saves, Saving, Touches, Touching, Written,
};
use super::{lease, listing, meta, rename, sweep};
use crate::shared::gather::Gatherer;
use crate::shared::waiting;

type Gathered<K> = Gatherer<Batches<K>>;

/// Keeps sessions in a PostgreSQL database, version 12 or newer.
///
/// The tables are made once, by `sessionctl sql install --url …` or
/// [`Schema::install`](crate::schema::Schema::install). Connections are opened when they are
/// needed and live on the runtime that the store was built on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_core::ConfigError> {
/// use std::time::Duration;
/// use session_store_sql::PostgresStore;
///
/// let store = PostgresStore::builder("postgres://web:secret@localhost/shop?schema=web")?
///     .operation_timeout(Duration::from_secs(1))
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Connections
///
/// Reads share a few connections, on which they are pipelined. Creates, saves, touches and
/// deletes share a few others: what comes while a commit runs goes into the next one together.
/// If a row of such a statement is refused, or is locked by somebody else for long, each of its
/// rows is tried alone. Everything else takes a connection of the pool. In all there are at most
/// `connections + write_connections + 1 + pool` of them, 13 by default, for each instance.
///
/// A pooler between the store and the server must pool sessions, not transactions: statements
/// are prepared once for each connection.
///
/// # When the server is away
///
/// What fails because the server restarts, has no connection left, or found a deadlock, is
/// repeated until the operation timeout is over. A write whose answer was lost is repeated as
/// well: it names the revision that it was based on, so it happens once, and the store looks
/// whether it was this write that had already happened. A standby is refused for writes; where
/// the URL names several servers, the one that takes writes now is looked for.
pub struct PostgresStore {
    pub(super) dialer: Arc<Dialer>,
    pub(super) statements: Statements,
    pub(super) reads: Reads,
    pub(super) pooled: Arc<Pooled>,
    pub(super) turns: crate::shared::turns::Turns,
    /// Tells this instance from others that sweep.
    pub(super) instance: i64,
    creates: Gathered<Creates>,
    saves: Gathered<Saves>,
    touches: Gathered<Touches>,
    deletes: Gathered<Deletes>,
}

impl PostgresStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is connected yet.
    ///
    /// | url | |
    /// |---|---|
    /// | `postgres://user:password@host:5432/database` | a server; without a port it is 5432 |
    /// | `postgres://user@host1,host2/database` | several servers, of which one takes writes |
    /// | `postgres:///database?host=/run/postgresql` | a Unix socket in this folder |
    ///
    /// | option | default | |
    /// |---|---|---|
    /// | `host`, `port` | | in place of those in the URL |
    /// | `password_file` | none | a file whose first line is the password |
    /// | `sslmode` | by the host | `verify-full` (or `require`, which is the same here) or `disable`. Unless said otherwise, connections that leave this machine are encrypted, and the server's certificate and name are verified |
    /// | `sslrootcert` | the system's | a file with the certificates of the authorities to trust, in PEM |
    /// | `schema`, `table` | `public`, `sessions` | where the tables are and what their names begin with |
    /// | the others | | as in [`PostgresStoreBuilder`] |
    ///
    /// Names in the query may have `-` for `_`.
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        PostgresStoreBuilder::read(config)?.build()
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect), and the connections will live on the current runtime.
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<PostgresStoreBuilder, ConfigError> {
        PostgresStoreBuilder::read(&StoreConfig::new(url))
    }

    pub(super) fn new(dialer: Dialer) -> Result<Self, BuildError> {
        let statements = Statements::new(&dialer.settings.names);
        let dialer = Arc::new(dialer);
        let pooled = Arc::new(Pooled::new(&dialer)?);
        let connections = dialer.settings.write_connections;
        // Each kind by itself makes large batches; several kinds are committed together.
        let lanes = connections.div_ceil(2);
        let texts = [&statements.create, &statements.save, &statements.touch];
        let texts = texts.map(String::clone).into();
        let plain = Arc::new(Links::new(&dialer, Purpose::Plain, connections, texts));
        let ends = vec![statements.delete.clone()];
        let durable = Arc::new(Links::new(&dialer, Purpose::Durable, 1, ends));
        let parts = Parts {
            dialer: &dialer,
            pooled: &pooled,
        };
        Ok(Self {
            creates: parts.gatherer(&plain, 0, lanes, &statements.create),
            saves: parts.gatherer(&plain, 1, lanes, &statements.save),
            touches: parts.gatherer(&plain, 2, lanes, &statements.touch),
            deletes: parts.gatherer(&durable, 0, 1, &statements.delete),
            reads: Reads::new(&dialer, &statements),
            turns: crate::shared::turns::Turns::default(),
            instance: RandomState::new().hash_one(0).cast_signed(),
            dialer,
            statements,
            pooled,
        })
    }

    pub(super) fn target(&self) -> &Target {
        &self.dialer.target
    }

    /// Hands in a row and waits for its outcome, for as long as a batch may take.
    async fn gathered<K: Kind>(
        &self,
        gatherer: &Gathered<K>,
        row: K::Row,
    ) -> Result<Written<K::Outcome>, StoreError> {
        let settings = &self.dialer.settings;
        let patience = settings.operation_timeout + settings.connect_timeout;
        match tokio::time::timeout(patience, gatherer.write(row)).await {
            Ok(Ok(written)) => written,
            Ok(Err(_)) => Err(self.target().stopped().into()),
            Err(_) => Err(self.target().timed_out("phase: queue").into()),
        }
    }
}

struct Parts<'a> {
    dialer: &'a Arc<Dialer>,
    pooled: &'a Arc<Pooled>,
}

impl Parts<'_> {
    fn gatherer<K: Kind>(
        &self,
        links: &Arc<Links>,
        statement: usize,
        lanes: usize,
        text: &str,
    ) -> Gathered<K> {
        let batches = Batches {
            dialer: Arc::clone(self.dialer),
            links: Arc::clone(links),
            statement,
            pooled: Arc::clone(self.pooled),
            text: text.into(),
            kind: PhantomData,
        };
        Gatherer::new(batches, lanes, &self.dialer.runtime)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("dialer", &self.dialer)
            .field("pooled", &self.pooled)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
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
        let row = Creating {
            key,
            record: record.clone(),
            lifetime,
        };
        let written = self.gathered(&self.creates, row).await?;
        if written.uncertain && written.outcome == Create::AlreadyExists {
            return self.settle_create(&key, &record, written.outcome).await;
        }
        Ok(written.outcome)
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        Ok(self.reads.load(&key).await?)
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let row = Saving {
            key,
            base,
            record: record.clone(),
            lifetime,
            lease,
        };
        let written = self.gathered(&self.saves, row).await?;
        if matches!(lease, LeaseUse::Release(_)) {
            self.turns.wake(&key);
        }
        if written.uncertain {
            return self.settle_save(&key, base, &record, written.outcome).await;
        }
        Ok(written.outcome)
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        let written = self.gathered(&self.touches, Touching(key)).await?;
        Ok(written.outcome)
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
        rename::rename(&self, &renaming).await
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        let row = Deleting { key, reason };
        let written = self.gathered(&self.deletes, row).await?;
        self.turns.wake(&key);
        if written.uncertain && !written.outcome {
            return self.settle_delete(&key, reason).await;
        }
        Ok(written.outcome)
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        waiting::acquire(&self, key, lease, wait).await
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        lease::extend(&self, key, token, lease).await
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        lease::release(&self, key, token).await
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        listing::list(&self, principal, after).await
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        listing::delete_all(&self, principal, except).await
    }

    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError> {
        sweep::sweep(&self, limit).await
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        Ok(self.reads.meta(&name).await?)
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        meta::compare_and_set(&self, &name, expected, &value).await
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        Ok(self.reads.ping(&self.dialer.clock).await?)
    }
}
