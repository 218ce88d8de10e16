//! The order in which items may expire.

use std::collections::BTreeSet;

use super::moment::Tick;

/// Items of a shard by the time at which somebody should look whether they have expired.
///
/// An item whose life is prolonged stays where it stands, and moves on when its time comes. So
/// prolonging is free, and looking costs what is due, not what is alive.
#[derive(Default)]
pub(super) struct Expiry(BTreeSet<(Tick, u64)>);

impl Expiry {
    /// Adds an item of this hash. Returns the time under which it stands: `due`, or a little
    /// later if another of the same hash is there.
    pub(super) fn add(&mut self, mut due: Tick, hash: u64) -> Tick {
        while !self.0.insert((due, hash)) {
            due = due.next();
        }
        due
    }

    pub(super) fn remove(&mut self, due: Tick, hash: u64) {
        self.0.remove(&(due, hash));
    }

    /// The first that is due at `now`.
    pub(super) fn first(&self, now: Tick) -> Option<(Tick, u64)> {
        self.0.first().copied().filter(|(due, _)| *due <= now)
    }
}
