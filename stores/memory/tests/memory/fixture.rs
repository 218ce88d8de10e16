//! A store, its clock, and short names for what tests do with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use session_core::testing::ManualClock;
use session_core::{
    Acquire, Create, EndReason, LeaseToken, LeaseUse, Lifetime, Load, Record, Revision, Save,
    SessionStore, StoreError, StoreKey, Timestamp, Touch,
};
use session_store_memory::{MemoryStore, MemoryStoreBuilder};

/// A lifetime that tests outlive by moving the clock.
pub(crate) fn lifetime() -> Lifetime {
    Lifetime {
        idle: Duration::from_secs(1_200),
        absolute: Duration::from_secs(43_200),
    }
}

pub(crate) fn record_of_size(bytes: usize) -> Record {
    Record {
        payload: Bytes::from(vec![b'x'; bytes]),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1),
        deadline: Timestamp::from_millis(2),
    }
}

/// A store, its clock, and short names for what tests do with them.
pub(crate) struct Fixture {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: ManualClock,
    keys: AtomicU64,
}

impl Fixture {
    pub(crate) fn new(settings: MemoryStoreBuilder) -> Self {
        let clock = ManualClock::default();
        Self {
            store: Arc::new(settings.clock(clock.clone()).build()),
            clock,
            keys: AtomicU64::new(1),
        }
    }

    pub(crate) fn on_system_clock() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            ..Self::new(MemoryStore::builder())
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A key that was not used before, on a route that varies.
    pub(crate) fn key(&self) -> StoreKey {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes()[6..]);
        bytes[24..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        StoreKey::from_bytes(bytes)
    }

    /// A fresh key on the route of `key`.
    pub(crate) fn renewed(&self, key: StoreKey) -> StoreKey {
        let mut bytes = *self.key().as_bytes();
        bytes[..2].copy_from_slice(key.route().as_bytes());
        StoreKey::from_bytes(bytes)
    }

    pub(crate) async fn create(&self, size: usize) -> Result<StoreKey, StoreError> {
        let key = self.key();
        self.create_at(key, size).await?;
        Ok(key)
    }

    pub(crate) async fn create_at(&self, key: StoreKey, size: usize) -> Result<Create, StoreError> {
        let store = Arc::clone(&self.store);
        store.create(key, record_of_size(size), lifetime()).await
    }

    pub(crate) fn begin_create(
        &self,
    ) -> impl Future<Output = Result<Create, StoreError>> + Send + use<> {
        let store = Arc::clone(&self.store);
        store.create(self.key(), record_of_size(10), lifetime())
    }

    pub(crate) async fn load(&self, key: StoreKey) -> Load {
        Arc::clone(&self.store).load(key).await.unwrap()
    }

    pub(crate) async fn save(&self, key: StoreKey, size: usize) -> Result<Save, StoreError> {
        self.save_for(key, size, lifetime()).await
    }

    pub(crate) async fn save_for(
        &self,
        key: StoreKey,
        size: usize,
        lifetime: Lifetime,
    ) -> Result<Save, StoreError> {
        let record = record_of_size(size);
        let base = Revision::FIRST;
        let store = Arc::clone(&self.store);
        store
            .save(key, base, record, lifetime, LeaseUse::None)
            .await
    }

    pub(crate) async fn rename(&self, from: StoreKey, to: StoreKey, lease: LeaseUse) -> Save {
        let record = record_of_size(10);
        let store = Arc::clone(&self.store);
        store
            .rename(from, to, Revision::FIRST, record, lifetime(), lease)
            .await
            .unwrap()
    }

    pub(crate) async fn touch(&self, key: StoreKey) -> Touch {
        Arc::clone(&self.store).touch(key).await.unwrap()
    }

    pub(crate) async fn delete(&self, key: StoreKey, reason: EndReason) -> bool {
        Arc::clone(&self.store).delete(key, reason).await.unwrap()
    }

    pub(crate) async fn sweep(&self, limit: usize) -> usize {
        Arc::clone(&self.store).sweep(limit).await.unwrap().len()
    }

    pub(crate) async fn acquire(&self, key: StoreKey, lease: Duration) -> Acquire {
        let store = Arc::clone(&self.store);
        store.acquire(key, lease, Duration::ZERO).await.unwrap()
    }

    pub(crate) async fn release(&self, key: StoreKey, token: LeaseToken) -> bool {
        Arc::clone(&self.store).release(key, token).await.unwrap()
    }
}
