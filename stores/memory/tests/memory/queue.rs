//! The queue for a lease.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, Extend, LeaseToken, SessionStore, StoreKey};
use session_store_memory::MemoryStore;
use tokio::task::JoinHandle;

use crate::fixture::{Fixture, lifetime};

const LEASE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_secs(1_000);

fn token(acquire: Acquire) -> LeaseToken {
    match acquire {
        Acquire::Acquired(token, _) => token,
        other => panic!("expected a lease, got {other:?}"),
    }
}

/// Starts to wait, and returns when the waiter is in the queue.
async fn waiter(fixture: &Fixture, key: StoreKey, lease: Duration) -> JoinHandle<Acquire> {
    let store = Arc::clone(&fixture.store);
    let acquire = tokio::spawn(async move { store.acquire(key, lease, WAIT).await.unwrap() });
    tokio::task::yield_now().await;
    acquire
}

/// n18: a lease that is granted to a waiter that is dropped before it looks goes to the next.
#[tokio::test]
async fn n18_grant_to_a_waiter_that_is_gone_passes_on() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, LEASE).await);
    let gone = waiter(&fixture, key, LEASE).await;
    let next = waiter(&fixture, key, LEASE).await;
    // Granted to the first waiter, which is aborted before it runs again.
    assert!(fixture.release(key, first).await);
    gone.abort();
    assert!(token(next.await.unwrap()) > first);
}

/// n18: when the only waiter goes after the grant, the lease is free.
#[tokio::test]
async fn n18_grant_to_the_last_waiter_comes_back() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, LEASE).await);
    let gone = waiter(&fixture, key, LEASE).await;
    assert!(fixture.release(key, first).await);
    gone.abort();
    assert!(gone.await.is_err());
    token(fixture.acquire(key, LEASE).await);
}

/// n18: one dead holder after another holds the queue up for its own lease, no longer.
#[tokio::test]
async fn n18_every_lease_in_a_row_may_run_out() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    token(fixture.acquire(key, LEASE).await);
    let mut waiters = Vec::new();
    for _ in 0..4 {
        waiters.push(waiter(&fixture, key, LEASE).await);
    }
    for waiter in waiters {
        fixture.touch(key).await;
        fixture.advance(LEASE);
        token(waiter.await.unwrap());
    }
}

/// A waiter behind a long lease learns that the next one is shorter.
#[tokio::test]
async fn shorter_lease_is_waited_for_shorter() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, LEASE).await);
    let short = waiter(&fixture, key, LEASE / 10).await;
    let last = waiter(&fixture, key, LEASE).await;
    assert!(fixture.release(key, first).await);
    let second = token(short.await.unwrap());
    tokio::task::yield_now().await;
    fixture.advance(LEASE / 10);
    assert!(token(last.await.unwrap()) > second);
}

/// An extension keeps those who wait waiting.
#[tokio::test]
async fn extended_lease_is_waited_for_longer() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, LEASE).await);
    let next = waiter(&fixture, key, LEASE).await;
    fixture.advance(LEASE / 2);
    let store = Arc::clone(&fixture.store);
    let extend = store.extend(key, first, LEASE).await.unwrap();
    assert_eq!(extend, Extend::Extended);
    fixture.advance(LEASE / 2);
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
    fixture.advance(LEASE / 2);
    token(next.await.unwrap());
}

/// Who waits for the lease of a session that expires is told that it is gone.
#[tokio::test]
async fn waiter_learns_that_the_session_expired() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    token(fixture.acquire(key, lifetime().idle * 2).await);
    let next = waiter(&fixture, key, LEASE).await;
    fixture.advance(lifetime().idle);
    assert_eq!(next.await.unwrap(), Acquire::Absent);
}

/// On the system's clock, the runtime's timer wakes the waiter.
#[tokio::test]
async fn n18_lapsed_lease_wakes_a_waiter_in_real_time() {
    let fixture = Fixture::on_system_clock();
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, Duration::from_millis(20)).await);
    let next = waiter(&fixture, key, LEASE).await;
    assert!(token(next.await.unwrap()) > first);
}

/// n17: a storm of waiters, a third of which give up while leases are handed on, leaves a free
/// lease behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n17_storm_of_dropped_waiters_leaves_the_lease_free() {
    let fixture = Arc::new(Fixture::new(MemoryStore::builder()));
    let key = fixture.create(10).await.unwrap();
    let first = token(fixture.acquire(key, LEASE).await);
    let mut waiters = Vec::new();
    for _ in 0..300 {
        waiters.push(tokio::spawn(hold_once(Arc::clone(&fixture), key)));
        tokio::task::yield_now().await;
    }
    assert!(fixture.release(key, first).await);
    for waiter in waiters.iter().step_by(3) {
        waiter.abort();
    }
    for waiter in waiters {
        match waiter.await {
            Ok(released) => assert!(released),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    token(fixture.acquire(key, LEASE).await);
}

/// Takes the lease and gives it back without a pause in which the task could be aborted.
async fn hold_once(fixture: Arc<Fixture>, key: StoreKey) -> bool {
    let acquire = Arc::clone(&fixture.store).acquire(key, LEASE, WAIT).await;
    fixture.release(key, token(acquire.unwrap())).await
}
