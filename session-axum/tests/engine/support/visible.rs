//! A store whose rows a test sees, and whose answers it can edit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use session_core::{
    Acquire, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load, Loaded,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Save, Scope, SessionStore,
    StoreError, StoreKey, Swept, Touch,
};

/// Who sees the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visible {
    ToThisProcess,
    ToOthers,
}

type Edit = Arc<dyn Fn(StoreKey, &mut Loaded) + Send + Sync>;

/// A store around a store.
pub(crate) struct VisibleStore {
    inner: Arc<dyn SessionStore>,
    visible: Visible,
    /// Every row that was written, in order.
    written: Mutex<Vec<(StoreKey, Record)>>,
    edit: Mutex<Option<Edit>>,
    /// How often all control rows were lost.
    losses: AtomicU32,
}

impl std::fmt::Debug for VisibleStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisibleStore(..)")
    }
}

impl VisibleStore {
    pub(crate) fn wrap(inner: Arc<dyn SessionStore>, visible: Visible) -> Arc<Self> {
        Arc::new(Self {
            inner,
            visible,
            written: Mutex::default(),
            edit: Mutex::default(),
            losses: AtomicU32::default(),
        })
    }

    /// Loses all control rows, as a store in memory does that is started again.
    pub(crate) fn lose_rows(&self) {
        self.losses.fetch_add(1, Ordering::Relaxed);
    }

    fn row(&self, name: &str) -> String {
        format!("{}/{name}", self.losses.load(Ordering::Relaxed))
    }

    /// Edits every row on its way out, until [`VisibleStore::leave_alone`].
    pub(crate) fn edit(&self, edit: impl Fn(StoreKey, &mut Loaded) + Send + Sync + 'static) {
        *self.edit.lock() = Some(Arc::new(edit));
    }

    pub(crate) fn leave_alone(&self) {
        *self.edit.lock() = None;
    }

    /// Every row that was written, in order.
    pub(crate) fn written(&self) -> Vec<(StoreKey, Record)> {
        self.written.lock().clone()
    }

    /// The row that was written last.
    pub(crate) fn last(&self) -> (StoreKey, Record) {
        self.written.lock().last().cloned().unwrap()
    }

    fn note(&self, key: StoreKey, record: &Record) {
        self.written.lock().push((key, record.clone()));
    }

    fn show(&self, key: StoreKey, mut loaded: Loaded) -> Loaded {
        let edit = self.edit.lock().clone();
        if let Some(edit) = edit {
            edit(key, &mut loaded);
        }
        loaded
    }

    fn show_saved(&self, key: StoreKey, saved: Save) -> Save {
        match saved {
            Save::Stale(current) => Save::Stale(self.show(key, current)),
            other => other,
        }
    }
}

#[async_trait]
impl SessionStore for VisibleStore {
    fn name(&self) -> &'static str {
        "visible"
    }

    fn scope(&self) -> Scope {
        match self.visible {
            Visible::ToThisProcess => Scope::Process,
            Visible::ToOthers => Scope::Shared,
        }
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        self.note(key, &record);
        self.inner.clone().create(key, record, lifetime).await
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        Ok(match self.inner.clone().load(key).await? {
            Load::Found(loaded) => Load::Found(self.show(key, loaded)),
            other => other,
        })
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        self.note(key, &record);
        let saving = self.inner.clone().save(key, base, record, lifetime, lease);
        Ok(self.show_saved(key, saving.await?))
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        self.inner.clone().touch(key).await
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
        self.note(to, &record);
        let inner = self.inner.clone();
        let renaming = inner.rename(from, to, base, record, lifetime, lease);
        Ok(self.show_saved(from, renaming.await?))
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        self.inner.clone().delete(key, reason).await
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        Ok(match self.inner.clone().acquire(key, lease, wait).await? {
            Acquire::Acquired(token, loaded) => Acquire::Acquired(token, self.show(key, loaded)),
            other => other,
        })
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        self.inner.clone().extend(key, token, lease).await
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        self.inner.clone().release(key, token).await
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        self.inner.clone().list(principal, after).await
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        self.inner.clone().delete_all(principal, except).await
    }

    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError> {
        self.inner.clone().sweep(limit).await
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        self.inner.clone().meta_get(self.row(&name)).await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        let (inner, name) = (self.inner.clone(), self.row(&name));
        inner.meta_compare_and_set(name, expected, value).await
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        self.inner.clone().ping().await
    }
}
