//! Sessions that go on after the response's head.

use session_core::testing::{Fault, Gate, Operation};
use session_core::{LiveSession, OnConflict, SessionErrorKind, StoreErrorKind};

use crate::support::{Browser, MINUTE, PausedClock, World, kind};

/// A live session of this visitor, after the head.
async fn after_head(world: &World, browser: &Browser) -> LiveSession {
    let visit = world.visit(browser).await;
    let live = LiveSession::new(visit.exchange.clone());
    visit.finish().await.unwrap();
    live
}

fn world() -> World {
    World::builder().clock(PausedClock::start()).build()
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_does_not_end_the_conversation() {
    for fault in [
        Fault::error(StoreErrorKind::Unavailable).on(Operation::Save),
        Fault::hang().on(Operation::Save),
    ] {
        let world = world();
        let browser = world.visitor().await;
        let live = after_head(&world, &browser).await;
        world.faults.inject(fault.times(1));
        live.increment("n", 1).unwrap();
        assert_eq!(kind(live.commit().await), SessionErrorKind::Unavailable);
        assert!(live.keep_alive().await.unwrap());
        assert_eq!(live.get::<i64>("n").unwrap(), Some(0), "it was not saved");
        live.increment("n", 1).unwrap();
        live.commit().await.unwrap();
        assert_eq!(world.number(&browser, "n").await, Some(1), "once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_resolved_by_reading_again() {
    const N: session_core::Key<i64> = session_core::Key::new("n").on_conflict(OnConflict::Reject);
    let world = world();
    let browser = world.visitor().await;
    let live = after_head(&world, &browser).await;
    world
        .change(&mut browser.clone(), |visit| visit.insert("n", &5).unwrap())
        .await;
    live.insert(N, &1).unwrap();
    assert_eq!(kind(live.commit().await), SessionErrorKind::Conflict);
    assert!(live.reload().await.unwrap());
    assert_eq!(live.get(N).unwrap(), Some(5));
    live.insert(N, &6).unwrap();
    live.commit().await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(6));
}

#[tokio::test(start_paused = true)]
async fn what_two_tasks_ask_at_once_happens_in_turn() {
    let world = world();
    let browser = world.visitor().await;
    let live = after_head(&world, &browser).await;
    let gate = Gate::default();
    world.faults.inject(Fault::hold(&gate).on(Operation::Save));
    live.increment("n", 1).unwrap();
    let opens = async {
        gate.arrived(1).await;
        gate.open();
    };
    let (first, second, alive, seen, ()) = tokio::join!(
        live.commit(),
        live.commit(),
        live.keep_alive(),
        live.reload(),
        opens
    );
    first.unwrap();
    second.unwrap();
    assert!(alive.unwrap() && seen.unwrap());
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn keeping_alive_extends_the_session_and_says_when_it_is_over() {
    let world = World::default();
    let browser = world.visitor().await;
    let live = after_head(&world, &browser).await;
    for _ in 0..10 {
        world.clock.advance(15 * MINUTE);
        assert!(live.keep_alive().await.unwrap());
    }
    world.clock.advance(20 * MINUTE);
    assert!(!live.keep_alive().await.unwrap());
    assert!(!live.reload().await.unwrap());
}

#[tokio::test]
async fn nobody_is_kept_alive_without_a_session() {
    let world = World::default();
    let live = after_head(&world, &Browser::default()).await;
    assert!(!live.keep_alive().await.unwrap());
    live.insert("n", &1).unwrap();
    assert_eq!(kind(live.commit().await), SessionErrorKind::TooLate);
    assert_eq!(world.counts.total(), 0);
}

#[tokio::test]
async fn a_session_that_is_kept_alive_knows_its_time() {
    let world = World::default();
    let browser = world.visitor().await;
    let live = after_head(&world, &browser).await;
    world.clock.advance(15 * MINUTE);
    assert_eq!(live.idle_left(), Some(5 * MINUTE));
    assert!(live.keep_alive().await.unwrap());
    assert_eq!(live.idle_left(), Some(20 * MINUTE));
}
