//! A clock that goes by the runtime's timer, which tests pause.

use std::time::Duration;

use session_core::{Clock, Timestamp};
use tokio::time::Instant;

/// The time of a paused runtime: leases and deadlines pass without anybody waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000).saturating_add(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
