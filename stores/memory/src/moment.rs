//! The time at which an operation happens, and what it shares with other shards.

use std::time::Duration;

use session_core::{Clock, Timestamp};

use crate::budget::Budget;
use crate::index::Index;

/// A point on the store's monotonic clock, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self(millis(clock.monotonic()))
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The wall-clock time, which goes on from `epoch` by the monotonic clock: setting the
    /// machine's clock must not end sessions.
    pub(crate) fn wall(self, epoch: Timestamp) -> Timestamp {
        epoch.saturating_add(Duration::from_millis(self.0))
    }

    /// How far `later` lies ahead; zero if it does not.
    pub(crate) fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One operation on a shard. The time is read with the shard's lock held, so that the operations
/// on a session see time in the order in which they happen.
pub(crate) struct Moment<'a> {
    pub(crate) now: Tick,
    epoch: Timestamp,
    pub(crate) index: &'a Index,
    pub(crate) budget: &'a Budget,
}

impl<'a> Moment<'a> {
    /// `epoch` is the wall-clock time at which the monotonic one was zero.
    pub(crate) fn new(
        clock: &dyn Clock,
        epoch: Timestamp,
        index: &'a Index,
        budget: &'a Budget,
    ) -> Self {
        Self {
            now: Tick::of(clock),
            epoch,
            index,
            budget,
        }
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.now.wall(self.epoch)
    }
}
