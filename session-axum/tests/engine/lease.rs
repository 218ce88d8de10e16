//! Requests that have the session to themselves.

use session_core::testing::{Fault, Operation};
use session_core::{Access, ResponseHeaders, SessionError, SessionErrorKind, StoreErrorKind};
use tokio::time::Instant;

use crate::support::{Browser, PausedClock, SECOND, Visit, World, kind};

fn world() -> World {
    World::builder().clock(PausedClock::start()).build()
}

async fn exclusive(world: &World, browser: &Browser) -> Visit {
    browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn n17_a_lease_is_extended_while_its_request_lives() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    for _ in 0..20 {
        tokio::time::sleep(10 * SECOND).await;
        let other = browser.open(&world.engine, Access::Exclusive).await;
        assert_eq!(kind(other), SessionErrorKind::Busy);
    }
    holder.insert("n", &1).unwrap();
    holder.finish().await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(1));
    let extensions = world.counts.count(Operation::Extend);
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(world.counts.count(Operation::Extend), extensions);
}

#[tokio::test(start_paused = true)]
async fn c38_who_waits_in_vain_is_told_when_to_come_again() {
    let world = world();
    let browser = world.visitor().await;
    let _holder = exclusive(&world, &browser).await;
    let before = Instant::now();
    let error = browser.open(&world.engine, Access::Exclusive).await;
    let error = error.unwrap_err();
    assert_eq!(before.elapsed(), 5 * SECOND, "session.lock.wait");
    assert_eq!((error.status(), error.retry_after()), (503, Some(SECOND)));
}

#[tokio::test(start_paused = true)]
async fn n18_c36_a_dead_holder_blocks_for_one_lease_and_writes_no_more() {
    let world = World::builder().clock(PausedClock::start());
    let world = world.config(|config| config.lock_wait(60 * SECOND)).build();
    let browser = world.visitor().await;
    let dead = exclusive(&world, &browser).await;
    dead.insert("n", &666).unwrap();
    // It is cut off from the store.
    let cut_off = |operation| Fault::error(StoreErrorKind::Refused).on(operation);
    world.faults.inject(cut_off(Operation::Extend));
    world.faults.inject(cut_off(Operation::Release));
    let before = Instant::now();
    let next = exclusive(&world, &browser).await;
    assert_eq!(before.elapsed(), 30 * SECOND, "session.lock.lease");
    world.faults.heal();
    next.increment("n", 1).unwrap();
    next.finish().await.unwrap();
    assert_eq!(kind(dead.finish().await), SessionErrorKind::Busy);
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn c36_a_late_write_is_refused_while_the_next_one_holds_the_lease() {
    let world = World::builder().clock(PausedClock::start());
    let world = world.config(|config| config.lock_wait(60 * SECOND)).build();
    let browser = world.visitor().await;
    let dead = exclusive(&world, &browser).await;
    dead.insert("n", &666).unwrap();
    world
        .faults
        .inject(Fault::error(StoreErrorKind::Refused).on(Operation::Extend));
    let next = exclusive(&world, &browser).await;
    assert_eq!(kind(dead.finish().await), SessionErrorKind::Busy);
    next.increment("n", 1).unwrap();
    next.finish().await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn c35_readers_do_not_wait() {
    let world = world();
    let mut browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    let before = Instant::now();
    world.read(&mut browser).await;
    assert_eq!(world.number(&browser, "n").await, Some(0));
    assert_eq!(before.elapsed(), std::time::Duration::ZERO);
    holder.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c35_a_writer_waits_for_the_holder_and_merges() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    let writer = world.visit(&browser).await;
    writer.increment("n", 1).unwrap();
    let writing = tokio::spawn(async move { writer.finish().await });
    tokio::time::sleep(SECOND).await;
    assert!(!writing.is_finished());
    holder.increment("n", 10).unwrap();
    holder.finish().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(11));
}

#[tokio::test(start_paused = true)]
async fn c38_a_writer_waits_for_its_commit_time_and_no_longer() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    let writer = world.visit(&browser).await;
    writer.insert("n", &1).unwrap();
    let before = Instant::now();
    let error = writer.finish().await.unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (503, Some(SECOND)));
    assert_eq!(before.elapsed(), 3 * SECOND, "session.timeouts.commit");
    holder.finish().await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn c35_holders_do_not_overlap() {
    let world = std::sync::Arc::new(world());
    let browser = world.visitor().await;
    let mut holders = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, browser) = (world.clone(), browser.clone());
        holders.spawn(async move {
            let visit = exclusive(&world, &browser).await;
            let n = visit.get::<i64>("n").unwrap().unwrap();
            tokio::time::sleep(SECOND / 100).await;
            // A plain insert, which two at a time would lose.
            visit.insert("n", &(n + 1)).unwrap();
            visit.finish().await.unwrap();
        });
    }
    while let Some(holder) = holders.join_next().await {
        holder.unwrap();
    }
    assert_eq!(world.number(&browser, "n").await, Some(50));
}

#[tokio::test(start_paused = true)]
async fn a_logout_breaks_the_lease() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    holder.insert("n", &1).unwrap();
    world
        .change(&mut browser.clone(), |visit| visit.destroy().unwrap())
        .await;
    assert_eq!(holder.finish().await.unwrap().set_cookie, None);
    assert!(!world.knows(&browser).await);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_session_that_ends_is_anonymous() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    let (engine, visitor) = (world.engine.clone(), browser.clone());
    let waiting = tokio::spawn(async move { visitor.open(&engine, Access::Exclusive).await });
    while world.counts.count(Operation::Acquire) < 2 {
        tokio::task::yield_now().await;
    }
    holder.destroy().unwrap();
    holder.finish().await.unwrap();
    let visit = waiting.await.unwrap().unwrap();
    assert!(visit.is_new());
    visit.insert("n", &1).unwrap();
    assert_eq!(visit.finish().await.unwrap().set_cookie, None);
}

#[tokio::test(start_paused = true)]
async fn a_commit_midway_keeps_the_lease() {
    let world = world();
    let browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    holder.insert("n", &1).unwrap();
    holder.commit().await.unwrap();
    let other = browser.open(&world.engine, Access::Exclusive).await;
    assert_eq!(kind(other), SessionErrorKind::Busy);
    holder.increment("n", 1).unwrap();
    holder.finish().await.unwrap();
    assert_eq!(exclusive(&world, &browser).await.get("n").unwrap(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_opened_for_less_is_locked_on_demand() {
    let world = world();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.increment("n", 1).unwrap();
    let other = |visit: &Visit| assert_eq!(visit.increment("n", 10).unwrap(), 10);
    world.change(&mut browser.clone(), other).await;
    visit
        .exchange
        .open(&browser, Access::Exclusive)
        .await
        .unwrap();
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(11), "seen at once");
    let other = browser.open(&world.engine, Access::Exclusive).await;
    assert_eq!(kind(other), SessionErrorKind::Busy);
    visit.finish().await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(11));
}

#[tokio::test(start_paused = true)]
async fn a_holder_can_renew_and_its_lease_ends_with_the_old_id() {
    let world = world();
    let mut browser = world.visitor().await;
    let holder = exclusive(&world, &browser).await;
    holder.renew().unwrap();
    holder.answer(&mut browser).await;
    let before = Instant::now();
    assert_eq!(exclusive(&world, &browser).await.get("n").unwrap(), Some(0));
    assert_eq!(before.elapsed(), std::time::Duration::ZERO);
}

/// A request that changes something, and asks for the lease after `meanwhile`.
async fn locks_too_late(meanwhile: fn(&Visit)) -> Result<ResponseHeaders, SessionError> {
    let world = world();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    world.change(&mut browser.clone(), meanwhile).await;
    let opened = visit.exchange.open(&browser, Access::Exclusive).await;
    let answered = visit.finish().await;
    opened.and(answered)
}

#[tokio::test(start_paused = true)]
async fn n07_changes_made_before_the_lease_do_not_vanish_with_a_renew() {
    let renewed = locks_too_late(|other| other.renew().unwrap()).await;
    assert_eq!(kind(renewed), SessionErrorKind::Conflict);
    let ended = locks_too_late(|other| other.destroy().unwrap()).await;
    assert_eq!(ended.unwrap().set_cookie, None);
}
