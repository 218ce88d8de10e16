//! [`Subject`]: the store under test, and what clauses say about it.

use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{Harness, Sweeping};
use crate::{
    Acquire, Create, EndReason, LeaseToken, LeaseUse, Lifetime, Load, Loaded, PrincipalKey, Record,
    Revision, Save, SessionStore, StoreError, StoreKey, Timestamp,
};

/// How long, in real time, a clause waits for an answer that must come.
const HANG: Duration = Duration::from_secs(60);

/// The store that a clause is checked against.
#[derive(Clone)]
pub struct Subject {
    harness: Arc<dyn Harness>,
    store: Arc<dyn SessionStore>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Subject").field(&self.store).finish()
    }
}

impl Subject {
    /// A store of `harness`.
    pub async fn new(harness: Arc<dyn Harness>) -> Self {
        let store = harness.store().await;
        Self { harness, store }
    }

    pub(super) fn store(&self) -> Arc<dyn SessionStore> {
        Arc::clone(&self.store)
    }

    pub(super) fn sweeping(&self) -> Sweeping {
        self.harness.sweeping()
    }

    pub(super) fn rounds(&self) -> usize {
        self.harness.rounds()
    }

    pub(super) fn serves_in_order(&self) -> bool {
        self.harness.serves_in_order()
    }

    /// `count` units of time.
    pub(super) fn units(&self, count: u32) -> Duration {
        self.harness.unit() * count
    }

    pub(super) fn grain(&self) -> Duration {
        self.harness.grain()
    }

    /// Idle length and absolute length in units.
    pub(super) fn lifetime(&self, idle: u32, absolute: u32) -> Lifetime {
        Lifetime {
            idle: self.units(idle),
            absolute: self.units(absolute),
        }
    }

    /// Lifetimes that no clause outlives.
    pub(super) fn long(&self) -> Lifetime {
        self.lifetime(10_000, 20_000)
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.harness.advance(by).await;
    }

    /// Whether the harness waits for `wait`; says so if it does not.
    pub(super) fn can_wait(&self, wait: Duration) -> bool {
        let can = wait <= self.harness.patience();
        if !can {
            say_skipped("it takes longer than the harness's patience");
        }
        can
    }

    /// Asserts that two lengths of time are a grain apart at most.
    pub(super) fn assert_about(&self, actual: Duration, expected: Duration) {
        let apart = actual.abs_diff(expected);
        assert!(
            apart <= self.grain(),
            "expected about {expected:?}, got {actual:?}"
        );
    }

    /// Adds a session and returns its key.
    pub(super) async fn session(&self, payload: &'static str, lifetime: Lifetime) -> StoreKey {
        let key = fresh_key();
        self.create(key, record(payload), lifetime).await;
        key
    }

    /// Adds a session and takes its lease, for `lease`.
    pub(super) async fn leased(&self, lease: Duration) -> (StoreKey, LeaseToken) {
        let key = self.session("leased", self.long()).await;
        let (token, _) = acquired(self.acquire(key, lease, Duration::ZERO).await);
        (key, token)
    }

    pub(super) async fn create(&self, key: StoreKey, record: Record, lifetime: Lifetime) {
        let outcome = done(self.store().create(key, record, lifetime).await);
        assert_eq!(outcome, Create::Created(Revision::FIRST));
    }

    pub(super) async fn load(&self, key: StoreKey) -> Load {
        done(self.store().load(key).await)
    }

    pub(super) async fn found(&self, key: StoreKey) -> Loaded {
        found(self.load(key).await)
    }

    pub(super) async fn save(
        &self,
        key: StoreKey,
        base: Revision,
        payload: &'static str,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Save {
        let record = record(payload);
        done(self.store().save(key, base, record, lifetime, lease).await)
    }

    /// Saves on the current revision with the payload `"saved"`, which must work.
    pub(super) async fn resave(&self, key: StoreKey, lifetime: Lifetime) {
        let base = self.found(key).await.revision;
        let outcome = self
            .save(key, base, "saved", lifetime, LeaseUse::None)
            .await;
        assert_eq!(outcome, Save::Saved(base.next()));
    }

    pub(super) async fn rename(
        &self,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        lease: LeaseUse,
    ) -> Save {
        let rename = self
            .store()
            .rename(from, to, base, record("renamed"), self.long(), lease);
        done(rename.await)
    }

    pub(super) async fn delete(&self, key: StoreKey, reason: EndReason) -> bool {
        done(self.store().delete(key, reason).await)
    }

    pub(super) async fn acquire(&self, key: StoreKey, lease: Duration, wait: Duration) -> Acquire {
        done(self.store().acquire(key, lease, wait).await)
    }

    /// Polls an operation once in place, as the engine does, and leaves the rest to a task.
    pub(super) async fn begin<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let mut operation = Box::pin(operation);
        let first = poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await;
        let task = match first {
            Poll::Ready(value) => tokio::spawn(async { value }),
            Poll::Pending => tokio::spawn(operation),
        };
        self.harness.settle().await;
        task
    }

    /// Begins to wait for a lease of ten units, with a budget of `wait`.
    pub(super) async fn begin_acquire(
        &self,
        key: StoreKey,
        wait: Duration,
    ) -> JoinHandle<Result<Acquire, StoreError>> {
        self.begin(self.store().acquire(key, self.units(10), wait))
            .await
    }
}

/// Prints that the current clause does not run.
#[expect(clippy::print_stderr, reason = "a skipped clause must say so")]
pub(super) fn say_skipped(reason: &str) {
    let thread = std::thread::current();
    eprintln!("skipped {}: {reason}", thread.name().unwrap_or("clause"));
}

/// The outcome of an operation that must not fail.
#[expect(clippy::panic, reason = "a failed assertion of a test suite")]
#[track_caller]
pub(super) fn done<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

#[expect(clippy::panic, reason = "a failed assertion of a test suite")]
#[track_caller]
pub(super) fn found(load: Load) -> Loaded {
    match load {
        Load::Found(loaded) => loaded,
        other => panic!("expected a live session, got {other:?}"),
    }
}

#[expect(clippy::panic, reason = "a failed assertion of a test suite")]
#[track_caller]
pub(super) fn stale(save: Save) -> Loaded {
    match save {
        Save::Stale(loaded) => loaded,
        other => panic!("expected a stale base, got {other:?}"),
    }
}

#[expect(clippy::panic, reason = "a failed assertion of a test suite")]
#[track_caller]
pub(super) fn acquired(acquire: Acquire) -> (LeaseToken, Loaded) {
    match acquire {
        Acquire::Acquired(token, loaded) => (token, loaded),
        other => panic!("expected a lease, got {other:?}"),
    }
}

/// The result of a task that must end soon and not panic.
#[expect(clippy::panic, reason = "a failed assertion of a test suite")]
pub(super) async fn joined<T>(task: JoinHandle<T>) -> T {
    match tokio::time::timeout(HANG, task).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("a task of the clause failed: {error}"),
        Err(_) => panic!("no answer after {HANG:?}"),
    }
}

/// A record without principal and labels.
pub(super) fn record(payload: &'static str) -> Record {
    Record {
        payload: Bytes::from_static(payload.as_bytes()),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1_700_000_000_000),
        deadline: Timestamp::from_millis(1_700_043_200_000),
    }
}

/// A record that belongs to `principal`.
pub(super) fn record_of(principal: PrincipalKey) -> Record {
    Record {
        principal: Some(principal),
        labels: Bytes::from_static(b"device"),
        ..record("owned")
    }
}

pub(super) fn fresh_key() -> StoreKey {
    StoreKey::from_bytes(random())
}

/// A fresh key on the route of `key`, as a renew makes it.
pub(super) fn renewed(key: StoreKey) -> StoreKey {
    let mut bytes = random();
    bytes[..2].copy_from_slice(key.route().as_bytes());
    StoreKey::from_bytes(bytes)
}

pub(super) fn fresh_principal() -> PrincipalKey {
    PrincipalKey::from_bytes(random())
}

/// A fresh name of a control row.
pub(super) fn fresh_name() -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("conformance-{number:016x}")
}

/// Bytes that are unique among all tests on a server; the standard library seeds its hashers
/// from the system's random source.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        let number = RandomState::new().build_hasher().finish();
        chunk.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}
