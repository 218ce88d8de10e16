//! Figures, not tests: `cargo test … measure -- --ignored --nocapture --test-threads 1`.

#![expect(clippy::print_stdout, reason = "figures are to be read")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use session_core::{Save, SessionStore};
use session_store_sql::PostgresStore;

use crate::server::{self, Server};
use crate::sessions::{content, create, found, key, save};

const SESSIONS: u32 = 10_000;

/// How many times a second `operation` runs, with so many in flight.
async fn rate<F, Done>(name: &str, in_flight: u32, operation: F)
where
    F: Fn(u32) -> Done + Clone + Send + 'static,
    Done: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let length = Duration::from_millis(1_500);
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
    println!("{name:<44} {in_flight:>3} in flight {rate:>9.0} /s");
}

async fn rewrite(store: &Arc<PostgresStore>, number: u32) {
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
    let server = Server::start();
    let mut stores = Vec::new();
    for options in [
        "&write-connections=1",
        "&write-connections=2",
        "&write-connections=4",
    ] {
        let url = server.tables().await;
        let store = server::store(&format!("{url}{options}"));
        fill(&store).await;
        stores.push((options, url, store));
    }
    for round in 0..3 {
        for in_flight in [1, 16, 64] {
            for (options, _, store) in &stores {
                println!("{options}");
                measure(store, in_flight, 1_000_000 * (1 + in_flight + 100 * round)).await;
            }
        }
        raw(&server, &stores[0].1).await;
    }
}

async fn fill(store: &Arc<PostgresStore>) {
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

async fn measure(store: &Arc<PostgresStore>, in_flight: u32, first: u32) {
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
    rate("read + write", in_flight, move |number| {
        let at = Arc::clone(&at);
        async move { rewrite(&at, number % SESSIONS).await }
    })
    .await;
}

/// The driver alone, on one connection.
async fn raw(server: &Server, url: &str) {
    let client = Arc::new(server.client().await);
    let table = server::table(url);
    let text = format!("SELECT content FROM {table} WHERE key = $1");
    let load = client.prepare(&text).await.unwrap();
    let (at, load) = (Arc::clone(&client), load);
    rate("raw read, one pipelined connection", 16, move |number| {
        let (at, load) = (Arc::clone(&at), load.clone());
        async move {
            let key = key(number % SESSIONS);
            at.query_one(&load, &[&key.as_bytes().as_slice()])
                .await
                .unwrap();
        }
    })
    .await;
    let text = format!("UPDATE {table} SET content = $2 WHERE key = $1");
    let update = client.prepare(&text).await.unwrap();
    rate("raw write, one pipelined connection", 16, move |number| {
        let (at, update) = (Arc::clone(&client), update.clone());
        async move {
            let key = key(number % SESSIONS);
            let bytes = content("an ordinary payload");
            at.execute(&update, &[&key.as_bytes().as_slice(), &bytes])
                .await
                .unwrap();
        }
    })
    .await;
}

/// What a touch costs with the index as it is, and with an index on the expiry itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn measure_index_churn() {
    let server = Server::start();
    for (name, change) in [
        ("index on due, fill factor 75", ""),
        (
            "index on due, fill factor 100",
            "ALTER TABLE TABLE_NAME SET (fillfactor = 100);",
        ),
        (
            "index on expires, fill factor 75",
            "CREATE INDEX ON TABLE_NAME (expires);",
        ),
    ] {
        let url = server.tables().await;
        let table = server::table(&url);
        let client = server.client().await;
        client
            .batch_execute(&change.replace("TABLE_NAME", &table))
            .await
            .unwrap();
        let store = server::store(&url);
        fill(&store).await;
        for text in [&format!("VACUUM ANALYZE {table}"), "CHECKPOINT"] {
            client.batch_execute(text).await.unwrap();
        }
        let place = "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8";
        let before: i64 = client.query_one(place, &[]).await.unwrap().get(0);
        for _ in 0..5 {
            let tasks: Vec<_> = (0..SESSIONS)
                // Not in the order of the pages, as nobody's users come.
                .map(|number| key(number * 7_919 % SESSIONS))
                .map(|key| tokio::spawn(Arc::clone(&store).touch(key)))
                .collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        }
        let after: i64 = client.query_one(place, &[]).await.unwrap().get(0);
        // Idle connections report after ten seconds.
        tokio::time::sleep(Duration::from_secs(12)).await;
        let text = "SELECT n_tup_upd, n_tup_hot_upd, pg_indexes_size(relid) \
                    FROM pg_stat_user_tables WHERE relid = $1::text::regclass";
        let row = client.query_one(text, &[&table]).await.unwrap();
        let (all, hot, size): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        println!(
            "{name:<34} touches {all}, of them beside the indexes {} %, WAL {} B each, \
             indexes {} KiB",
            hot * 100 / all.max(1),
            (after - before) / all.max(1),
            size / 1024
        );
    }
}
