//! What the log is told of a session's life: each event once, and not before the fact.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Once;

use session_core::StoreErrorKind;
use session_core::testing::{Fault, Operation};
use tracing::field::{Field, Visit as FieldVisitor};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Metadata, Subscriber};

use crate::support::{Browser, HOUR, Visit, World};

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Collects the fields `event` and `cause` of what each thread logs. One for the whole process:
/// `tracing` remembers who wants to hear of a place, and a subscriber of one thread can miss
/// what another thread saw first.
struct Log;

impl Log {
    fn listen() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| set_global_default(Self).unwrap());
        let log = Self;
        log.told();
        log
    }

    /// What this thread was told since the last call.
    fn told(&self) -> Vec<String> {
        TOLD.with(|told| std::mem::take(&mut *told.borrow_mut()))
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Self);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl FieldVisitor for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if matches!(field.name(), "event" | "cause") {
            let value = format!("{value:?}");
            TOLD.with(|told| told.borrow_mut().push(value.trim_matches('"').into()));
        }
    }
}

/// Whether a step in a session's life is told when `operation` fails, and once it succeeds.
async fn assert_told(
    world: &World,
    browser: &mut Browser,
    operation: Operation,
    step: fn(&Visit),
    expected: &str,
) {
    let log = Log::listen();
    let fault = Fault::error(StoreErrorKind::Unavailable).on(operation);
    world.faults.inject(fault.times(1));
    let visit = world.visit(browser).await;
    step(&visit);
    visit.finish().await.unwrap_err();
    assert!(log.told().is_empty(), "{expected} was told too early");
    world.faults.heal();
    world.change(browser, step).await;
    assert_eq!(log.told(), [expected]);
}

#[tokio::test]
async fn n22_events_are_told_once_and_after_the_fact() {
    let world = World::default();
    let mut browser = Browser::default();
    let create = |visit: &Visit| visit.insert("n", &1).unwrap();
    let renew = |visit: &Visit| visit.renew().unwrap();
    let log_in = |visit: &Visit| visit.log_in("ada").unwrap();
    let destroy = |visit: &Visit| visit.destroy().unwrap();
    assert_told(&world, &mut browser, Operation::Create, create, "created").await;
    assert_told(&world, &mut browser, Operation::Rename, renew, "renewed").await;
    assert_told(&world, &mut browser, Operation::Rename, log_in, "logged_in").await;
    assert_told(
        &world,
        &mut browser,
        Operation::Delete,
        destroy,
        "destroyed",
    )
    .await;
}

#[tokio::test]
async fn n22_changes_that_are_dropped_are_told() {
    let world = World::default();
    let browser = world.visitor().await;
    let log = Log::listen();
    let slow = world.visit(&browser).await;
    slow.insert("n", &1).unwrap();
    let end = |visit: &Visit| visit.destroy().unwrap();
    world.change(&mut browser.clone(), end).await;
    slow.finish().await.unwrap();
    assert_eq!(log.told(), ["destroyed", "dropped"]);
}

/// s03: each token that is not accepted is told with its cause.
#[tokio::test]
async fn s28_unknown_ids_can_be_counted() {
    let world = World::default();
    let gone = world.visitor().await;
    world.clock.advance(HOUR);
    let mut forged = world.visitor().await;
    let line = forged.line.as_mut().unwrap();
    let last = if line.pop() == Some('A') { 'Q' } else { 'A' };
    line.push(last);
    let ended = world.visitor().await;
    let end = |visit: &Visit| visit.destroy().unwrap();
    world.change(&mut ended.clone(), end).await;
    let log = Log::listen();
    world.visit(&gone).await;
    assert_eq!(log.told(), ["not_in_store"]);
    world.visit(&ended).await;
    assert_eq!(log.told(), ["not_in_store"]);
    world.visit(&forged).await;
    assert_eq!(log.told().len(), 1);
}
