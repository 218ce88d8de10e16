//! Clocks that disagree, or jump.

use session_core::Timestamp;
use session_core::testing::ManualClock;

use crate::support::{Browser, HOUR, MINUTE, MOMENT, Visit, World};

/// An engine whose clock is wrong by hours, over a store that others see.
fn apart(engine_ahead_hours: i64) -> (World, ManualClock, ManualClock) {
    let store = ManualClock::default();
    let start = 1_000_000_000_000 + engine_ahead_hours * 3_600_000;
    let engine = ManualClock::new(Timestamp::from_millis(start));
    let world = World::builder().shared();
    let world = world
        .store_clock(store.clone())
        .engine_clock(engine.clone());
    (world.build(), store, engine)
}

#[tokio::test]
async fn n26_the_stores_clock_judges_and_not_ours() {
    for ahead in [-1000, -13, 0, 13, 1000] {
        let (world, store, engine) = apart(ahead);
        let mut browser = world.visitor().await;
        assert!(world.knows(&browser).await, "{ahead} h");
        let pass = |time| {
            store.advance(time);
            engine.advance(time);
        };
        for _ in 0..47 {
            pass(15 * MINUTE);
            world.read(&mut browser).await;
        }
        pass(15 * MINUTE - MOMENT);
        let visit = world.visit(&browser).await;
        assert_eq!(visit.absolute_left(), Some(MOMENT), "{ahead} h");
        visit.exchange.abandon();
        pass(MOMENT);
        assert!(!world.knows(&browser).await, "{ahead} h");
    }
}

#[tokio::test]
async fn n26_setting_our_clock_ends_no_session() {
    let (world, _, engine) = apart(0);
    let browser = world.visitor().await;
    for hours in [-48, 48] {
        engine.set(Timestamp::from_millis(
            1_000_000_000_000 + hours * 3_600_000,
        ));
        let mut another = Browser::default();
        let write = |visit: &Visit| visit.insert("n", &0).unwrap();
        world.change(&mut another, write).await;
        let visit = world.visit(&another).await;
        assert_eq!(visit.absolute_left(), Some(12 * HOUR), "{hours} h");
        assert!(world.knows(&browser).await);
    }
}

#[tokio::test]
async fn n26_setting_the_clock_of_the_machine_ends_no_session_in_memory() {
    let world = World::default();
    let browser = world.visitor().await;
    for hours in [48, -48] {
        let set = Timestamp::from_millis(1_000_000_000_000 + hours * 3_600_000);
        world.clock.set(set);
        assert!(world.knows(&browser).await, "{hours} h");
    }
}
