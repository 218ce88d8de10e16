//! The order in which sessions may expire.

use std::collections::BTreeSet;

use crate::moment::Tick;

/// Sessions of a shard by the time at which somebody should look whether they have expired.
///
/// A touch or a save that prolongs a session leaves it where it stands; it moves on when its
/// time comes. So prolonging is free, and looking costs what is due, not what is alive.
#[derive(Default)]
pub(crate) struct Expiry {
    order: BTreeSet<(Tick, u64)>,
    /// The first of them, at hand for the many who find that nothing is due.
    first: Option<(Tick, u64)>,
}

impl Expiry {
    /// Adds a session of this hash. Returns the time under which it stands: `due`, or a little
    /// later if another of the same hash is there.
    pub(crate) fn add(&mut self, mut due: Tick, hash: u64) -> Tick {
        while !self.order.insert((due, hash)) {
            due = due.next();
        }
        if self.first.is_none_or(|first| (due, hash) < first) {
            self.first = Some((due, hash));
        }
        due
    }

    pub(crate) fn remove(&mut self, due: Tick, hash: u64) {
        self.order.remove(&(due, hash));
        if self.first == Some((due, hash)) {
            self.first = self.order.first().copied();
        }
    }

    pub(crate) fn first(&self) -> Option<(Tick, u64)> {
        self.first
    }
}
