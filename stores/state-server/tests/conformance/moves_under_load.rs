//! The list of servers changes while everybody works.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use session_core::{
    EndReason, LeaseUse, Load, Save, SessionStore, StoreError, StoreErrorKind, StoreKey,
};
use session_store_state_server::StateServerStore;
use tokio::task::JoinSet;

use crate::farm::{LIFETIME, create, key, load, payload, record, serve, status, store};

const KEYS: u32 = 160;

/// How many increments of each session were acknowledged.
type Counts = Arc<Mutex<HashMap<u32, u64>>>;

/// Adds one. `false` if the session has ended.
async fn increment(store: &Arc<StateServerStore>, key: StoreKey) -> Result<bool, StoreError> {
    loop {
        let Load::Found(found) = load(store, key).await? else {
            return Ok(false);
        };
        let before = payload(&found.record);
        assert_eq!(
            found.revision.get(),
            before + 1,
            "the record at its revision"
        );
        let next = record(before + 1);
        let save = Arc::clone(store).save(key, found.revision, next, LIFETIME, LeaseUse::None);
        match save.await? {
            Save::Saved(_) => return Ok(true),
            Save::Stale(_) => {}
            Save::Ended(_) | Save::Missing => return Ok(false),
            Save::Leased => panic!("nobody takes leases here"),
        }
    }
}

/// Increments sessions, beginning with `first`, until the store is refused or `rounds` are over.
async fn work(store: Arc<StateServerStore>, first: u32, rounds: u32, counts: Counts) {
    for round in 0..rounds {
        let number = (first + round * 7) % KEYS;
        match increment(&store, key(number)).await {
            Ok(true) => *counts.lock().entry(number).or_default() += 1,
            Ok(false) => panic!("session {number} is gone"),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
                assert!(error.to_string().contains("store.url"), "{error}");
            }
        }
    }
}

/// Changes the list under load; then every session has all increments that were acknowledged,
/// and is on one server only.
async fn change(before: &[&String], after: &[&String]) {
    let former = store(before, "");
    for number in 0..KEYS {
        create(&former, key(number)).await;
    }
    let counts = Counts::default();
    let mut workers = JoinSet::new();
    for worker in 0..4 {
        workers.spawn(work(
            Arc::clone(&former),
            worker * 40,
            600,
            Arc::clone(&counts),
        ));
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    let names: Vec<_> = before.iter().map(|name| name.as_str()).collect();
    let previous = format!("previous={}", names.join(","));
    for worker in 0..4 {
        let next = store(after, &previous);
        workers.spawn(work(next, worker * 40 + 20, 600, Arc::clone(&counts)));
    }
    while let Some(worked) = workers.join_next().await {
        worked.unwrap();
    }
    let next = store(after, &previous);
    let mut live = HashMap::new();
    for number in 0..KEYS {
        let expected = counts.lock().get(&number).copied().unwrap_or(0);
        match load(&next, key(number)).await.unwrap() {
            Load::Found(found) => assert_eq!(payload(&found.record), expected, "{number}"),
            other => panic!("{number}: {other:?}"),
        }
        let mut homes = 0;
        for server in all(before, after) {
            if status(server, key(number)).await == 200 {
                homes += 1;
                *live.entry(server).or_insert(0) += 1;
            }
        }
        assert_eq!(homes, 1, "{number}");
    }
    assert_eq!(live.len(), after.len(), "{live:?}");
}

fn all<'a>(before: &[&'a String], after: &[&'a String]) -> Vec<&'a String> {
    let mut all = [before, after].concat();
    all.sort_unstable();
    all.dedup();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fourth_server_loses_no_increment() {
    let (a, b, c, d) = (serve().await, serve().await, serve().await, serve().await);
    change(&[&a, &b, &c], &[&a, &b, &c, &d]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_taken_away_loses_no_increment() {
    let (a, b, c, d) = (serve().await, serve().await, serve().await, serve().await);
    change(&[&a, &b, &c, &d], &[&a, &c, &d]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_becomes_two() {
    let (a, b) = (serve().await, serve().await);
    change(&[&a], &[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_servers_are_replaced() {
    let (a, b, c, d) = (serve().await, serve().await, serve().await, serve().await);
    change(&[&a, &b], &[&c, &d]).await;
}

/// Sessions that end while others move them stay ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_move_outlives_a_delete() {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    for number in 0..600 {
        create(&former, key(number)).await;
        for _ in 0..number % 5 {
            assert!(increment(&former, key(number)).await.unwrap());
        }
    }
    let query = format!("previous={a}");
    let (one, two, three) = (
        store(&[&a, &b], &query),
        store(&[&a, &b], &query),
        store(&[&a, &b], &query),
    );
    for number in 0..600 {
        let movers = [Arc::clone(&one), Arc::clone(&two)];
        let movers =
            movers.map(|store| tokio::spawn(async move { load(&store, key(number)).await }));
        if number % 3 > 0 {
            tokio::time::sleep(Duration::from_micros(u64::from(number % 160) * 5)).await;
        }
        let delete = Arc::clone(&three).delete(key(number), EndReason::Destroyed);
        assert!(delete.await.unwrap(), "{number}");
        for mover in movers {
            mover.await.unwrap().unwrap();
        }
        for store in [&one, &two, &three] {
            let load = load(store, key(number)).await.unwrap();
            assert_eq!(load, Load::Ended(EndReason::Destroyed), "{number}");
        }
    }
}

/// A client that goes away in the middle of a move leaves the session to the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_broken_off_goes_on() {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    for number in 0..KEYS {
        create(&former, key(number)).await;
        for _ in 0..number % 4 {
            assert!(increment(&former, key(number)).await.unwrap());
        }
    }
    let query = format!("previous={a}");
    let next = store(&[&a, &b], &query);
    assert!(next.clone().ping().await.is_ok());
    for number in 0..KEYS {
        let broken = tokio::spawn({
            let next = Arc::clone(&next);
            async move { load(&next, key(number)).await }
        });
        tokio::time::sleep(Duration::from_micros(u64::from(number) * 10)).await;
        broken.abort();
        let _ = broken.await;
    }
    for number in 0..KEYS {
        match load(&next, key(number)).await.unwrap() {
            Load::Found(found) => {
                assert_eq!(payload(&found.record), u64::from(number % 4));
                assert_eq!(found.revision.get(), u64::from(number % 4) + 1);
            }
            other => panic!("{number}: {other:?}"),
        }
    }
}
