//! The order in which sessions may expire.

use std::collections::BTreeSet;

use crate::moment::Tick;

/// Sessions of a shard by the time at which somebody should look whether they have expired.
///
/// A touch or a save that prolongs a session leaves it where it stands; it moves on when its
/// time comes. So prolonging is free, and looking costs what is due, not what is alive.
#[derive(Default)]
pub(crate) struct Expiry(BTreeSet<(Tick, u64)>);

impl Expiry {
    /// Adds a session of this hash. Returns the time under which it stands: `due`, or a little
    /// later if another of the same hash is there.
    pub(crate) fn add(&mut self, mut due: Tick, hash: u64) -> Tick {
        while !self.0.insert((due, hash)) {
            due = due.next();
        }
        due
    }

    pub(crate) fn remove(&mut self, due: Tick, hash: u64) {
        self.0.remove(&(due, hash));
    }

    pub(crate) fn first(&self) -> Option<(Tick, u64)> {
        self.0.first().copied()
    }
}
