//! [`MemoryStore`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use session_core::{
    Acquire, Clock, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Role, Save, Scope, SessionStore,
    StoreError, StoreErrorKind, StoreKey, Swept, Timestamp, Touch,
};

use crate::budget::{Budget, Stats};
use crate::config::MemoryStoreBuilder;
use crate::content::Content;
use crate::index::Index;
use crate::meta::Meta;
use crate::moment::{Moment, Tick};
use crate::shard::Shard;
use crate::write::{Basis, Refusal};

pub(crate) const NAME: &str = "memory";

/// Keeps sessions in the memory of this process.
///
/// Waiting for a lease needs a tokio runtime with a timer, unless the clock has one of its own.
pub struct MemoryStore {
    parts: Box<[Part]>,
    pub(crate) index: Index,
    meta: Meta,
    budget: Budget,
    clock: Arc<dyn Clock>,
    /// The wall-clock time at which the monotonic one was zero, when the store was made.
    epoch: Timestamp,
}

/// A shard on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Part(Mutex<Shard>);

impl Default for MemoryStore {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// Settings to change before the store is built.
    #[must_use]
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::default()
    }

    pub(crate) fn new(settings: MemoryStoreBuilder) -> Self {
        Self {
            parts: (0..settings.shards).map(|_| Part::default()).collect(),
            index: Index::new(),
            meta: Meta::default(),
            budget: Budget::new(settings.max_sessions, settings.max_bytes),
            epoch: settings
                .clock
                .now()
                .saturating_sub(settings.clock.monotonic()),
            clock: settings.clock,
        }
    }

    /// How much the store holds now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.budget.stats()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn shards(&self) -> usize {
        self.parts.len()
    }

    /// Works on the shard of `key`.
    pub(crate) fn at<T>(
        &self,
        key: &StoreKey,
        work: impl FnOnce(&mut Shard, &Moment<'_>) -> T,
    ) -> T {
        let route = u16::from_be_bytes(*key.route().as_bytes());
        self.at_shard(usize::from(route) & (self.parts.len() - 1), work)
    }

    pub(crate) fn at_shard<T>(
        &self,
        number: usize,
        work: impl FnOnce(&mut Shard, &Moment<'_>) -> T,
    ) -> T {
        let mut shard = self.parts[number].0.lock();
        let moment = Moment::new(self.clock(), self.epoch, &self.index, &self.budget);
        work(&mut shard, &moment)
    }

    /// Repeats a write that found no room as long as expired sessions can be removed.
    fn with_room<T>(
        &self,
        mut content: Content,
        write: impl Fn(Content) -> Result<T, Refusal>,
    ) -> Result<T, StoreError> {
        const BATCH: usize = 64;
        loop {
            match write(content) {
                Ok(outcome) => return Ok(outcome),
                Err(Refusal::Full(cap, refused)) => {
                    if self.remove_expired(BATCH).is_empty() {
                        return Err(cap.into());
                    }
                    content = refused;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> Scope {
        Scope::Process
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        self.with_room(Content::new(&record)?, |content| {
            self.at(&key, |shard, moment| {
                shard.create(moment, key, content, lifetime)
            })
        })
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        Ok(self.at(&key, |shard, moment| shard.load(moment, &key)))
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let basis = Basis {
            key,
            revision: base,
            lease,
        };
        self.with_room(Content::new(&record)?, |content| {
            self.at(&key, |shard, moment| {
                shard.save(moment, basis, content, lifetime)
            })
        })
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        Ok(self.at(&key, |shard, moment| shard.touch(moment, &key)))
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
            let message = "a session cannot be renamed to another route";
            return Err(StoreError::new(StoreErrorKind::Other, NAME, message));
        }
        let basis = Basis {
            key: from,
            revision: base,
            lease,
        };
        self.with_room(Content::new(&record)?, |content| {
            self.at(&from, |shard, moment| {
                shard.rename(moment, basis, to, content, lifetime)
            })
        })
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        Ok(self.at(&key, |shard, moment| shard.delete(moment, &key, reason)))
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        Ok(self.take_lease(key, lease, wait).await)
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        Ok(self.at(&key, |shard, moment| {
            shard.extend(moment, &key, token, lease)
        }))
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        Ok(self.at(&key, |shard, moment| shard.release(moment, &key, token)))
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        self.page(principal, after)
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        Ok(self.end_all(principal, except))
    }

    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError> {
        Ok(self.remove_expired(limit))
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        Ok(self.meta.get(&name))
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        Ok(self.meta.compare_and_set(name, expected, value))
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        Ok(Ping {
            latency: Duration::ZERO,
            role: Role::Primary,
            store_time: Tick::of(self.clock()).wall(self.epoch),
        })
    }
}
