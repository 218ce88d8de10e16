//! Sessions end when they should, by the store's clock.

use crate::support::{Browser, HOUR, MINUTE, MOMENT, SECOND, Visit, World};

#[tokio::test]
async fn c19_idle_sessions_are_alive_a_moment_before_and_dead_after() {
    let world = World::default();
    let browser = world.visitor().await;
    world.clock.advance(20 * MINUTE - MOMENT);
    let early = world.visit(&browser).await;
    assert!(!early.is_new());
    early.exchange.abandon();
    world.clock.advance(MOMENT);
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn c19_a_session_that_is_read_lives_at_least_its_timeout_less_a_step() {
    let world = World::default();
    let mut browser = world.visitor().await;
    // Just too early to be extended.
    world.clock.advance(MINUTE);
    world.read(&mut browser).await;
    world.clock.advance(19 * MINUTE - MOMENT);
    world.read(&mut browser).await;
    // That one extended it.
    world.clock.advance(20 * MINUTE - MOMENT);
    let visit = world.visit(&browser).await;
    assert!(!visit.is_new());
    visit.exchange.abandon();
    world.clock.advance(MOMENT);
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn c19_reads_touch_once_per_step_and_writes_never() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world.counts.reset();
    for _ in 0..10 {
        world.clock.advance(7 * SECOND);
        world.read(&mut browser).await;
    }
    assert_eq!(world.counts.counts()["touch"], 1, "70 s: one step of 60 s");
    world.clock.advance(5 * MINUTE);
    let write = |visit: &Visit| visit.insert("n", &1).unwrap();
    world.change(&mut browser, write).await;
    assert_eq!(world.counts.counts()["touch"], 1);
}

#[tokio::test]
async fn c20_s10_neither_activity_nor_renew_moves_the_absolute_deadline() {
    let world = World::default();
    let mut browser = world.visitor().await;
    for _ in 0..47 {
        world.clock.advance(15 * MINUTE);
        world.read(&mut browser).await;
        world
            .change(&mut browser, |visit| {
                visit.increment("n", 1).unwrap();
                visit.renew().unwrap();
            })
            .await;
    }
    world.clock.advance(15 * MINUTE - MOMENT);
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(47));
    assert_eq!(visit.absolute_left(), Some(MOMENT));
    visit.exchange.abandon();
    world.clock.advance(MOMENT);
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn s10_a_new_login_begins_a_new_deadline() {
    let world = World::builder()
        .config(|config| config.idle_timeout(11 * HOUR))
        .build();
    let mut browser = world.visitor().await;
    world.clock.advance(10 * HOUR);
    world
        .change(&mut browser, |visit| visit.log_in("ada").unwrap())
        .await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.absolute_left(), Some(12 * HOUR));
    assert_eq!(visit.age(), Some(10 * HOUR), "it is the same session");
    world.clock.advance(10 * HOUR);
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn c21_a_session_has_its_own_idle_timeout() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.set_idle_timeout(2 * HOUR).unwrap()
        })
        .await;
    world.clock.advance(2 * HOUR - MOMENT);
    world.read(&mut browser).await;
    world.clock.advance(2 * HOUR - MOMENT);
    assert!(world.knows(&browser).await, "a touch keeps it");
    world
        .change(&mut browser, |visit| {
            visit.set_idle_timeout(SECOND).unwrap()
        })
        .await;
    world.clock.advance(SECOND);
    assert!(!world.knows(&browser).await, "shorter works too");
}

#[tokio::test]
async fn c21_a_session_can_have_an_earlier_end_and_no_later_one() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.set_absolute_timeout(30 * MINUTE).unwrap();
        })
        .await;
    world.clock.advance(15 * MINUTE);
    world
        .change(&mut browser, |visit| {
            visit.set_absolute_timeout(12 * HOUR).unwrap();
            visit.insert("n", &1).unwrap();
        })
        .await;
    world.clock.advance(15 * MINUTE - MOMENT);
    assert!(world.knows(&browser).await);
    world.clock.advance(MOMENT);
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn a_timeout_alone_stores_nothing_for_a_visitor_without_a_session() {
    let world = World::default();
    let mut browser = Browser::default();
    let set = |visit: &Visit| visit.set_idle_timeout(HOUR).unwrap();
    world.change(&mut browser, set).await;
    assert_eq!(world.counts.total(), 0);
    world
        .change(&mut browser, |visit| {
            visit.set_idle_timeout(HOUR).unwrap();
            visit.insert("n", &0).unwrap();
        })
        .await;
    world.clock.advance(HOUR - MOMENT);
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn n10_no_interleaving_moves_a_deadline_back() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.set_idle_timeout(2 * HOUR).unwrap()
        })
        .await;
    // Loaded before the session got longer.
    let slow = world.visit(&browser).await;
    world
        .change(&mut browser, |visit| {
            visit.set_idle_timeout(4 * HOUR).unwrap()
        })
        .await;
    slow.insert("m", &1).unwrap();
    slow.answer(&mut browser).await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.idle_left(), Some(4 * HOUR));
}

#[tokio::test]
async fn c22_an_expired_visitor_gets_a_new_id() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let old = browser.clone();
    world.clock.advance(21 * MINUTE);
    let headers = world
        .change(&mut browser, |visit| visit.insert("m", &1).unwrap())
        .await;
    assert!(headers.set_cookie.is_some());
    assert_ne!(old.line, browser.line);
    assert_eq!(world.number(&browser, "n").await, None);
    assert!(!world.knows(&old).await);
}
