//! [`ManualClock`]: time that passes when a test says so.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Timestamp};

/// A clock that stands still until it is moved. Clones show the same time.
///
/// What sleeps on it ([`Clock::sleep`]) wakes when the clock has been moved far enough; no
/// runtime timer is involved, so it works on every runtime flavour.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<Reading>>);

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Timestamp,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock that stands at `start`; its monotonic time is zero.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(Reading {
            wall: start,
            monotonic: Duration::ZERO,
        })))
    }

    /// Moves wall-clock and monotonic time forward together.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|reading| {
            reading.monotonic = reading.monotonic.saturating_add(by);
            reading.wall = reading.wall.saturating_add(by);
        });
    }

    /// Sets the wall clock, forward or back, as an administrator would. Monotonic time does not
    /// move.
    pub fn set(&self, wall: Timestamp) {
        self.0.send_modify(|reading| reading.wall = wall);
    }
}

impl Default for ManualClock {
    /// A clock that stands at 2001-09-09 01:46:40 UTC.
    fn default() -> Self {
        Self::new(Timestamp::from_millis(1_000_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().wall
    }

    fn monotonic(&self) -> Duration {
        self.0.borrow().monotonic
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.clone();
        let end = self.monotonic().saturating_add(duration);
        Box::pin(async move {
            let mut readings = clock.0.subscribe();
            let reached = readings.wait_for(|reading| reading.monotonic >= end).await;
            debug_assert!(reached.is_ok(), "the clock is held by this very future");
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advance_moves_both_times() {
        let clock = ManualClock::new(Timestamp::from_millis(5));
        clock.clone().advance(Duration::from_millis(7));
        assert_eq!(clock.now(), Timestamp::from_millis(12));
        assert_eq!(clock.monotonic(), Duration::from_millis(7));
    }

    #[test]
    fn set_moves_the_wall_clock_alone() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1));
        clock.set(Timestamp::from_millis(3));
        assert_eq!(clock.now(), Timestamp::from_millis(3));
        assert_eq!(clock.monotonic(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn sleepers_wake_when_the_time_has_come() {
        let clock = ManualClock::default();
        let sleeper = tokio::spawn(clock.sleep(Duration::from_secs(2)));
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }
}
