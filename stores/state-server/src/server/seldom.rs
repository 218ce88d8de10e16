//! Lines in the log that somebody else can provoke.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_core::Clock;

/// Lets one of many occasions through: once a second, so that nobody fills a disk with lines.
#[derive(Default)]
pub(crate) struct Seldom(AtomicU64);

impl Seldom {
    const PAUSE: Duration = Duration::from_secs(1);

    /// Whether it is time again.
    pub(crate) fn is_due(&self, clock: &dyn Clock) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(clock.monotonic());
        let next = now.saturating_add(millis(Self::PAUSE));
        let due = |silent_until: u64| (silent_until <= now).then_some(next);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0.fetch_update(set, get, due).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use session_core::testing::ManualClock;

    use super::*;

    #[test]
    fn once_a_second() {
        let (seldom, clock) = (Seldom::default(), ManualClock::default());
        assert!(seldom.is_due(&clock));
        clock.advance(Duration::from_millis(999));
        assert!(!seldom.is_due(&clock));
        clock.advance(Duration::from_millis(1));
        assert!(seldom.is_due(&clock));
        assert!(!seldom.is_due(&clock));
    }
}
