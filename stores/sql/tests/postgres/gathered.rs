//! Writes that share a statement: many at once, and none at the mercy of another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{LeaseUse, Revision, Save, SessionStore, StoreErrorKind};

use crate::locks::wait_until_blocked;
use crate::server;
use crate::sessions::{create, found, key, long, record, save};

const SAVED: Save = Save::Saved(Revision::FIRST.next());

/// What comes while a commit runs goes into the next one together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_in_a_crowd_share_transactions() {
    const CROWD: u32 = 1_000;
    let url = server::shared().tables().await;
    let store = server::store(&url);
    let mut tasks = Vec::new();
    for number in 0..CROWD {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            create(&store, number, &number.to_string()).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for number in 0..CROWD {
        let payload = number.to_string();
        assert_eq!(found(&store, number).await.record, record(&payload));
    }
    let client = server::shared().client().await;
    let text = format!(
        "SELECT count(DISTINCT xmin::text) FROM {}",
        server::table(&url)
    );
    let transactions: i64 = client.query_one(&text, &[]).await.unwrap().get(0);
    assert!(transactions < i64::from(CROWD) / 4, "{transactions}");
}

/// A row that somebody else keeps locked holds up nobody but its own writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_holds_up_no_neighbour() {
    let url = server::shared().tables().await;
    let options = "&write-connections=1&operation-timeout=4s&connect-timeout=4s";
    let store = session_store_sql::PostgresStore::builder(&format!("{url}{options}"));
    let store = Arc::new(store.unwrap().build().unwrap());
    for number in 0..40 {
        create(&store, number, "old").await;
    }
    let other = server::shared().client().await;
    let table = server::table(&url);
    let lock = format!(
        "BEGIN; SELECT FROM {table} WHERE key = '\\x{}' FOR UPDATE",
        hex(7)
    );
    other.batch_execute(&lock).await.unwrap();
    let began = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..40 {
        let store = Arc::clone(&store);
        let task = async move {
            let base = Revision::FIRST;
            store
                .save(key(number), base, record("new"), long(), LeaseUse::None)
                .await
        };
        tasks.push(tokio::spawn(task));
    }
    let locked = tasks.remove(7);
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), SAVED);
    }
    assert!(began.elapsed() < Duration::from_secs(4));
    wait_until_blocked(&table).await;
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(locked.await.unwrap().unwrap(), SAVED);
}

/// If nobody lets go of the row, its writer is told that the time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_stays_locked_times_out() {
    let url = server::shared().tables().await;
    create(&server::store(&url), 7, "old").await;
    let store = session_store_sql::PostgresStore::builder(&format!("{url}&operation-timeout=1s"));
    let store = Arc::new(store.unwrap().build().unwrap());
    let other = server::shared().client().await;
    let table = server::table(&url);
    let lock = format!("BEGIN; SELECT FROM {table} FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();
    let late = Arc::clone(&store).save(
        key(7),
        Revision::FIRST,
        record("late"),
        long(),
        LeaseUse::None,
    );
    let error = late.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");
    other.batch_execute("ROLLBACK").await.unwrap();
    // The late one may have come through now, as that error allows.
    let base = found(&store, 7).await.revision;
    assert_eq!(save(&store, 7, base, "new").await, Save::Saved(base.next()));
}

/// A row that the database refuses fails alone, and its contents are not in the error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_row_fails_alone() {
    let url = server::shared().tables().await;
    let store = server::store(&url);
    for number in 0..40 {
        create(&store, number, "old").await;
    }
    let client = server::shared().client().await;
    let check = format!(
        "ALTER TABLE {} ADD CHECK (labels <> 'secret')",
        server::table(&url)
    );
    client.batch_execute(&check).await.unwrap();
    let mut tasks = Vec::new();
    for number in 0..40 {
        let mut changed = record("new");
        if number == 7 {
            changed.labels = "secret".into();
        }
        let store = Arc::clone(&store);
        let saved = store.save(
            key(number),
            Revision::FIRST,
            changed,
            long(),
            LeaseUse::None,
        );
        tasks.push(tokio::spawn(saved));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let outcome = task.await.unwrap();
        if number == 7 {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Other);
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("secret") && !shown.contains("\\x"),
                "{shown}"
            );
        } else {
            assert_eq!(outcome.unwrap(), SAVED);
        }
    }
    assert_eq!(found(&store, 7).await.record, record("old"));
}

/// Instances that write the same sessions in opposite orders do not run into each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_do_not_deadlock() {
    const SESSIONS: u32 = 60;
    let url = server::shared().tables().await;
    let stores = [server::store(&url), server::store(&url)];
    for number in 0..SESSIONS {
        create(&stores[0], number, "0").await;
    }
    let client = server::shared().client().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    let before: i64 = client.query_one(deadlocks, &[]).await.unwrap().get(0);
    for _ in 0..20 {
        let mut tasks = Vec::new();
        for number in 0..SESSIONS {
            let [first, second] = stores.clone();
            tasks.push(tokio::spawn(async move {
                first.touch(key(number)).await.map(drop)
            }));
            let key = key(SESSIONS - 1 - number);
            let delete = async move {
                let record = record("x");
                let save = second.save(key, Revision::FIRST, record, long(), LeaseUse::None);
                save.await.map(drop)
            };
            tasks.push(tokio::spawn(delete));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
    let after: i64 = client.query_one(deadlocks, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
}

fn hex(number: u32) -> String {
    let bytes = *key(number).as_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
