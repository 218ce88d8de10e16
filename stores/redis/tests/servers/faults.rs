//! Servers that die, hang, forget and run out of memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{
    Create, EndReason, LeaseUse, Load, Revision, Save, SessionStore, StoreErrorKind, Touch,
};

use crate::fixture::{HOUR, found, fresh_key, fresh_principal, record, record_of, session, store};
use crate::server::RedisServer;

/// n24: a store goes on by itself after its server was killed, and what is gone is absent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_found_again() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    server.signal("-KILL");
    let began = Instant::now();
    let error = Arc::clone(&store).load(key).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    // Right after a failure the next ones come at once.
    let began = Instant::now();
    Arc::clone(&store).load(key).await.unwrap_err();
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );

    server.begin_again().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(found(&store, key).await.revision, Revision::FIRST);
    assert!(store.stats().connections_opened >= 2);
}

/// A server that was restarted quickly is waited for: reads do not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quick_restart_fails_no_read() {
    let mut server = RedisServer::start(&[]).await;
    let store = store(&server.url("?connect-timeout=5s"));
    session(&store).await;
    server.signal("-KILL");
    let load = tokio::spawn(Arc::clone(&store).load(fresh_key()));
    server.begin_again().await;
    assert_eq!(load.await.unwrap().unwrap(), Load::Absent);
}

/// A server that hangs fails requests in bounded time, and none once it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_is_given_up() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url("?operation-timeout=500ms&connect-timeout=500ms"));
    let key = session(&store).await;
    server.signal("-STOP");
    let began = Instant::now();
    let loads: Vec<_> = (0..50)
        .map(|_| tokio::spawn(Arc::clone(&store).load(key)))
        .collect();
    for load in loads {
        let error = load.await.unwrap().unwrap_err();
        assert!(error.is_unreachable(), "{error}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    server.signal("-CONT");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    found(&store, key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_waited_for() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    server.command(&["CLIENT", "PAUSE", "300", "ALL"]).await;
    found(&store, key).await;
    let save = Arc::clone(&store).save(key, Revision::FIRST, record("x"), HOUR, LeaseUse::None);
    assert!(matches!(save.await.unwrap(), Save::Saved(_)));
}

/// The scripts are sent again when the server has forgotten them, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_scripts_are_sent_again() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    for number in 1..=20 {
        server.command(&["SCRIPT", "FLUSH"]).await;
        let base = Revision::new(number).unwrap();
        let save = Arc::clone(&store).save(key, base, record("x"), HOUR, LeaseUse::None);
        assert_eq!(save.await.unwrap(), Save::Saved(base.next()));
    }
}

/// A server that lost everything has no sessions: saves do not bring them back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_sessions_are_absent() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    server.command(&["FLUSHALL"]).await;
    assert_eq!(Arc::clone(&store).load(key).await.unwrap(), Load::Absent);
    assert_eq!(Arc::clone(&store).touch(key).await.unwrap(), Touch::Missing);
    let save = Arc::clone(&store).save(key, Revision::FIRST, record("x"), HOUR, LeaseUse::None);
    assert_eq!(save.await.unwrap(), Save::Missing);
}

/// Without memory new sessions are refused, old ones are read, and a log-out still works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_and_keeps() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let (key, other) = (session(&store).await, session(&store).await);
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let create = Arc::clone(&store)
        .create(fresh_key(), record("x"), HOUR)
        .await;
    assert_eq!(create.unwrap_err().kind(), StoreErrorKind::Full);
    let save = Arc::clone(&store).save(key, Revision::FIRST, record("x"), HOUR, LeaseUse::None);
    assert_eq!(save.await.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(found(&store, key).await.record, record("first"));
    assert!(
        Arc::clone(&store)
            .delete(other, EndReason::Destroyed)
            .await
            .unwrap()
    );
    assert_eq!(Arc::clone(&store).load(other).await.unwrap(), Load::Absent);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    found(&store, key).await;
}

/// c50: operations that are dropped half-way leave the connection as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c50_dropped_operations_confuse_nobody() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let mut keys = Vec::new();
    for number in 0..16u8 {
        let key = fresh_key();
        let record = record(vec![number; 64]);
        Arc::clone(&store).create(key, record, HOUR).await.unwrap();
        keys.push(key);
    }
    let rounds = if std::env::var_os("FULL").is_some() {
        6_000
    } else {
        300
    };
    let tasks = keys.into_iter().enumerate().map(|(number, key)| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..rounds {
                let load = Arc::clone(&store).load(key);
                if round % 20 == 0 {
                    let _ = tokio::time::timeout(Duration::from_micros(50), load).await;
                    continue;
                }
                let Load::Found(loaded) = load.await.unwrap() else {
                    panic!("the session is gone");
                };
                assert_eq!(
                    loaded.record.payload,
                    vec![u8::try_from(number).unwrap(); 64]
                );
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(store.stats().connections_opened, 1);
}

/// A revision that is lower than what was acknowledged is counted.
#[tokio::test]
async fn a_lost_revision_is_counted() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    let base = Revision::new(5).unwrap();
    let save = Arc::clone(&store).save(key, base, record("x"), HOUR, LeaseUse::None);
    assert!(matches!(save.await.unwrap(), Save::Stale(_)));
    assert_eq!(store.stats().revisions_lost, 1);
}

/// With `WAIT` a write says whether replicas have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_wait_for_replicas() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url("?wait-replicas=1&wait-timeout=300ms"));
    let create = Arc::clone(&store)
        .create(fresh_key(), record("x"), HOUR)
        .await;
    let error = create.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");

    let port = server.port.to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).await;
    replica
        .wait_for(&["INFO", "replication"], "master_link_status:up")
        .await;
    server
        .wait_for(&["INFO", "replication"], "state=online")
        .await;
    let key = fresh_key();
    let create = Arc::clone(&store).create(key, record("x"), HOUR).await;
    assert_eq!(create.unwrap(), Create::Created(Revision::FIRST));
    assert!(
        Arc::clone(&store)
            .delete(key, EndReason::Destroyed)
            .await
            .unwrap()
    );
    assert_eq!(
        Arc::clone(&store).load(key).await.unwrap(),
        Load::Ended(EndReason::Destroyed)
    );
}

/// One command and one round trip for each operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_script() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let (key, next) = (fresh_key(), fresh_key());
    let mut bytes = *next.as_bytes();
    bytes[..2].copy_from_slice(key.route().as_bytes());
    let next = session_core::StoreKey::from_bytes(bytes);
    let owned = || record_of(fresh_principal());
    // The server learns the scripts first.
    for _ in 0..2 {
        server.command(&["CONFIG", "RESETSTAT"]).await;
        Arc::clone(&store).create(key, owned(), HOUR).await.unwrap();
        Arc::clone(&store).load(key).await.unwrap();
        let base = Revision::FIRST;
        let save = Arc::clone(&store).save(key, base, record("x"), HOUR, LeaseUse::None);
        save.await.unwrap();
        let save = Arc::clone(&store).save(key, base, record("x"), HOUR, LeaseUse::None);
        assert!(matches!(save.await.unwrap(), Save::Stale(_)));
        Arc::clone(&store).touch(key).await.unwrap();
        let base = base.next();
        let rename = Arc::clone(&store).rename(key, next, base, owned(), HOUR, LeaseUse::None);
        assert!(matches!(rename.await.unwrap(), Save::Saved(_)));
        Arc::clone(&store)
            .delete(next, EndReason::Destroyed)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if server.calls("eval").await == 0 {
            break;
        }
        server.command(&["FLUSHALL"]).await;
    }
    // create, save twice, touch, rename, delete; and the former principal's entry of the save.
    assert_eq!(server.calls("evalsha").await, 7);
    assert_eq!(server.calls("eval").await, 0);
}
