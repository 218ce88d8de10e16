//! Figures, not tests: `cargo test … measure -- --ignored --nocapture --test-threads 1`.

#![expect(clippy::print_stdout, reason = "figures are to be read")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::OptionalExtension;
use session_core::{PrincipalKey, Save, SessionStore};
use session_store_sql::SqliteStore;

use crate::file::{File, store};
use crate::sessions::{create, found, key, save};

const SESSIONS: u32 = 10_000;

/// How many times a second `operation` runs, with so many in flight.
async fn rate<F, Done>(name: &str, in_flight: u32, operation: F)
where
    F: Fn(u32) -> Done + Clone + Send + 'static,
    Done: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let length = Duration::from_millis(1_000);
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let next = Arc::clone(&next);
            let operation = operation.clone();
            tokio::spawn(async move {
                while began.elapsed() < length {
                    operation(next.fetch_add(1, Ordering::Relaxed)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let rate = f64::from(next.load(Ordering::Relaxed)) / began.elapsed().as_secs_f64();
    println!("{name:<32} {in_flight:>3} in flight {rate:>9.0} /s");
}

async fn rewrite(store: &Arc<SqliteStore>, number: u32) {
    let mut base = found(store, number).await.revision;
    loop {
        match save(store, number, base, "an ordinary payload").await {
            Save::Saved(_) => return,
            Save::Stale(theirs) => base = theirs.revision,
            other => panic!("{other:?}"),
        }
    }
}

/// Interleaved, so that what else the machine does falls on all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn measure_throughput() {
    let files = ["full", "normal"].map(|synchronous| (synchronous, File::fresh()));
    let mut stores = Vec::new();
    for (synchronous, file) in &files {
        let store = store(&file.url(&format!("create=true&synchronous={synchronous}")));
        fill(&store).await;
        stores.push((synchronous, store));
    }
    for round in 0..3 {
        for in_flight in [1, 16, 64] {
            for (synchronous, store) in &stores {
                println!("{synchronous}");
                measure(store, in_flight, 1_000_000 * (1 + in_flight + 100 * round)).await;
            }
        }
        raw(&files[1].1);
    }
}

async fn fill(store: &Arc<SqliteStore>) {
    let payload = "x".repeat(200);
    let tasks: Vec<_> = (0..SESSIONS)
        .map(|number| {
            let (at, text) = (Arc::clone(store), payload.clone());
            tokio::spawn(async move { create(&at, number, &text).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn measure(store: &Arc<SqliteStore>, in_flight: u32, first: u32) {
    let payload = "x".repeat(200);
    let at = Arc::clone(store);
    rate("new", in_flight, move |number| {
        let (at, text) = (Arc::clone(&at), payload.clone());
        async move { create(&at, first + number, &text).await }
    })
    .await;
    let at = Arc::clone(store);
    rate("read", in_flight, move |number| {
        let at = Arc::clone(&at);
        async move { drop(found(&at, number % SESSIONS).await) }
    })
    .await;
    let at = Arc::clone(store);
    rate("read of nothing, aside", in_flight, move |_| {
        let at = Arc::clone(&at);
        async move {
            drop(
                at.list(PrincipalKey::from_bytes([9; 32]), None)
                    .await
                    .unwrap(),
            )
        }
    })
    .await;
    let at = Arc::clone(store);
    rate("read + write", in_flight, move |number| {
        let at = Arc::clone(&at);
        async move { rewrite(&at, number % SESSIONS).await }
    })
    .await;
}

/// The driver alone, on one connection and one thread.
fn raw(file: &File) {
    let connection = file.foreign();
    let text = "SELECT content FROM sessions WHERE key = ?1";
    let began = Instant::now();
    let mut reads = 0;
    while began.elapsed() < Duration::from_secs(1) {
        let mut load = connection.prepare_cached(text).unwrap();
        let key = key(reads % SESSIONS);
        let content = load.query_row([key.as_bytes()], |row| row.get::<_, Vec<u8>>(0));
        assert!(content.optional().unwrap().is_some());
        reads += 1;
    }
    println!("{:<32} {reads:>9} /s", "raw read");
}
