//! Servers that are stopped, go on, are killed and come back. Each test has a server of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{
    Create, EndReason, LeaseUse, Load, Revision, Save, SessionStore, StoreErrorKind,
};
use session_store_sql::MysqlStore;

use crate::server::{self, Server};
use crate::sessions::{create, found, key, long, record, rounds, save};

async fn store(server: &Server, options: &str) -> (Arc<MysqlStore>, String) {
    let url = server.tables().await;
    let store = MysqlStore::builder(&format!("{url}{options}"));
    (Arc::new(store.unwrap().build().unwrap()), url)
}

/// What a writer has been told.
struct Written {
    number: u32,
    revision: Revision,
    ended: bool,
}

/// Creates, saves and deletes sessions from `first` on until told to stop, and remembers what
/// was acknowledged.
async fn write(
    store: Arc<MysqlStore>,
    first: u32,
    stop: Arc<tokio::sync::Notify>,
) -> (Vec<Written>, u32) {
    let stopped = stop.notified();
    tokio::pin!(stopped);
    let mut written = Vec::new();
    let mut failed = 0;
    for number in first.. {
        if is_ready(stopped.as_mut()).await {
            break;
        }
        match write_one(&store, number).await {
            Ok(one) => written.push(one),
            Err(error) => {
                assert!(error.is_unreachable(), "{error}");
                failed += 1;
            }
        }
    }
    (written, failed)
}

async fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    tokio::time::timeout(Duration::ZERO, future).await.is_ok()
}

async fn write_one(
    store: &Arc<MysqlStore>,
    number: u32,
) -> Result<Written, session_core::StoreError> {
    let key = key(number);
    let created = Arc::clone(store).create(key, record("0"), long()).await?;
    assert_eq!(created, Create::Created(Revision::FIRST));
    let base = Revision::FIRST;
    let save = Arc::clone(store).save(key, base, record("1"), long(), LeaseUse::None);
    assert_eq!(save.await?, Save::Saved(base.next()));
    let ended = number.is_multiple_of(3);
    if ended {
        let deleted = Arc::clone(store).delete(key, EndReason::Destroyed).await?;
        assert!(deleted);
    }
    Ok(Written {
        number,
        revision: base.next(),
        ended,
    })
}

/// Writes from many tasks while something happens to the server; then everything that was
/// acknowledged is there. Returns how many operations failed.
async fn under_load(server: &Server, store: &Arc<MysqlStore>, what: &str) -> u32 {
    let stop = Arc::new(tokio::sync::Notify::new());
    let writers: Vec<_> = (0..16)
        .map(|task| {
            let writer = write(Arc::clone(store), task * 1_000_000, Arc::clone(&stop));
            tokio::spawn(writer)
        })
        .collect();
    for _ in 0..rounds(2, 20) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| server.tell(what));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.notify_waiters();
    let mut failures = 0;
    let mut all = 0;
    for writer in writers {
        let (written, failed) = writer.await.unwrap();
        failures += failed;
        all += written.len();
        for one in written {
            check(store, &one).await;
        }
    }
    assert!(all > 100, "{all}");
    failures
}

async fn check(store: &Arc<MysqlStore>, one: &Written) {
    let load = Arc::clone(store).load(key(one.number)).await.unwrap();
    match load {
        Load::Ended(EndReason::Destroyed) => assert!(one.ended),
        Load::Found(loaded) => {
            assert!(!one.ended, "a logout came back");
            assert_eq!(loaded.revision, one.revision);
            assert_eq!(loaded.record, record("1"));
        }
        other => panic!("{other:?}"),
    }
}

/// c51, c52, n24: of what was acknowledged before the server was killed nothing is lost, and
/// every operation meets the restart with patience.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c51_a_killed_server_loses_nothing_that_was_acknowledged() {
    let server = Server::start();
    let (store, _) = store(&server, "&operation-timeout=20s").await;
    assert_eq!(under_load(&server, &store, "kill").await, 0);
}

/// The same for an orderly restart (1053).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c52_a_restart_fails_nobody() {
    let server = Server::start();
    let (store, _) = store(&server, "&operation-timeout=20s").await;
    assert_eq!(under_load(&server, &store, "restart").await, 0);
}

/// c47: a server that hangs costs every operation a bounded time, and nothing once it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c47_a_hanging_server_takes_bounded_time() {
    let server = Server::start();
    let options = "&operation-timeout=500ms&connect-timeout=500ms";
    let (hasty, url) = store(&server, options).await;
    let patient = server::store(&url);
    create(&patient, 1, "x").await;
    found(&hasty, 1).await;
    tokio::task::block_in_place(|| server.tell("stop"));
    for _ in 0..3 {
        let began = Instant::now();
        let load = Arc::clone(&hasty).load(key(1));
        let base = Revision::FIRST;
        let save = Arc::clone(&hasty).save(key(1), base, record("y"), long(), LeaseUse::None);
        let wait = Duration::from_millis(100);
        let lease = Arc::clone(&hasty).acquire(key(1), Duration::from_secs(1), wait);
        let (load, save, lease) = tokio::join!(load, save, lease);
        for error in [load.unwrap_err(), save.unwrap_err(), lease.unwrap_err()] {
            assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");
        }
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
    }
    tokio::task::block_in_place(|| server.tell("cont"));
    let base = found(&patient, 1).await.revision;
    assert!(base <= Revision::FIRST.next());
    assert_eq!(save(&patient, 1, base, "z").await, Save::Saved(base.next()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(found(&hasty, 1).await.record, record("z"));
}

/// A server that is away fails operations as unreachable, and is found again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_found_again() {
    let server = Server::start();
    let (store, _) = store(&server, "&operation-timeout=300ms").await;
    create(&store, 1, "x").await;
    tokio::task::block_in_place(|| server.tell("down"));
    let error = Arc::clone(&store).load(key(1)).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    let error = Arc::clone(&store).touch(key(1)).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    tokio::task::block_in_place(|| server.tell("up"));
    found(&store, 1).await;
}

/// c50: callers that go away leave everybody else his own answer, and no lease behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c50_cancel_storm() {
    let store = server::store(&server::shared().tables().await);
    for number in 0..100 {
        create(&store, number, &number.to_string()).await;
    }
    let mut kept = Vec::new();
    for round in 0..rounds(4_000, 100_000) {
        let store = Arc::clone(&store);
        let task = tokio::spawn(async move { one_of_each(&store, round).await });
        match round % 10 {
            0 => task.abort(),
            1 => {
                tokio::task::yield_now().await;
                task.abort();
            }
            _ => kept.push(task),
        }
        if kept.len() > 200 {
            for task in kept.drain(..) {
                task.await.unwrap();
            }
        }
    }
    for task in kept {
        task.await.unwrap();
    }
    for number in 0..100 {
        let second = Duration::from_secs(1);
        let patience = Duration::from_secs(20);
        let lease = Arc::clone(&store).acquire(key(number), second, patience);
        let lease = lease.await.unwrap();
        assert!(
            matches!(lease, session_core::Acquire::Acquired(..)),
            "{lease:?}"
        );
    }
}

async fn one_of_each(store: &Arc<MysqlStore>, round: u32) {
    let number = round % 100;
    match round % 7 {
        0 => {
            let second = Duration::from_secs(1);
            let lease = Arc::clone(store).acquire(key(number), second, Duration::ZERO);
            if let session_core::Acquire::Acquired(token, loaded) = lease.await.unwrap() {
                assert_eq!(loaded.record, record(&number.to_string()));
                let released = Arc::clone(store).release(key(number), token).await;
                assert!(released.unwrap());
            }
        }
        1 => {
            Arc::clone(store).touch(key(number)).await.unwrap();
        }
        2 => {
            let base = found(store, number).await.revision;
            let same = record(&number.to_string());
            let save = Arc::clone(store).save(key(number), base, same, long(), LeaseUse::None);
            save.await.unwrap();
        }
        _ => assert_eq!(
            found(store, number).await.record,
            record(&number.to_string())
        ),
    }
}
