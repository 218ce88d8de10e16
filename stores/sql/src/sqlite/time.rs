//! [`Time`]: the one clock of a file, which never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use session_core::{Clock, Timestamp};

/// The wall clock of the machine, which every process on it shares.
///
/// When somebody sets the wall clock back, time goes on by the monotonic clock from where it
/// was, so what has expired stays expired. The file knows the latest time that a writer has
/// seen, for those who start later.
#[derive(Debug)]
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    /// The latest wall-clock time, in milliseconds, at which the monotonic clock was zero.
    origin: AtomicI64,
}

impl Time {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let time = Self {
            clock,
            origin: AtomicI64::new(i64::MIN),
        };
        time.now();
        time
    }

    pub(super) fn now(&self) -> Timestamp {
        self.reached(self.clock.now());
        let origin = Timestamp::from_millis(self.origin.load(Ordering::Relaxed));
        origin.saturating_add(self.clock.monotonic())
    }

    /// It is at least as late as this.
    pub(super) fn reached(&self, now: Timestamp) {
        let origin = now.saturating_sub(self.clock.monotonic());
        self.origin.fetch_max(origin.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::testing::ManualClock;

    use super::*;

    #[test]
    fn time_follows_the_wall_clock_forward_and_never_back() {
        let clock = ManualClock::new(Timestamp::from_millis(5_000));
        let time = Time::new(Arc::new(clock.clone()));
        clock.set(Timestamp::from_millis(9_000));
        assert_eq!(time.now(), Timestamp::from_millis(9_000));
        clock.set(Timestamp::from_millis(1_000));
        assert_eq!(time.now(), Timestamp::from_millis(9_000));
        clock.advance(Duration::from_millis(5));
        assert_eq!(time.now(), Timestamp::from_millis(9_005));
    }

    #[test]
    fn what_others_have_seen_is_not_before_now() {
        let time = Time::new(Arc::new(ManualClock::new(Timestamp::from_millis(5_000))));
        time.reached(Timestamp::from_millis(7_000));
        time.reached(Timestamp::from_millis(6_000));
        assert_eq!(time.now(), Timestamp::from_millis(7_000));
    }
}
