//! What the tests work with.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    Create, Lifetime, Load, Loaded, PrincipalKey, Record, Revision, SessionStore, StoreKey,
    Timestamp,
};
use session_store_redis::RedisStore;

pub(crate) const HOUR: Lifetime = Lifetime {
    idle: Duration::from_secs(1_800),
    absolute: Duration::from_secs(3_600),
};

pub(crate) fn store(url: &str) -> Arc<RedisStore> {
    Arc::new(RedisStore::builder(url).unwrap().build())
}

pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        let number = RandomState::new().hash_one(0u8);
        chunk.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}

pub(crate) fn fresh_key() -> StoreKey {
    StoreKey::from_bytes(random())
}

pub(crate) fn fresh_principal() -> PrincipalKey {
    PrincipalKey::from_bytes(random())
}

/// A fresh key on the same route.
pub(crate) fn renewed(key: StoreKey) -> StoreKey {
    let mut bytes = random();
    bytes[..2].copy_from_slice(key.route().as_bytes());
    StoreKey::from_bytes(bytes)
}

pub(crate) fn record(payload: impl Into<Bytes>) -> Record {
    Record {
        payload: payload.into(),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1),
        deadline: Timestamp::from_millis(2),
    }
}

pub(crate) fn record_of(principal: PrincipalKey) -> Record {
    Record {
        principal: Some(principal),
        ..record("owned")
    }
}

/// Adds a session.
pub(crate) async fn session(store: &Arc<RedisStore>) -> StoreKey {
    let key = fresh_key();
    let created = Arc::clone(store).create(key, record("first"), HOUR).await;
    assert_eq!(created.unwrap(), Create::Created(Revision::FIRST));
    key
}

pub(crate) async fn found(store: &Arc<RedisStore>, key: StoreKey) -> Loaded {
    match Arc::clone(store).load(key).await.unwrap() {
        Load::Found(loaded) => loaded,
        other => panic!("expected a live session, got {other:?}"),
    }
}

/// The message of an operation that must fail.
pub(crate) async fn failure(store: &Arc<RedisStore>) -> String {
    let created = Arc::clone(store)
        .create(fresh_key(), record("x"), HOUR)
        .await;
    created.unwrap_err().to_string()
}
