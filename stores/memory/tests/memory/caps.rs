//! The caps on sessions and bytes.

use session_core::{Create, EndReason, LeaseUse, Load, Revision, Save, StoreErrorKind};
use session_store_memory::MemoryStore;

use crate::fixture::{Fixture, lifetime, record_of_size};

#[tokio::test]
async fn session_cap_refuses_the_next_and_names_itself() {
    let fixture = Fixture::new(MemoryStore::builder().max_sessions(2));
    let first = fixture.create(10).await.unwrap();
    fixture.create(10).await.unwrap();
    let error = fixture.create(10).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("max_sessions = 2"), "{error}");
    assert!(matches!(fixture.load(first).await, Load::Found(_)));
    assert_eq!(fixture.store.stats().sessions, 2);
}

#[tokio::test]
async fn byte_cap_refuses_the_next_and_names_itself() {
    let fixture = Fixture::new(MemoryStore::builder().max_bytes(4_096));
    fixture.create(3_000).await.unwrap();
    let error = fixture.create(3_000).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("max_bytes = 4096"), "{error}");
    assert_eq!(fixture.store.stats().sessions, 1);
}

#[tokio::test]
async fn expired_sessions_make_room_at_a_cap() {
    let fixture = Fixture::new(MemoryStore::builder().max_sessions(200));
    for _ in 0..200 {
        fixture.create(10).await.unwrap();
    }
    fixture.advance(lifetime().idle);
    for _ in 0..200 {
        fixture.create(10).await.unwrap();
    }
    fixture.create(10).await.unwrap_err();
    assert_eq!(fixture.store.stats().sessions, 200);
}

#[tokio::test]
async fn ending_a_session_makes_room() {
    let fixture = Fixture::new(MemoryStore::builder().max_sessions(1));
    let key = fixture.create(10).await.unwrap();
    assert!(fixture.delete(key, EndReason::Destroyed).await);
    fixture.create(10).await.unwrap();
}

#[tokio::test]
async fn save_that_grows_past_the_cap_keeps_the_old_record() {
    let fixture = Fixture::new(MemoryStore::builder().max_bytes(4_096));
    let key = fixture.create(1_000).await.unwrap();
    let before = fixture.store.stats();
    let error = fixture.save(key, 8_000).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    let Load::Found(loaded) = fixture.load(key).await else {
        panic!("the session is gone");
    };
    assert_eq!(loaded.record, record_of_size(1_000));
    assert_eq!(loaded.revision, Revision::FIRST);
    assert_eq!(fixture.store.stats(), before);
    let shrunk = fixture.save(key, 10).await.unwrap();
    assert_eq!(shrunk, Save::Saved(Revision::FIRST.next()));
    assert_eq!(fixture.store.stats().bytes, before.bytes - 990);
}

#[tokio::test]
async fn rename_at_the_session_cap_is_no_new_session() {
    let fixture = Fixture::new(MemoryStore::builder().max_sessions(1));
    let key = fixture.create(10).await.unwrap();
    let renewed = fixture.renewed(key);
    let rename = fixture.rename(key, renewed, LeaseUse::None).await;
    assert_eq!(rename, Save::Saved(Revision::FIRST.next()));
    assert_eq!(fixture.store.stats().sessions, 1);
}

/// n13: racing creates do not pass the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n13_cap_holds_under_parallel_creates() {
    let fixture = Fixture::new(MemoryStore::builder().max_sessions(50));
    let creates: Vec<_> = (0..200)
        .map(|_| tokio::spawn(fixture.begin_create()))
        .collect();
    let mut created = 0;
    for create in creates {
        created += usize::from(
            create
                .await
                .unwrap()
                .is_ok_and(|c| c != Create::AlreadyExists),
        );
    }
    assert_eq!(created, 50);
    assert_eq!(fixture.store.stats().sessions, 50);
}
