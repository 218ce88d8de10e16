//! What a sweep removes, and who sweeps.

use std::sync::Arc;
use std::time::Duration;

use session_core::{EndReason, Lifetime, Load, SessionStore, Touch};
use session_store_sql::MysqlStore;

use crate::server;
use crate::sessions::{create, found, key, record};

/// A second ago on the clock of the database.
const PAST: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000 - 1000)";

async fn execute(text: &str) {
    server::shared().client().await.execute(text).await;
}

async fn swept(store: &Arc<MysqlStore>) -> Vec<u32> {
    let swept = Arc::clone(store).sweep(1_000).await.unwrap();
    let number = |bytes: &[u8; 32]| u32::from_be_bytes(bytes[28..].try_into().unwrap());
    swept
        .iter()
        .map(|swept| number(swept.key.as_bytes()))
        .collect()
}

/// Moves the sessions of a table to the end of their lives.
async fn expire(url: &str, numbers: &str) {
    let table = server::table(url);
    let which = format!("RIGHT(HEX(`key`), 8) IN ({numbers})");
    execute(&format!(
        "UPDATE {table} SET expires = {PAST}, due = {PAST} WHERE {which}"
    ))
    .await;
}

/// One instance sweeps at a time; another does so when the first has not for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_sweeps_at_a_time() {
    let url = server::shared().tables().await;
    let [one, other] = [server::store(&url), server::store(&url)];
    for number in 1..=2 {
        create(&one, number, "brief").await;
    }
    expire(&url, "'00000001'").await;
    assert_eq!(swept(&one).await, [1]);
    expire(&url, "'00000002'").await;
    assert!(swept(&other).await.is_empty());
    let table = server::table(&url);
    execute(&format!(
        "UPDATE {table}_schema SET sweeping_until = {PAST}"
    ))
    .await;
    assert_eq!(swept(&other).await, [2]);
    assert!(swept(&one).await.is_empty());
}

/// Tombstones go without being told of; a session that was extended is put off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tombstones_go_and_the_extended_stay() {
    let url = server::shared().tables().await;
    let store = server::store(&url);
    for number in 1..=3 {
        create(&store, number, "x").await;
    }
    let deleted = Arc::clone(&store).delete(key(1), EndReason::Destroyed);
    assert!(deleted.await.unwrap());
    expire(&url, "'00000001', '00000002'").await;
    let table = server::table(&url);
    execute(&format!("UPDATE {table} SET due = {PAST}")).await;
    assert_eq!(swept(&store).await, [2]);
    found(&store, 3).await;
    assert_eq!(Arc::clone(&store).load(key(1)).await.unwrap(), Load::Absent);
    let mut client = server::shared().client().await;
    let text = format!("SELECT COUNT(*), MIN(due = expires) FROM {table}");
    assert_eq!(client.row::<(i64, i64)>(&text).await, (1, 1));
}

/// A row that somebody else is writing is left for the next sweep, and nobody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_is_left_alone() {
    let url = server::shared().tables().await;
    let store = server::store(&url);
    for number in 1..=2 {
        create(&store, number, "brief").await;
    }
    expire(&url, "'00000001', '00000002'").await;
    let mut client = server::shared().client().await;
    let table = server::table(&url);
    client.execute("BEGIN").await;
    let digits: String = key(1)
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let lock = format!("UPDATE {table} SET labels = 'x' WHERE `key` = x'{digits}'");
    client.execute(&lock).await;
    assert_eq!(swept(&store).await, [2]);
    client.execute("COMMIT").await;
    assert_eq!(swept(&store).await, [1]);
}

/// n11, n25, c40: touches and sweeps at the moment of expiry agree on who lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c40_sweeps_and_touches_agree() {
    const SESSIONS: u32 = 200;
    let url = server::shared().tables().await;
    let store = server::store(&url);
    let lifetime = Lifetime {
        idle: Duration::from_millis(600),
        absolute: Duration::from_secs(600),
    };
    for number in 0..SESSIONS {
        let create = Arc::clone(&store).create(key(number), record("edge"), lifetime);
        create.await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    let sweeper = Arc::clone(&store);
    let sweeping = tokio::spawn(async move {
        let mut gone = Vec::new();
        for _ in 0..100 {
            gone.extend(swept(&sweeper).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        gone
    });
    let mut touching = Vec::new();
    for number in 0..SESSIONS {
        let store = Arc::clone(&store);
        touching.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(number) * 2)).await;
            store.touch(key(number)).await.unwrap()
        }));
    }
    let mut touched = Vec::new();
    for task in touching {
        touched.push(task.await.unwrap());
    }
    // Those that were touched live for another 600 ms from then on; the last are looked at.
    let gone = sweeping.await.unwrap();
    for number in 0..SESSIONS {
        let missing = touched[number as usize] == Touch::Missing;
        if missing {
            let load = Arc::clone(&store).load(key(number)).await.unwrap();
            assert_eq!(load, Load::Absent, "{number}");
        }
        let twice = gone.iter().filter(|gone| **gone == number).count();
        assert!(twice <= 1, "{number} was swept {twice} times");
    }
}

/// A sweep of many beside writers, who wait for nothing: each session goes exactly once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweeping_beside_load() {
    const DEAD: u32 = 1_500;
    let url = server::shared().tables().await;
    let [sweeper, writer] = [server::store(&url), server::store(&url)];
    let brief = Lifetime {
        idle: Duration::from_millis(1),
        absolute: Duration::from_secs(600),
    };
    for number in 0..DEAD {
        let create = Arc::clone(&sweeper).create(key(number), record("brief"), brief);
        create.await.unwrap();
    }
    let writing = tokio::spawn(async move {
        for number in DEAD..DEAD + 300 {
            create(&writer, number, "0").await;
            crate::sessions::increment(&writer, number).await;
            assert_eq!(
                Arc::clone(&writer).touch(key(number)).await.unwrap(),
                Touch::Touched
            );
        }
    });
    let mut gone = swept(&sweeper).await;
    assert_eq!(gone.len(), 1_000);
    gone.extend(swept(&sweeper).await);
    gone.sort_unstable();
    assert_eq!(gone, (0..DEAD).collect::<Vec<_>>());
    writing.await.unwrap();
    for number in DEAD..DEAD + 300 {
        assert_eq!(found(&sweeper, number).await.record, record("1"));
    }
}
