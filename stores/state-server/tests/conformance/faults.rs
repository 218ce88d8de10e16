//! Daemons that are stopped, go on, are killed and come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use session_core::{
    Create, Lifetime, Load, Record, SessionStore, StoreError, StoreErrorKind, StoreKey, Timestamp,
};
use session_store_state_server::StateServerStore;

use crate::daemon::{Farm, NO_DAEMON};

fn key(number: u32) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    StoreKey::from_bytes(bytes)
}

fn record(number: u32) -> Record {
    Record {
        payload: Bytes::copy_from_slice(&number.to_be_bytes()),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1),
        deadline: Timestamp::from_millis(2),
    }
}

async fn create(store: &Arc<StateServerStore>, number: u32) -> Result<Create, StoreError> {
    let lifetime = Lifetime {
        idle: Duration::from_secs(600),
        absolute: Duration::from_secs(6_000),
    };
    Arc::clone(store)
        .create(key(number), record(number), lifetime)
        .await
}

async fn load(store: &Arc<StateServerStore>, number: u32) -> Result<Load, StoreError> {
    Arc::clone(store).load(key(number)).await
}

async fn assert_there(store: &Arc<StateServerStore>, number: u32) {
    match load(store, number).await.unwrap() {
        Load::Found(loaded) => assert_eq!(loaded.record, record(number)),
        other => panic!("{number}: {other:?}"),
    }
}

/// The farm has a daemon; says so if it has none.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn is_there(farm: &Farm) -> bool {
    let there = farm.daemon().is_some();
    if !there {
        eprintln!("skipped: {NO_DAEMON}");
    }
    there
}

/// A daemon that is stopped costs every request a bounded time, and nothing when it goes on.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_daemon_takes_bounded_time() {
    let farm = Farm::tcp(1);
    if !is_there(&farm) {
        return;
    }
    let store = farm.store_with("operation-timeout=300ms");
    assert!(create(&store, 1).await.is_ok());
    let store = farm.store_with("operation-timeout=300ms&connect-timeout=300ms");
    assert_there(&store, 1).await;
    let daemon = farm.daemon().unwrap();
    daemon.signal("STOP");
    for _ in 0..3 {
        let began = Instant::now();
        let error = load(&store, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");
        assert!(began.elapsed() < Duration::from_secs(3));
    }
    daemon.signal("CONT");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_there(&store, 1).await;
}

/// c50: callers that go away leave everybody else his own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c50_cancel_storm() {
    let farm = Farm::tcp(1);
    if !is_there(&farm) {
        return;
    }
    let store = farm.store_with("");
    for number in 0..100 {
        assert!(create(&store, number).await.is_ok());
    }
    let mut kept = Vec::new();
    for round in 0..3_000_u32 {
        let store = Arc::clone(&store);
        let task = tokio::spawn(async move { assert_there(&store, round % 100).await });
        match round % 3 {
            0 => task.abort(),
            1 => {
                tokio::task::yield_now().await;
                task.abort();
            }
            _ => kept.push(task),
        }
    }
    for task in kept {
        task.await.unwrap();
    }
}

/// A daemon that is killed and started again is found again; what fails meanwhile fails as
/// unreachable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_is_found_again() {
    let mut farm = Farm::tcp(1);
    if !is_there(&farm) {
        return;
    }
    let store = farm.store_with("");
    for round in 0..3 {
        let writer = Arc::clone(&store);
        let writing = tokio::spawn(async move {
            for number in 0..2_000 {
                if let Err(error) = create(&writer, round * 10_000 + number).await {
                    assert!(error.is_unreachable(), "{error}");
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        farm.restart();
        writing.await.unwrap();
        let number = round * 10_000 + 9_999;
        assert!(create(&store, number).await.is_ok());
        assert_there(&store, number).await;
    }
}
