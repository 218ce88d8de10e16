//! [`Harness`]: what the suite needs to know about a store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::SessionStore;

/// Makes stores for the suite and makes time pass for them.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The store under test; called once per clause. Other clauses may use the same server at
    /// the same time.
    async fn store(&self) -> Arc<dyn SessionStore>;

    /// Makes at least `by` pass on the store's clock: moves a manual clock, or sleeps.
    async fn advance(&self, by: Duration);

    /// The unit of the lifetimes and waits in the clauses, in whole milliseconds. A second suits
    /// a real server.
    fn unit(&self) -> Duration;

    /// The shortest time that the store and the machine tell apart reliably, at most a quarter
    /// of the unit. A millisecond with a manual clock.
    fn grain(&self) -> Duration;

    /// The longest time that [`advance`](Self::advance) is asked for. Clauses that need longer
    /// are skipped and say so.
    fn patience(&self) -> Duration {
        Duration::MAX
    }

    /// How often a clause tries to provoke a race.
    fn rounds(&self) -> usize {
        100
    }

    /// Whether waiters for a lease are served in order of arrival.
    fn serves_in_order(&self) -> bool {
        true
    }

    /// What [`SessionStore::sweep`] can be expected to return.
    fn sweeping(&self) -> Sweeping;

    /// Completes when an operation that was polled once has surely arrived at the store.
    async fn settle(&self) {
        tokio::task::yield_now().await;
    }

    /// The reason not to run the clause of this name, if there is one.
    fn skip(&self, clause: &str) -> Option<&'static str> {
        let _ = clause;
        None
    }
}

/// What a sweep returns in the tests of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweeping {
    /// Exactly what has expired: the store is the test's own.
    Exact,
    /// Sessions of other tests as well, and other tests may sweep ours.
    Shared,
    /// Nothing: the backend expires by itself.
    ByItself,
}
