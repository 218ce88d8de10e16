//! Code of the application's that uses the session while the library calls it.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use session_core::{Access, LiveSession, Session};

use crate::support::{Browser, World};

/// Runs `test` on a thread of its own, which may be stuck for good.
fn is_not_stuck<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (sender, done) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test());
        sender.send(()).unwrap();
    });
    done.recv_timeout(Duration::from_secs(10)).unwrap();
}

thread_local! {
    static AT_HAND: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// Looks at the session when it is decoded.
struct Nosy;

impl<'de> Deserialize<'de> for Nosy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer)?;
        let known = AT_HAND.with_borrow(|session| session.as_ref().unwrap().contains("n"));
        assert!(known.unwrap());
        Ok(Self)
    }
}

#[test]
fn a_value_is_decoded_with_no_lock_held() {
    is_not_stuck(|| async {
        let world = World::default();
        let browser = world.visitor().await;
        let visit = world.visit(&browser).await;
        AT_HAND.set(Some(visit.clone()));
        assert!(visit.get::<Nosy>("n").unwrap().is_some());
        assert!(visit.get_guarded::<Nosy>("n").unwrap().is_some());
        assert!(visit.take::<Nosy>("n").unwrap().is_some());
        assert!(!visit.contains("n").unwrap());
        AT_HAND.set(None);
    });
}

/// Counts in `n`, with a closure that has a handle of the session.
fn count_nosily(session: &Session) {
    let nosy = session.clone();
    let count = move |n: i64| {
        let _ = nosy.contains("n");
        n + 1
    };
    assert_eq!(session.update("n", count).unwrap(), 1);
}

async fn somebody_counts(world: &World, browser: &Browser) {
    let mut other = browser.clone();
    world
        .change(&mut other, |visit| {
            visit.increment("n", 1).unwrap();
        })
        .await;
}

#[test]
fn a_reload_runs_updates_again_with_no_lock_held() {
    is_not_stuck(|| async {
        let world = World::default();
        let browser = world.visitor().await;
        let visit = world.visit(&browser).await;
        let live = LiveSession::new(visit.exchange.clone());
        count_nosily(&live);
        somebody_counts(&world, &browser).await;
        assert!(live.reload().await.unwrap());
        assert_eq!(live.get::<i64>("n").unwrap(), Some(2));
        visit.finish().await.unwrap();
        assert_eq!(world.number(&browser, "n").await, Some(2));
    });
}

#[test]
fn a_lease_on_demand_runs_updates_again_with_no_lock_held() {
    is_not_stuck(|| async {
        let world = World::default();
        let browser = world.visitor().await;
        let visit = world.visit(&browser).await;
        count_nosily(&visit);
        somebody_counts(&world, &browser).await;
        let raised = visit.exchange.open(&browser, Access::Exclusive).await;
        raised.unwrap();
        assert_eq!(visit.get::<i64>("n").unwrap(), Some(2));
        visit.finish().await.unwrap();
        assert_eq!(world.number(&browser, "n").await, Some(2));
    });
}

#[test]
fn a_panic_with_a_handle_in_an_update_is_a_panic_and_no_deadlock() {
    is_not_stuck(|| async {
        let world = World::default();
        let browser = world.visitor().await;
        let visit = world.visit(&browser).await;
        let handler = tokio::spawn(async move {
            count_nosily(&visit);
            assert!(visit.is_new(), "the panic of this test");
        });
        assert!(handler.await.unwrap_err().is_panic());
        assert_eq!(world.number(&browser, "n").await, Some(0));
    });
}
