//! [`SqliteStore`].

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
use tokio::runtime::Handle;

use super::NAME;
use super::meta::{self, Setting};
use super::open::{Opener, Tables};
use super::read::Reads;
use super::rename::Renaming;
use super::settings::SqliteStoreBuilder;
use super::write::{self, Creating, Deleting, Queue, Saving, Touching};
use super::{lease, listing, sweep};
use crate::shared::turns::Turns;
use crate::shared::waiting;

/// Keeps sessions in a SQLite file, on a local file system.
///
/// The tables are made once, by `sessionctl sql install --url sqlite:…` or
/// [`Schema::install`](crate::schema::Schema::install), or by the store itself if it is told to.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// use session_core::SessionStore;
/// use session_store_sql::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// let file = folder.path().join("sessions.db");
/// let store = SqliteStore::builder(&format!("sqlite:{}", file.display()))?
///     .create(true)
///     .build();
/// Arc::new(store).ping().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Reads and writes
///
/// One thread writes. What comes while it commits goes into the next transaction together, and
/// nobody waits for a transaction to fill. Reads neither wait for writes nor hold them up. They
/// run in place; if one had to wait for the disk, those after it run on threads for blocking
/// work for a while.
///
/// # Several processes
///
/// Any number of processes on one machine may use the file. They write in turn, a few
/// milliseconds each, and queue up for that at two lock files beside the database; a process that
/// dies loses its turn. Other programs may read the file, and must not keep a writing
/// transaction open: writes wait for it, and fail when their time is over.
///
/// # Time
///
/// Sessions live by the machine's clock. If it is set back, time goes on from where it was, so
/// nothing that has expired comes back; the file keeps the latest time that was seen.
pub struct SqliteStore {
    pub(super) opener: Arc<Opener>,
    pub(super) runtime: Handle,
    pub(super) queue: Arc<Queue>,
    pub(super) reads: Reads,
    pub(super) turns: Turns,
    /// Tells this instance from others that sweep.
    pub(super) instance: i64,
}

impl SqliteStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is opened yet.
    ///
    /// The URL is `sqlite:` and the path of the file, as in `sqlite:/var/lib/shop/sessions.db`.
    ///
    /// | option | default | |
    /// |---|---|---|
    /// | `table` | `sessions` | what the names of the tables begin with |
    /// | the others | | as in [`SqliteStoreBuilder`] |
    ///
    /// Names in the query may have `-` for `_`.
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        Ok(SqliteStoreBuilder::read(config)?.build())
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<SqliteStoreBuilder, ConfigError> {
        SqliteStoreBuilder::read(&StoreConfig::new(url))
    }

    pub(super) fn new(opener: Opener, runtime: Handle) -> Self {
        let opener = Arc::new(opener);
        let queue = Arc::new(Queue::new(Arc::clone(&opener)));
        if write::start(Arc::clone(&opener), Arc::clone(&queue)).is_err() {
            // Without the thread every write says that the store is closed.
            queue.close();
        }
        Self {
            reads: Reads::new(&opener, &runtime),
            turns: Turns::default(),
            instance: RandomState::new().hash_one(0).cast_signed(),
            opener,
            runtime,
            queue,
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("settings", &self.opener.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
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
        let creating = Creating {
            key,
            record,
            lifetime,
        };
        Ok(self.queue.write(creating).await?)
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        Ok(self.reads.load(key).await?)
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
        let outcome = self.queue.write(saving).await?;
        if matches!(lease, LeaseUse::Release(_)) {
            self.turns.wake(&key);
        }
        Ok(outcome)
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        Ok(self.queue.write(Touching(key)).await?)
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
        if from.route() != to.route() {
            return Err(self.opener.target.taken().into());
        }
        let renaming = Renaming {
            from,
            to,
            base,
            record,
            lifetime,
            lease,
        };
        let outcome = self.queue.write(renaming).await?;
        self.turns.wake(&from);
        outcome.ok_or_else(|| self.opener.target.taken().into())
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        let deleted = self.queue.write(Deleting { key, reason }).await?;
        self.turns.wake(&key);
        Ok(deleted)
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
        let read = move |tables: &Tables<'_>| meta::row(&name, tables);
        Ok(self.reads.ask(read).await?)
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        let setting = Setting {
            name,
            expected,
            value,
        };
        Ok(self.queue.write(setting).await?)
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        Ok(self.reads.ping().await?)
    }
}
