//! Taking back the memory of what has expired.

use std::sync::Arc;
use std::time::Duration;

use session_core::{EndReason, Lifetime, Load, SessionStore as _, TOMBSTONE, Touch};
use session_store_memory::MemoryStore;

use crate::fixture::{Fixture, lifetime};

#[tokio::test]
async fn s31_nothing_is_left_of_expired_sessions_and_tombstones() {
    let fixture = Fixture::new(MemoryStore::builder());
    for n in 0..100 {
        let key = fixture.create(100).await.unwrap();
        if n % 2 == 0 {
            fixture.delete(key, EndReason::Destroyed).await;
        }
    }
    assert_eq!(fixture.store.stats().tombstones, 50);
    fixture.advance(lifetime().idle.max(TOMBSTONE));
    assert_eq!(fixture.sweep(1_000).await, 50);
    let stats = fixture.store.stats();
    assert_eq!((stats.sessions, stats.tombstones, stats.bytes), (0, 0, 0));
}

/// Without any sweep, later writes take the memory back.
#[tokio::test]
async fn s31_writes_take_back_expired_sessions_on_the_side() {
    let fixture = Fixture::new(MemoryStore::builder().shards(4));
    for _ in 0..1_000 {
        fixture.create(10).await.unwrap();
    }
    fixture.advance(lifetime().idle);
    for _ in 0..1_000 {
        fixture.create(10).await.unwrap();
    }
    assert_eq!(fixture.store.stats().sessions, 1_000);
}

/// A session that is prolonged again and again stays, and is swept on time in the end.
#[tokio::test]
async fn prolonged_sessions_move_on_in_the_expiry_order() {
    let fixture = Fixture::new(MemoryStore::builder().shards(1));
    let key = fixture.create(10).await.unwrap();
    for _ in 0..10 {
        fixture.advance(lifetime().idle / 2);
        fixture.touch(key).await;
        assert_eq!(fixture.sweep(10).await, 0);
    }
    fixture.advance(lifetime().idle);
    assert_eq!(fixture.sweep(10).await, 1);
}

/// n11, n25: at the very moment of expiry a session is either extended or swept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c40_sweeper_against_touches_at_the_boundary() {
    const MOMENT: Duration = Duration::from_millis(1);
    let fixture = Fixture::new(MemoryStore::builder());
    for round in 0..10_000 {
        let key = fixture.create(10).await.unwrap();
        fixture.advance(lifetime().idle - MOMENT);
        let toucher = tokio::spawn(Arc::clone(&fixture.store).touch(key));
        let sweeper = tokio::spawn(Arc::clone(&fixture.store).sweep(1_000));
        fixture.advance(MOMENT);
        let touched = toucher.await.unwrap().unwrap();
        let mut swept = sweeper.await.unwrap().unwrap();
        swept.extend(Arc::clone(&fixture.store).sweep(1_000).await.unwrap());
        let was_swept = swept.iter().any(|swept| swept.key == key);
        let lives = matches!(fixture.load(key).await, Load::Found(_));
        // A touch that comes too late takes expired sessions back on the side, before a sweep.
        assert_eq!(lives, touched == Touch::Touched, "round {round}");
        assert!(!(lives && was_swept), "round {round}");
    }
}

/// n11: what a save brings forward is due at its new time.
#[tokio::test]
async fn shortened_session_is_swept_on_time() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    let shorter = Lifetime {
        idle: Duration::from_millis(5),
        ..lifetime()
    };
    fixture.save_for(key, 10, shorter).await.unwrap();
    fixture.advance(Duration::from_millis(4));
    assert_eq!(fixture.sweep(10).await, 0);
    fixture.advance(Duration::from_millis(1));
    assert_eq!(fixture.sweep(10).await, 1);
}

/// Keys whose last eight bytes agree share a hash; both are found, and both are swept.
#[tokio::test]
async fn keys_of_the_same_hash_are_two_sessions() {
    let fixture = Fixture::new(MemoryStore::builder().shards(1));
    let [first, second] = [1, 2].map(|n| {
        let mut bytes = [0; 32];
        bytes[4] = n;
        session_core::StoreKey::from_bytes(bytes)
    });
    fixture.create_at(first, 10).await.unwrap();
    fixture.create_at(second, 20).await.unwrap();
    for (key, size) in [(first, 10), (second, 20)] {
        let Load::Found(loaded) = fixture.load(key).await else {
            panic!("the session is gone");
        };
        assert_eq!(loaded.record.payload.len(), size);
    }
    fixture.advance(lifetime().idle + Duration::from_millis(1));
    assert_eq!(fixture.sweep(10).await, 2);
    assert_eq!(fixture.store.stats().bytes, 0);
}

/// A new session under a key whose tombstone has expired leaves a tombstone of its own.
#[tokio::test]
async fn key_can_be_ended_again_after_its_tombstone() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    fixture.delete(key, EndReason::Destroyed).await;
    fixture.advance(TOMBSTONE);
    assert_eq!(fixture.load(key).await, Load::Absent);
    fixture.create_at(key, 10).await.unwrap();
    fixture.delete(key, EndReason::Revoked).await;
    assert_eq!(fixture.load(key).await, Load::Ended(EndReason::Revoked));
    fixture.advance(TOMBSTONE);
    fixture.sweep(10).await;
    assert_eq!(fixture.store.stats().bytes, 0);
}

/// n26: setting the wall clock ends no session and revives none.
#[tokio::test]
async fn n26_wall_clock_does_not_decide() {
    let fixture = Fixture::new(MemoryStore::builder());
    let key = fixture.create(10).await.unwrap();
    fixture.clock.set(session_core::Timestamp::MAX);
    assert!(matches!(fixture.load(key).await, Load::Found(_)));
    fixture.clock.set(session_core::Timestamp::default());
    fixture.advance(lifetime().idle);
    assert_eq!(fixture.load(key).await, Load::Absent);
}
