//! Many clients at once, and what they leave behind. With `FULL` set, as many as the design
//! says.

use std::sync::Arc;

use redis::Value;
use session_core::{
    EndReason, LeaseUse, Load, Loaded, Record, Revision, Save, SessionStore, StoreKey,
};
use session_store_redis::RedisStore;

use crate::fixture::{HOUR, found, fresh_key, fresh_principal, record, record_of, renewed, store};
use crate::server::RedisServer;

fn scaled(full: u64, usual: u64) -> u64 {
    if std::env::var_os("FULL").is_some() {
        full
    } else {
        usual
    }
}

fn number(loaded: &Loaded) -> u64 {
    std::str::from_utf8(&loaded.record.payload)
        .unwrap()
        .parse()
        .unwrap()
}

async fn increment(store: &Arc<RedisStore>, key: StoreKey) {
    let mut loaded = found(store, key).await;
    loop {
        let next = record((number(&loaded) + 1).to_string());
        let save = Arc::clone(store).save(key, loaded.revision, next, HOUR, LeaseUse::None);
        match save.await.unwrap() {
            Save::Saved(_) => return,
            Save::Stale(current) => loaded = current,
            other => panic!("{other:?}"),
        }
    }
}

/// n02: increments of 32 clients over two stores are all kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n02_increments_over_two_stores_are_all_kept() {
    let server = RedisServer::start(&[]).await;
    let stores = [store(&server.url("")), store(&server.url(""))];
    let key = fresh_key();
    Arc::clone(&stores[0])
        .create(key, record("0"), HOUR)
        .await
        .unwrap();
    let each = scaled(100_000, 3_200) / 32;
    let clients = (0..32).map(|client| {
        let store = Arc::clone(&stores[client % 2]);
        tokio::spawn(async move {
            for _ in 0..each {
                increment(&store, key).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let last = found(&stores[0], key).await;
    assert_eq!(number(&last), each * 32);
    assert_eq!(last.revision, Revision::new(each * 32 + 1).unwrap());
}

/// n04, n06: a log-out against a save and a renew; afterwards nothing is alive, every key has
/// an end of life, and no index has an entry without a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n04_log_outs_win_and_leave_nothing() {
    let server = RedisServer::start(&[]).await;
    let stores = [store(&server.url("")), store(&server.url(""))];
    let races = scaled(10_000, 500);
    for _ in 0..races {
        race(&stores).await;
    }
    let survivor = fresh_principal();
    let kept = fresh_key();
    Arc::clone(&stores[0])
        .create(kept, record_of(survivor), HOUR)
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    scan(&server, kept).await;
}

async fn race(stores: &[Arc<RedisStore>; 2]) {
    let [one, other] = stores;
    let principal = fresh_principal();
    let (key, base) = (fresh_key(), Revision::FIRST);
    let next = renewed(key);
    Arc::clone(one)
        .create(key, record_of(principal), HOUR)
        .await
        .unwrap();
    let owned: Record = record_of(principal);
    let save = Arc::clone(one).save(key, base, owned.clone(), HOUR, LeaseUse::None);
    let rename = Arc::clone(other).rename(key, next, base, owned, HOUR, LeaseUse::None);
    let end = Arc::clone(one).delete_all(principal, None);
    let (save, rename, end) = futures_util::join!(save, rename, end);
    save.unwrap();
    rename.unwrap();
    assert!(end.unwrap() <= 1);
    for key in [key, next] {
        let delete = Arc::clone(other).delete(key, EndReason::Destroyed).await;
        assert!(!delete.unwrap(), "a session escaped");
        let load = Arc::clone(other).load(key).await.unwrap();
        assert!(!matches!(load, Load::Found(_)), "{load:?}");
    }
}

/// Looks at every key of the server.
async fn scan(server: &RedisServer, kept: StoreKey) {
    let client = redis::Client::open(server.url("")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut entries = 0;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .unwrap();
    for key in keys {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .unwrap();
        // A tombstone may have come to its end meanwhile.
        assert!(left > 0 || left == -2, "{key} has no end of life");
        if !key.starts_with("session:p:") {
            continue;
        }
        let mut range = redis::cmd("ZRANGE");
        range.arg(&key).arg(0).arg(-1);
        let members: Value = range.query_async(&mut connection).await.unwrap();
        let members: Vec<Vec<u8>> = redis::from_redis_value(members).unwrap();
        for member in members {
            entries += 1;
            assert_eq!(member, kept.as_bytes(), "an entry without a session");
        }
    }
    assert_eq!(entries, 1);
}
