//! Requests that go away before they are answered.

use session_core::testing::{Fault, Gate, Operation};
use session_core::{Access, SessionErrorKind};

use crate::support::{Browser, PausedClock, SECOND, World, answer, kind};

/// A world with a gate at `operation`.
fn gated(fault: impl FnOnce(&Gate) -> Fault) -> (World, Gate) {
    let world = World::builder().clock(PausedClock::start()).build();
    let gate = Gate::default();
    world.faults.inject(fault(&gate));
    (world, gate)
}

async fn aborted<T: std::fmt::Debug>(task: tokio::task::JoinHandle<T>) {
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn c50_a_save_that_has_begun_completes_when_its_request_is_dropped() {
    let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Save));
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    let finishing = tokio::spawn(async move { visit.finish().await });
    gate.arrived(1).await;
    aborted(finishing).await;
    assert!(!world.engine.drain(SECOND).await, "it is still running");
    gate.open();
    assert!(world.engine.drain(SECOND).await);
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_nobody_waits_for_any_more_completes() {
    let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Save));
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    let impatient = tokio::time::timeout(SECOND / 10, visit.commit());
    assert!(impatient.await.is_err());
    assert_eq!(kind(visit.insert("n", &2)), SessionErrorKind::TooLate);
    let (finished, ()) = tokio::join!(visit.finish(), opened(&gate));
    finished.unwrap();
    assert_eq!(kind(visit.insert("n", &3)), SessionErrorKind::TooLate);
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

/// Lets a commit go on after the handler's answer is there.
async fn opened(gate: &Gate) {
    tokio::task::yield_now().await;
    gate.open();
}

#[tokio::test(start_paused = true)]
async fn a_new_id_reaches_the_client_whose_handler_did_not_wait_for_it() {
    let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Rename).after_effect());
    let mut browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.log_in("u").unwrap();
    let impatient = tokio::time::timeout(SECOND / 10, visit.commit());
    assert!(impatient.await.is_err());
    let (finished, ()) = tokio::join!(visit.finish(), opened(&gate));
    browser.note(&finished.unwrap());
    let visit = world.visit(&browser).await;
    assert_eq!(visit.principal().as_deref(), Some("u"));
}

/// C48.
#[tokio::test(start_paused = true)]
async fn c48_a_failure_that_no_handler_waited_for_is_answered() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    world.faults.inject(Fault::hang().on(Operation::Save));
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    let impatient = tokio::time::timeout(SECOND / 10, visit.commit());
    assert!(impatient.await.is_err());
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Unavailable);
}

/// C48.
#[tokio::test]
async fn c48_a_panic_in_a_task_of_the_handler_is_no_success() {
    let world = World::builder().build();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    let handle: session_core::Session = (*visit).clone();
    let task = tokio::spawn(async move { assert!(handle.is_new(), "the panic of this test") });
    assert!(task.await.is_err());
    assert_eq!(kind(visit.finish().await), SessionErrorKind::TooLate);
    assert_ne!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn n18_a_lease_that_comes_after_its_request_has_gone_is_given_back() {
    let (world, gate) = gated(|gate| {
        let late = Fault::hold(gate).on(Operation::Acquire);
        late.after_effect().times(1)
    });
    let browser = world.visitor().await;
    let (engine, visitor) = (world.engine.clone(), browser.clone());
    let waiting = tokio::spawn(async move { visitor.open(&engine, Access::Exclusive).await });
    gate.arrived(1).await;
    aborted(waiting).await;
    gate.open();
    let before = tokio::time::Instant::now();
    let next = browser.open(&world.engine, Access::Exclusive).await;
    assert!(next.is_ok());
    assert!(before.elapsed() < SECOND, "not because the lease ran out");
}

#[tokio::test(start_paused = true)]
async fn n18_a_request_that_leaves_the_queue_blocks_nobody() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    let holder = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    let (engine, visitor) = (world.engine.clone(), browser.clone());
    let waiting = tokio::spawn(async move { visitor.open(&engine, Access::Exclusive).await });
    while world.counts.count(Operation::Acquire) < 2 {
        tokio::task::yield_now().await;
    }
    aborted(waiting).await;
    holder.finish().await.unwrap();
    let before = tokio::time::Instant::now();
    browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    assert!(before.elapsed() < SECOND, "not because the lease ran out");
}

#[tokio::test(start_paused = true)]
async fn c37_a_request_that_is_dropped_commits_nothing_and_frees_the_lease() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    for abandons in [true, false] {
        let holder = browser
            .open(&world.engine, Access::Exclusive)
            .await
            .unwrap();
        holder.insert("n", &1).unwrap();
        if abandons {
            holder.exchange.abandon();
        }
        drop(holder);
        let before = tokio::time::Instant::now();
        let next = browser
            .open(&world.engine, Access::Exclusive)
            .await
            .unwrap();
        assert!(before.elapsed() < SECOND);
        assert_eq!(next.get::<i64>("n").unwrap(), Some(0));
        next.finish().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn c16_a_handler_that_panics_frees_the_lease() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    let holder = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    let handler = tokio::spawn(async move {
        holder.insert("n", &1).unwrap();
        assert!(holder.is_new(), "the panic of this test");
    });
    assert!(handler.await.unwrap_err().is_panic());
    let before = tokio::time::Instant::now();
    let next = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    assert!(before.elapsed() < SECOND);
    assert_eq!(next.get::<i64>("n").unwrap(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_kept_by_a_commit_that_outlives_its_request() {
    let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Save));
    let browser = world.visitor().await;
    let holder = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    holder.insert("n", &1).unwrap();
    let impatient = tokio::time::timeout(SECOND / 10, holder.commit());
    assert!(impatient.await.is_err());
    // The handle itself is still somewhere, in a task of the handler's, say.
    holder.exchange.abandon();
    gate.open();
    let before = tokio::time::Instant::now();
    let next = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    assert!(before.elapsed() < SECOND);
    assert_eq!(next.get::<i64>("n").unwrap(), Some(1));
    drop(holder);
}

#[tokio::test(start_paused = true)]
async fn changes_survive_a_wait_for_the_lease_that_was_given_up() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    let holder = browser
        .open(&world.engine, Access::Exclusive)
        .await
        .unwrap();
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    let raising = visit.exchange.open(&browser, Access::Exclusive);
    let impatient = tokio::time::timeout(SECOND, raising);
    assert!(impatient.await.is_err());
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(1));
    holder.finish().await.unwrap();
    answer(&visit.exchange).await.unwrap();
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_what_is_running_and_only_so_long() {
    let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Create));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let visit = world.visit(&Browser::default()).await;
        visit.insert("n", &1).unwrap();
        tasks.spawn(async move { visit.finish().await });
    }
    gate.arrived(10).await;
    tasks.shutdown().await;
    let before = tokio::time::Instant::now();
    assert!(!world.engine.drain(SECOND).await);
    assert_eq!(before.elapsed(), SECOND);
    gate.open();
    assert!(world.engine.drain(SECOND).await);
    assert_eq!(world.visible.written().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn c17_a_session_that_is_loaded_after_the_answer_takes_no_writes() {
    for abandons in [true, false] {
        let (world, gate) = gated(|gate| Fault::hold(gate).on(Operation::Load));
        let browser = world.visitor().await;
        let exchange = world.engine.exchange();
        let (late, visitor) = (exchange.clone(), browser.clone());
        let opening = tokio::spawn(async move { late.open(&visitor, Access::ReadWrite).await });
        gate.arrived(1).await;
        if abandons {
            exchange.abandon();
        } else {
            answer(&exchange).await.unwrap();
        }
        gate.open();
        assert_eq!(kind(opening.await.unwrap()), SessionErrorKind::TooLate);
        let session = session_core::Session::new(exchange);
        assert_eq!(kind(session.insert("n", &1)), SessionErrorKind::TooLate);
    }
}

#[tokio::test(start_paused = true)]
async fn n18_a_lease_that_comes_after_the_answer_is_given_back() {
    for loaded_before in [true, false] {
        let (world, gate) = gated(|gate| {
            let late = Fault::hold(gate).on(Operation::Acquire);
            late.after_effect().times(1)
        });
        let browser = world.visitor().await;
        let exchange = world.engine.exchange();
        if loaded_before {
            exchange.open(&browser, Access::ReadWrite).await.unwrap();
        }
        let (late, visitor) = (exchange.clone(), browser.clone());
        let opening = tokio::spawn(async move { late.open(&visitor, Access::Exclusive).await });
        gate.arrived(1).await;
        answer(&exchange).await.unwrap();
        gate.open();
        assert_eq!(kind(opening.await.unwrap()), SessionErrorKind::TooLate);
        let before = tokio::time::Instant::now();
        let next = browser.open(&world.engine, Access::Exclusive).await;
        assert!(next.is_ok());
        assert!(before.elapsed() < SECOND, "not because the lease ran out");
        drop(exchange);
    }
}
