//! The store fails, hangs and comes back.

use session_core::testing::{Fault, Gate, Operation};
use session_core::{Access, SessionErrorKind, StoreErrorKind};

use crate::support::{Browser, MOMENT, PausedClock, SECOND, Visit, World, answer, kind};

fn unavailable(operation: Operation) -> Fault {
    Fault::error(StoreErrorKind::Unavailable).on(operation)
}

async fn fails(world: &World, browser: &Browser) {
    let opened = browser.open(&world.engine, Access::ReadWrite).await;
    assert_eq!(kind(opened), SessionErrorKind::Unavailable);
}

/// How many loads the store saw.
fn loads(world: &World) -> u64 {
    world.counts.count(Operation::Load)
}

/// A browser with a session in a world whose breaker has just opened.
async fn broken() -> (World, Browser) {
    let world = World::default();
    let browser = world.visitor().await;
    world.faults.inject(unavailable(Operation::Load));
    for _ in 0..5 {
        fails(&world, &browser).await;
    }
    world.counts.reset();
    (world, browser)
}

#[tokio::test]
async fn c47_five_failures_open_the_breaker_and_one_probe_a_second_goes_out() {
    let (world, browser) = broken().await;
    for _ in 0..3 {
        fails(&world, &browser).await;
        world.clock.advance(SECOND - MOMENT);
        fails(&world, &browser).await;
        assert_eq!(loads(&world), 0, "not asked");
        world.clock.advance(MOMENT);
        fails(&world, &browser).await;
        assert_eq!(loads(&world), 1, "one probe");
        world.counts.reset();
    }
}

#[tokio::test]
async fn c47_a_store_that_is_back_is_used_again() {
    let (world, browser) = broken().await;
    world.faults.heal();
    fails(&world, &browser).await;
    world.clock.advance(SECOND);
    for _ in 0..3 {
        assert_eq!(world.number(&browser, "n").await, Some(0));
    }
    assert_eq!(loads(&world), 3);
}

#[tokio::test]
async fn c47_an_open_breaker_stops_no_request_without_a_session() {
    let (world, _) = broken().await;
    let mut stranger = Browser::default();
    assert_eq!(world.read(&mut stranger).await.set_cookie, None);
    assert_eq!(answer(&world.engine.exchange()).await.unwrap().vary, None);
}

#[tokio::test]
async fn a_success_in_between_starts_the_count_again() {
    let world = World::default();
    let browser = world.visitor().await;
    for _ in 0..3 {
        world.faults.inject(unavailable(Operation::Load).times(4));
        for _ in 0..4 {
            fails(&world, &browser).await;
        }
        assert!(world.knows(&browser).await);
    }
}

#[tokio::test]
async fn failures_that_are_answers_open_no_breaker() {
    let world = World::default();
    let browser = world.visitor().await;
    let answers = [
        StoreErrorKind::Refused,
        StoreErrorKind::Full,
        StoreErrorKind::TooLarge,
        StoreErrorKind::Corrupt,
        StoreErrorKind::Unsupported,
        StoreErrorKind::Other,
    ];
    world.counts.reset();
    for answer in answers {
        world
            .faults
            .inject(Fault::error(answer).on(Operation::Load).times(10));
        for _ in 0..10 {
            fails(&world, &browser).await;
        }
    }
    assert_eq!(loads(&world), 60);
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn a_probe_whose_visitor_leaves_does_not_keep_the_breaker_open() {
    let (world, browser) = broken().await;
    world.faults.heal();
    let gate = Gate::default();
    world.faults.inject(Fault::hold(&gate).on(Operation::Load));
    world.clock.advance(SECOND);
    let (engine, visitor) = (world.engine.clone(), browser.clone());
    let probe = tokio::spawn(async move { visitor.open(&engine, Access::ReadOnly).await });
    gate.arrived(1).await;
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    world.faults.heal();
    gate.open();
    assert!(world.engine.drain(SECOND).await, "the probe goes on");
    assert!(world.knows(&browser).await);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_a_commit_gives_up_does_not_keep_the_breaker_open() {
    let clock = PausedClock::start();
    let world = World::builder().clock(clock);
    let world = world.config(|config| config.operation_timeout(10 * SECOND));
    let world = world.build();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    world.faults.inject(unavailable(Operation::Load).times(5));
    for _ in 0..5 {
        fails(&world, &browser).await;
    }
    tokio::time::advance(SECOND).await;
    world.faults.inject(Fault::hang().on(Operation::Save));
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Unavailable);
    tokio::time::advance(SECOND).await;
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn n27_s30_a_store_that_is_down_at_load_touches_neither_cookie_nor_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let before = browser.clone();
    world.faults.inject(unavailable(Operation::Load).times(1));
    let exchange = world.engine.exchange();
    let error = exchange
        .open(&browser, Access::ReadWrite)
        .await
        .unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (503, Some(SECOND)));
    let headers = answer(&exchange).await.unwrap();
    browser.note(&headers);
    assert_eq!(headers.set_cookie, None);
    assert_eq!(before.line, browser.line);
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn a_request_can_try_to_load_again() {
    let world = World::default();
    let browser = world.visitor().await;
    world.faults.inject(unavailable(Operation::Load).times(1));
    let exchange = world.engine.exchange();
    let first = exchange.open(&browser, Access::ReadWrite).await;
    assert_eq!(kind(first), SessionErrorKind::Unavailable);
    exchange.open(&browser, Access::ReadWrite).await.unwrap();
    assert!(!session_core::Session::new(exchange).is_new());
}

/// A request whose commit fails at `operation`, and the browser after it.
async fn failing(world: &World, browser: &mut Browser, fault: Fault, change: fn(&Visit)) {
    let visit = world.visit(browser).await;
    change(&visit);
    world.faults.inject(fault.times(1));
    let error = visit.finish().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    world.faults.heal();
}

fn write(visit: &Visit) {
    visit.insert("n", &1).unwrap();
    visit.insert("m", &1).unwrap();
}

#[tokio::test]
async fn c48_a_save_that_fails_is_an_error_and_changes_nothing() {
    let world = World::default();
    let mut browser = world.visitor().await;
    failing(&world, &mut browser, unavailable(Operation::Save), write).await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0));
    assert_eq!(visit.get::<i64>("m").unwrap(), None);
}

#[tokio::test]
async fn c48_n08_a_save_whose_answer_is_lost_is_an_error_and_happened_whole() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let lost = unavailable(Operation::Save).after_effect();
    failing(&world, &mut browser, lost, write).await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(1));
    assert_eq!(visit.get::<i64>("m").unwrap(), Some(1));
}

#[tokio::test]
async fn c48_a_create_that_fails_sends_no_cookie() {
    for fault in [
        unavailable(Operation::Create),
        unavailable(Operation::Create).after_effect(),
    ] {
        let world = World::default();
        let mut browser = Browser::default();
        failing(&world, &mut browser, fault, write).await;
        assert_eq!(browser.line, None);
        world.change(&mut browser, write).await;
        assert_eq!(world.number(&browser, "n").await, Some(1));
    }
}

#[tokio::test]
async fn c48_a_logout_that_fails_is_never_reported_as_done() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let destroy = |visit: &Visit| visit.destroy().unwrap();
    failing(
        &world,
        &mut browser,
        unavailable(Operation::Delete),
        destroy,
    )
    .await;
    assert!(world.knows(&browser).await, "the user can try again");
    let lost = unavailable(Operation::Delete).after_effect();
    failing(&world, &mut browser, lost, destroy).await;
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn c48_a_renew_whose_answer_is_lost_leaves_one_session_under_the_new_id() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let lost = unavailable(Operation::Rename).after_effect();
    let renew = |visit: &Visit| visit.renew().unwrap();
    failing(&world, &mut browser, lost, renew).await;
    assert!(!world.knows(&browser).await, "stated in the documentation");
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Conflict);
}

#[tokio::test]
async fn a_session_that_was_only_read_is_answered_even_if_it_is_not_extended() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world.clock.advance(300 * SECOND);
    world.faults.inject(unavailable(Operation::Touch));
    assert_eq!(world.read(&mut browser).await.set_cookie, None);
    assert_eq!(world.counts.count(Operation::Touch), 1);
}

#[tokio::test(start_paused = true)]
async fn c47_a_store_that_hangs_costs_an_operations_time_and_no_more() {
    let clock = PausedClock::start();
    let world = World::builder().clock(clock);
    let world = world
        .config(|config| config.operation_timeout(SECOND))
        .build();
    let browser = world.visitor().await;
    for operation in [Operation::Load, Operation::Save] {
        let visit = world.visit(&browser).await;
        visit.insert("n", &1).unwrap();
        world.faults.inject(Fault::hang().on(operation).times(1));
        let before = tokio::time::Instant::now();
        let failed = match operation {
            Operation::Load => kind(browser.open(&world.engine, Access::ReadOnly).await),
            _ => kind(visit.finish().await),
        };
        assert_eq!(failed, SessionErrorKind::Unavailable);
        assert_eq!(before.elapsed(), SECOND, "{operation:?}");
    }
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn c47_a_commit_of_many_steps_has_a_time_of_its_own() {
    let clock = PausedClock::start();
    let world = World::builder().clock(clock);
    let world = world.config(|config| config.commit_timeout(SECOND)).build();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    world.faults.inject(Fault::hang().on(Operation::Save));
    let before = tokio::time::Instant::now();
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Unavailable);
    assert_eq!(before.elapsed(), SECOND);
}

#[tokio::test]
async fn n20_a_cookie_of_a_commit_midway_goes_out_although_the_last_one_fails() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.log_in("user-42").unwrap();
    visit.commit().await.unwrap();
    visit.insert("n", &1).unwrap();
    world.faults.inject(unavailable(Operation::Save).times(1));
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Unavailable);
    browser.note(&visit.finish().await.unwrap());
    let next = world.visit(&browser).await;
    assert_eq!(next.principal().as_deref(), Some("user-42"));
    assert_eq!(next.get::<i64>("n").unwrap(), Some(0));
}

#[tokio::test]
async fn s23_an_answer_without_a_session_that_could_not_be_loaded_varies_by_cookie() {
    let world = World::default();
    let browser = world.visitor().await;
    world.faults.inject(unavailable(Operation::Load));
    let exchange = world.engine.exchange();
    let opened = exchange.open(&browser, Access::ReadOnly).await;
    assert_eq!(kind(opened), SessionErrorKind::Unavailable);
    let headers = answer(&exchange).await.unwrap();
    assert_eq!(headers.vary.as_deref(), Some("Cookie"));
}

#[tokio::test(start_paused = true)]
async fn c50_operations_run_to_their_end_when_nobody_waits_any_more() {
    let world = World::builder().clock(PausedClock::start()).build();
    let gate = Gate::default();
    let hold = |operation| Fault::hold(&gate).on(operation).times(1);
    world.faults.inject(hold(Operation::Ping));
    let impatient = tokio::time::timeout(SECOND / 10, world.engine.ready());
    assert!(impatient.await.is_err());
    assert!(!world.engine.drain(SECOND / 10).await, "the ping goes on");

    let browser = world.visitor().await;
    world.faults.inject(hold(Operation::Extend));
    let holder = browser.open(&world.engine, Access::Exclusive).await;
    gate.arrived(2).await;
    holder.unwrap().finish().await.unwrap();
    tokio::task::yield_now().await;
    assert!(
        !world.engine.drain(SECOND / 10).await,
        "the extension goes on"
    );
    gate.open();
    assert!(world.engine.drain(SECOND).await);
}

#[tokio::test]
async fn a_panic_is_told_as_one() {
    let world = World::default();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    let fragile = |n: i64| {
        assert!(n == 0, "the panic of this test");
        n
    };
    visit.update("n", fragile).unwrap();
    world
        .change(&mut browser.clone(), |other| other.insert("n", &5).unwrap())
        .await;
    let gate = Gate::default();
    let held = Fault::hold(&gate).on(Operation::Save).times(1);
    world.faults.inject(held);
    let opens = async {
        gate.arrived(1).await;
        gate.open();
    };
    let (finished, ()) = tokio::join!(visit.finish(), opens);
    let error = format!("{:?}", finished.unwrap_err());
    assert!(error.contains("panicked"), "{error}");
}

/// Visitors who leave before the store's deadline are heard by the breaker, too.
#[tokio::test(start_paused = true)]
async fn c47_impatient_visitors_open_the_breaker() {
    let world = World::builder().clock(PausedClock::start()).build();
    let browser = world.visitor().await;
    world.faults.inject(Fault::hang().on(Operation::Load));
    for _ in 0..5 {
        let opening = browser.open(&world.engine, Access::ReadOnly);
        assert!(tokio::time::timeout(SECOND, opening).await.is_err());
        // The store's two seconds pass, and not yet the one until the next probe.
        tokio::time::sleep(SECOND + SECOND / 2).await;
    }
    let opening = browser.open(&world.engine, Access::ReadOnly);
    let at_once = tokio::time::timeout(SECOND / 10, opening).await;
    assert!(at_once.unwrap().is_err());
}
