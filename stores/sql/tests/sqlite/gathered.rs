//! What queues up while a transaction is committed goes into the next one together.

use std::sync::Arc;

use session_core::{EndReason, LeaseUse, Revision, SessionStore};

use crate::file::{File, store};
use crate::sessions::{create, found, key, long, record, save};

/// How many transactions stand in the log: their last frames say how large the database is.
fn commits(file: &File) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::read(file.folder().join("sessions.db-wal")).unwrap();
    let salt = &log[16..24];
    let frames = log[HEADER..].chunks_exact(FRAME);
    let is_commit = |frame: &&[u8]| frame[4..8] != [0; 4] && &frame[8..16] == salt;
    frames.filter(is_commit).count()
}

/// Many writers share commits, and one alone does not wait for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_share_commits() {
    const WRITERS: u32 = 64;
    const EACH: u32 = 8;
    let file = File::fresh();
    let store = file.store();
    for number in 0..WRITERS {
        create(&store, number, "0").await;
    }
    let before = commits(&file);
    let writer = async |number| {
        let mut revision = Revision::FIRST;
        for _ in 0..EACH {
            let store = Arc::clone(&store);
            let saved = store.save(key(number), revision, record("x"), long(), LeaseUse::None);
            assert!(matches!(saved.await.unwrap(), session_core::Save::Saved(_)));
            revision = revision.next();
        }
    };
    let writers = (0..WRITERS).map(writer);
    futures(writers).await;
    let shared = commits(&file) - before;
    let writes = (WRITERS * EACH) as usize;
    assert!(shared * 4 < writes, "{shared} commits of {writes} writes");
}

/// Polls futures of one task at the same time.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match all.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

/// A write that does not go in fails alone: nothing of the others in its transaction is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_refused_fails_alone() {
    let file = File::fresh();
    let store = file.store();
    for number in 0..40 {
        create(&store, number, "before").await;
    }
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON sessions WHEN OLD.key LIKE '%7' \
                  BEGIN SELECT RAISE(ABORT, 'refused'); END";
    let refuse = refuse.replace(
        "LIKE '%7'",
        "= x'0707070707070707070707070707070707070707070707070707070700000007'",
    );
    file.foreign().execute_batch(&refuse).unwrap();
    let saves: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            let saved = store.save(
                key(number),
                Revision::FIRST,
                record("after"),
                long(),
                LeaseUse::None,
            );
            tokio::spawn(saved)
        })
        .collect();
    for (number, saved) in saves.into_iter().enumerate() {
        let saved = saved.await.unwrap();
        assert_eq!(saved.is_err(), number == 7, "{number}: {saved:?}");
    }
    for number in 0..40 {
        let expected = if number == 7 { "before" } else { "after" };
        assert_eq!(found(&store, number).await.record, record(expected));
    }
}

/// n08: clients that leave, in any number, leave no half of anything, and the rest go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n08_a_storm_of_cancelled_requests_does_no_harm() {
    const SESSIONS: u32 = 50;
    let file = File::fresh();
    let store = store(&file.url("create=true&synchronous=normal"));
    for number in 0..SESSIONS {
        create(&store, number, "0").await;
    }
    for round in 0..40 {
        let tasks: Vec<_> = (0..SESSIONS)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let loaded = found(&store, number).await;
                    save(&store, number, loaded.revision, "more").await;
                    let acquire = Arc::clone(&store).acquire(
                        key(number),
                        long().idle,
                        std::time::Duration::ZERO,
                    );
                    if let session_core::Acquire::Acquired(token, _) = acquire.await.unwrap() {
                        store.release(key(number), token).await.unwrap();
                    }
                })
            })
            .collect();
        for (number, task) in tasks.iter().enumerate() {
            if (number + round) % 3 == 0 {
                tokio::task::yield_now().await;
            }
            task.abort();
        }
    }
    for number in 0..SESSIONS {
        let deleted = Arc::clone(&store).delete(key(number), EndReason::Destroyed);
        assert!(deleted.await.unwrap());
    }
}

/// A store that is gone has written all that it took.
#[tokio::test]
async fn what_was_taken_is_written_when_the_store_goes() {
    let file = File::fresh();
    let url = file.url("create=true&synchronous=normal");
    let first = store(&url);
    create(&first, 1, "x").await;
    let deleted = Arc::clone(&first).delete(key(1), EndReason::Destroyed);
    let mut deleted = Box::pin(deleted);
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(deleted.as_mut().poll(context).is_ready())
    });
    polled.await;
    drop(deleted);
    drop(first);
    let second = store(&url);
    // The first may not have come to its turn yet.
    while Arc::clone(&second).touch(key(1)).await.unwrap() == session_core::Touch::Touched {
        tokio::task::yield_now().await;
    }
    let ended = second.load(key(1)).await.unwrap();
    assert_eq!(ended, session_core::Load::Ended(EndReason::Destroyed));
}

/// What was answered without a flush is flushed a moment later, though nobody writes any more:
/// the flush takes the time with it.
#[tokio::test]
async fn what_is_not_flushed_at_once_is_flushed_soon() {
    let file = File::fresh();
    let store = store(&file.url("create=true&synchronous=normal"));
    create(&store, 1, "x").await;
    let foreign = file.foreign();
    let clock = || -> i64 {
        let text = "SELECT clock FROM sessions_schema";
        foreign.query_row(text, [], |row| row.get(0)).unwrap()
    };
    let before = clock();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(clock(), before);
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    let after = clock();
    assert!(after >= before + 950, "{before} {after}");
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(clock(), after);
}

/// The log does not grow without end, however much is read and written at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_small() {
    let file = File::fresh();
    let store = store(&file.url("create=true&synchronous=normal"));
    let payload = "x".repeat(4_000);
    let mut writers = Vec::new();
    for number in 0..16 {
        create(&store, number, &payload).await;
        let (store, payload) = (Arc::clone(&store), payload.clone());
        writers.push(tokio::spawn(async move {
            for _ in 0..600 {
                let revision = found(&store, number).await.revision;
                save(&store, number, revision, &payload).await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let log = file.folder().join("sessions.db-wal");
    let size = std::fs::metadata(log).unwrap().len();
    assert!(size < 16 << 20, "{size} bytes");
}
