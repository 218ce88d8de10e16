//! What a sweep removes, who sweeps, and what time it is.

use std::sync::Arc;
use std::time::Duration;

use session_core::testing::ManualClock;
use session_core::{EndReason, Lifetime, Load, SessionStore, Timestamp, Touch};
use session_store_sql::SqliteStore;

use crate::file::File;
use crate::sessions::{create, found, key, record};

fn on(file: &File, clock: &ManualClock) -> Arc<SqliteStore> {
    let builder = SqliteStore::builder(&file.url("create=true")).unwrap();
    Arc::new(builder.clock(clock.clone()).build())
}

async fn brief(store: &Arc<SqliteStore>, number: u32) {
    let lifetime = Lifetime {
        idle: Duration::from_secs(10),
        absolute: Duration::from_secs(60),
    };
    let created = Arc::clone(store).create(key(number), record("brief"), lifetime);
    created.await.unwrap();
}

async fn swept(store: &Arc<SqliteStore>) -> Vec<u32> {
    let swept = Arc::clone(store).sweep(1_000).await.unwrap();
    let number = |bytes: &[u8; 32]| u32::from_be_bytes(bytes[28..].try_into().unwrap());
    let numbers = swept.iter().map(|swept| number(swept.key.as_bytes()));
    numbers.collect()
}

async fn is_absent(store: &Arc<SqliteStore>, number: u32) -> bool {
    let load = Arc::clone(store).load(key(number));
    load.await.unwrap() == Load::Absent
}

/// One instance sweeps at a time; another does so when the first has not for a while.
#[tokio::test]
async fn one_instance_sweeps_at_a_time() {
    let file = File::fresh();
    let clock = ManualClock::default();
    let [one, other] = [on(&file, &clock), on(&file, &clock)];
    brief(&one, 1).await;
    clock.advance(Duration::from_secs(5));
    brief(&one, 2).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(swept(&one).await, [1]);
    clock.advance(Duration::from_secs(5));
    assert_eq!(swept(&other).await, Vec::<u32>::new());
    clock.advance(Duration::from_secs(6));
    assert_eq!(swept(&other).await, [2]);
    assert_eq!(swept(&one).await, Vec::<u32>::new());
}

/// Tombstones go without being told of; a session that was extended is put off.
#[tokio::test]
async fn tombstones_go_and_the_living_are_put_off() {
    let file = File::fresh();
    let clock = ManualClock::default();
    let store = on(&file, &clock);
    for number in 1..=2 {
        brief(&store, number).await;
    }
    let ended = Arc::clone(&store).delete(key(1), EndReason::Destroyed);
    assert!(ended.await.unwrap());
    clock.advance(Duration::from_secs(9));
    let touched = Arc::clone(&store).touch(key(2)).await.unwrap();
    assert_eq!(touched, Touch::Touched);
    clock.advance(Duration::from_secs(9));
    assert_eq!(swept(&store).await, Vec::<u32>::new());
    found(&store, 2).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(swept(&store).await, [2]);
    let rows = "SELECT count(*) FROM sessions";
    let rows: i64 = file
        .foreign()
        .query_row(rows, [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}

/// A clock that is set back brings nothing back, neither here nor in an instance that starts
/// afterwards.
#[tokio::test]
async fn a_clock_that_is_set_back_revives_nothing() {
    let file = File::fresh();
    let clock = ManualClock::default();
    let store = on(&file, &clock);
    brief(&store, 1).await;
    clock.advance(Duration::from_secs(11));
    assert!(is_absent(&store, 1).await);
    create(&store, 2, "live").await;
    clock.set(Timestamp::from_millis(1));
    assert!(is_absent(&store, 1).await);
    let left = found(&store, 2).await.time_left;
    assert_eq!(left, crate::sessions::long().idle);
    let ping = Arc::clone(&store).ping().await.unwrap();
    assert_eq!(ping.store_time.as_millis(), 1_000_000_011_000);
    drop(store);
    let later = on(&file, &ManualClock::new(Timestamp::from_millis(1)));
    assert!(is_absent(&later, 1).await);
    assert_eq!(
        Arc::clone(&later).touch(key(1)).await.unwrap(),
        Touch::Missing
    );
    found(&later, 2).await;
}

/// c40: sweeps beside touches and creates, on real time, agree on who lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c40_sweeps_and_touches_agree() {
    const SESSIONS: u32 = 200;
    let file = File::fresh();
    let [store, sweeper] = [file.store(), file.store()];
    let lifetime = Lifetime {
        idle: Duration::from_millis(600),
        absolute: Duration::from_secs(600),
    };
    let creates = (0..SESSIONS).map(|number| {
        let create = Arc::clone(&store).create(key(number), record("edge"), lifetime);
        tokio::spawn(create)
    });
    for create in creates.collect::<Vec<_>>() {
        create.await.unwrap().unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sweeping = tokio::spawn(async move {
        let mut gone = Vec::new();
        for _ in 0..100 {
            gone.extend(swept(&sweeper).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        gone
    });
    let touches = (0..SESSIONS).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(number) * 2)).await;
            store.touch(key(number)).await.unwrap()
        })
    });
    let mut touched = Vec::new();
    for touch in touches.collect::<Vec<_>>() {
        touched.push(touch.await.unwrap());
    }
    let gone = sweeping.await.unwrap();
    for number in 0..SESSIONS {
        if touched[number as usize] == Touch::Missing {
            assert!(is_absent(&store, number).await, "{number}");
        }
        let twice = gone.iter().filter(|gone| **gone == number).count();
        assert!(twice <= 1, "{number} was swept {twice} times");
    }
}
