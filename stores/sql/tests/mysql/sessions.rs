//! Sessions for tests, told apart by a number.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Create, LeaseUse, Lifetime, Load, Loaded, Record, Revision, Save, SessionStore, StoreKey,
    Timestamp,
};
use session_store_sql::MysqlStore;

/// The key of a session; those of one route follow each other.
pub(crate) fn key(number: u32) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

pub(crate) fn record(payload: &str) -> Record {
    Record {
        payload: payload.to_owned().into(),
        labels: "labels".into(),
        principal: None,
        created: Timestamp::from_millis(1_700_000_000_000),
        deadline: Timestamp::from_millis(1_700_043_200_000),
    }
}

/// The bytes that a record's row has.
pub(crate) fn content(payload: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    record(payload).encode(&mut bytes);
    bytes
}

/// A lifetime that no test outlives.
pub(crate) fn long() -> Lifetime {
    Lifetime {
        idle: Duration::from_secs(1_200),
        absolute: Duration::from_secs(43_200),
    }
}

pub(crate) async fn create(store: &Arc<MysqlStore>, number: u32, payload: &str) {
    let created = Arc::clone(store).create(key(number), record(payload), long());
    assert_eq!(created.await.unwrap(), Create::Created(Revision::FIRST));
}

pub(crate) async fn found(store: &Arc<MysqlStore>, number: u32) -> Loaded {
    match Arc::clone(store).load(key(number)).await.unwrap() {
        Load::Found(loaded) => loaded,
        other => panic!("session {number}: {other:?}"),
    }
}

pub(crate) async fn save(
    store: &Arc<MysqlStore>,
    number: u32,
    base: Revision,
    payload: &str,
) -> Save {
    let store = Arc::clone(store);
    let saved = store.save(key(number), base, record(payload), long(), LeaseUse::None);
    saved.await.unwrap()
}

/// Adds one to the number in a session's payload, however many do so at a time.
pub(crate) async fn increment(store: &Arc<MysqlStore>, number: u32) {
    let mut current = found(store, number).await;
    loop {
        let text = std::str::from_utf8(&current.record.payload).unwrap();
        let next: u64 = text.parse::<u64>().unwrap() + 1;
        match save(store, number, current.revision, &next.to_string()).await {
            Save::Saved(_) => return,
            Save::Stale(theirs) => {
                assert!(theirs.revision > current.revision, "a stale writer spins");
                current = theirs;
            }
            other => panic!("session {number}: {other:?}"),
        }
    }
}

/// How often to try: a few times by default, all of it with `SESSION_STORE_FULL_TESTS` set.
pub(crate) fn rounds(few: u32, all: u32) -> u32 {
    match std::env::var_os("SESSION_STORE_FULL_TESTS") {
        Some(_) => all,
        None => few,
    }
}
