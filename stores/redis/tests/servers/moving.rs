//! Slots that move while sessions are worked on.

use std::sync::Arc;

use session_core::{LeaseUse, Load, Save, SessionStore, StoreKey, Touch};

use crate::cluster::RedisCluster;
use crate::fixture::{HOUR, found, fresh_key, record, renewed, session, store};

/// CRC-16/XMODEM of the hash tag.
fn slot(key: &StoreKey) -> u16 {
    let route = key.route();
    let tag: String = route
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut crc = 0u16;
    for byte in tag.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
        }
    }
    crc % 16_384
}

/// Before, during and after the move of its slot a session is loaded, saved and renewed, and a
/// client that does not know of the move finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_found_while_its_slot_moves() {
    let cluster = RedisCluster::start().await;
    let store = store(&cluster.url(""));
    let key = session(&store).await;
    let slot = slot(&key);
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;

    cluster.begin_to_move(slot, from, to).await;
    assert_eq!(found(&store, key).await.revision.get(), 1);
    cluster.move_keys(slot, from, to).await;
    // The source answers ASK now.
    let loaded = found(&store, key).await;
    let save = Arc::clone(&store).save(key, loaded.revision, record("asked"), HOUR, LeaseUse::None);
    assert_eq!(save.await.unwrap(), Save::Saved(loaded.revision.next()));
    assert_eq!(Arc::clone(&store).touch(key).await.unwrap(), Touch::Touched);

    cluster.end_move(slot, to).await;
    // The source answers MOVED now.
    let base = found(&store, key).await.revision;
    let next = renewed(key);
    let rename = Arc::clone(&store).rename(key, next, base, record("moved"), HOUR, LeaseUse::None);
    assert_eq!(rename.await.unwrap(), Save::Saved(base.next()));
    assert_eq!(found(&store, next).await.record, record("moved"));
    assert_eq!(usize::from(store.endpoint(key.route()) > 2), 0);
}

/// n06: a rename of which one key has moved and the other not is answered TRYAGAIN until the
/// move is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n06_a_rename_waits_for_the_end_of_a_move() {
    let cluster = RedisCluster::start().await;
    let store = store(&cluster.url(""));
    let key = session(&store).await;
    let slot = slot(&key);
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    cluster.begin_to_move(slot, from, to).await;
    let next = renewed(key);
    let base = found(&store, key).await.revision;
    // The session is still here and its new key is not.
    let rename = Arc::clone(&store).rename(key, next, base, record("moved"), HOUR, LeaseUse::None);
    let rename = tokio::spawn(rename);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!rename.is_finished());
    cluster.move_keys(slot, from, to).await;
    cluster.end_move(slot, to).await;
    assert_eq!(rename.await.unwrap().unwrap(), Save::Saved(base.next()));
    assert_eq!(found(&store, next).await.record, record("moved"));
}

/// A replica that takes over from a killed primary is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_successor_of_a_killed_node_is_found() {
    let cluster = RedisCluster::start().await;
    let store = store(&cluster.url("?wait-replicas=1&wait-timeout=2s"));
    let replica = cluster.add_replica(1).await;
    let key = loop {
        let mut bytes = *fresh_key().as_bytes();
        bytes[31] = 0;
        let key = StoreKey::from_bytes(bytes);
        if cluster.owner(slot(&key)) == 1 {
            break key;
        }
    };
    Arc::clone(&store)
        .create(key, record("first"), HOUR)
        .await
        .unwrap();
    cluster.nodes[1].signal("-KILL");
    let began = std::time::Instant::now();
    loop {
        match Arc::clone(&store).load(key).await {
            Ok(load) => {
                assert!(matches!(load, Load::Found(_)), "{load:?}");
                break;
            }
            Err(error) => assert!(error.is_unreachable(), "{error}"),
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(40),
            "no successor"
        );
    }
    drop(replica);
}
