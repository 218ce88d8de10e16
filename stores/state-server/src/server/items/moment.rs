//! The time at which a request happens, and what its shard shares with others.

use session_core::{Clock, Timestamp};

use super::budget::Budget;
use super::index::Index;
use crate::server::persist::Journal;

/// A point on the server's monotonic clock, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// The end of time.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self(u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    pub(crate) fn next(self) -> Self {
        self.after(1)
    }

    /// How many milliseconds `later` lies ahead; zero if it does not.
    pub(crate) fn until(self, later: Self) -> u64 {
        later.0.saturating_sub(self.0)
    }

    /// The wall-clock time, which goes on from `epoch` by the monotonic clock: setting the
    /// machine's clock must not end sessions.
    pub(crate) fn wall(self, epoch: Timestamp) -> Timestamp {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        Timestamp::from_millis(epoch.as_millis().saturating_add(millis))
    }
}

/// One request to a shard. The time is read with the shard's lock held, so that the requests
/// for an item see time in the order in which they happen.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Tick,
    /// The wall-clock time at which the monotonic one was zero.
    pub(crate) epoch: Timestamp,
    pub(crate) index: &'a Index,
    pub(crate) budget: &'a Budget,
    /// Where changes are noted, if they are kept on a disk.
    pub(crate) journal: Option<&'a Journal>,
}

impl Moment<'_> {
    pub(crate) fn wall(&self) -> Timestamp {
        self.now.wall(self.epoch)
    }
}
