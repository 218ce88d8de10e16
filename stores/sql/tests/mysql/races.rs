//! Races of several instances, few by default and many with `SESSION_STORE_FULL_TESTS` set.

use std::sync::Arc;

use session_core::{EndReason, LeaseUse, Load, Revision, Save, SessionStore};

use crate::server;
use crate::sessions::{create, found, increment, key, long, record, rounds};

/// n02, c30: increments through two instances are all kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c30_increments_are_all_kept() {
    const SESSIONS: u32 = 8;
    const TASKS: u32 = 32;
    let each = rounds(60, 3_125);
    let url = server::shared().tables().await;
    let stores = [server::store(&url), server::store(&url)];
    for number in 0..SESSIONS {
        create(&stores[0], number, "0").await;
    }
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let store = Arc::clone(&stores[(task % 2) as usize]);
        tasks.push(tokio::spawn(async move {
            for _ in 0..each {
                increment(&store, task % SESSIONS).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for number in 0..SESSIONS {
        let loaded = found(&stores[0], number).await;
        let expected = u64::from(TASKS / SESSIONS * each);
        assert_eq!(loaded.record, record(&expected.to_string()));
        assert_eq!(loaded.revision.get(), expected + 1);
    }
}

/// n04, c32: no save outlives a logout, and who comes too late learns why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n04_logouts_win() {
    let url = server::shared().tables().await;
    let stores = [server::store(&url), server::store(&url)];
    let all = rounds(600, 10_000);
    for first in (0..all).step_by(100) {
        let mut tasks = Vec::new();
        for number in first..first + 100 {
            let [one, other] = stores.clone();
            tasks.push(tokio::spawn(async move { race(one, other, number).await }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn race(
    one: Arc<session_store_sql::MysqlStore>,
    other: Arc<session_store_sql::MysqlStore>,
    number: u32,
) {
    let key = key(number);
    create(&one, number, "logged in").await;
    let late = record("late");
    let save = Arc::clone(&one).save(key, Revision::FIRST, late, long(), LeaseUse::None);
    let save = tokio::spawn(save);
    let delete = tokio::spawn(other.delete(key, EndReason::Destroyed));
    assert!(delete.await.unwrap().unwrap());
    let saved = save.await.unwrap().unwrap();
    assert!(
        matches!(saved, Save::Saved(_) | Save::Ended(EndReason::Destroyed)),
        "{saved:?}"
    );
    let load = one.load(key).await.unwrap();
    assert_eq!(load, Load::Ended(EndReason::Destroyed));
}
