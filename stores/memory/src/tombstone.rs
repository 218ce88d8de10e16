//! What ended sessions leave behind for a while.

use std::collections::VecDeque;

use hashbrown::HashTable;
use session_core::{Acquire, EndReason, Load, Save, StoreKey, TOMBSTONE};

use crate::moment::{Moment, Tick};
use crate::table::hash;

struct Tombstone {
    key: StoreKey,
    reason: EndReason,
    expires: Tick,
}

/// The tombstones of a shard. All live equally long, so they expire in the order in which they
/// came.
#[derive(Default)]
pub(crate) struct Tombstones {
    table: HashTable<Tombstone>,
    order: VecDeque<(Tick, StoreKey)>,
}

/// Why there is no live session under a key: it was ended, or there is none.
pub(crate) struct Absence(Option<EndReason>);

impl Tombstones {
    pub(crate) fn add(&mut self, key: StoreKey, reason: EndReason, moment: &Moment<'_>) {
        let expires = moment.now.after(TOMBSTONE);
        let tombstone = Tombstone {
            key,
            reason,
            expires,
        };
        // An expired one may still lie under the same key.
        self.remove_if(&key, |_| true);
        self.table
            .insert_unique(hash(&key), tombstone, |other| hash(&other.key));
        self.order.push_back((expires, key));
        moment.budget.add_tombstone();
    }

    pub(crate) fn reason(&self, key: &StoreKey, now: Tick) -> Absence {
        let tombstone = self.table.find(hash(key), |other| other.key == *key);
        let standing = tombstone.filter(|tombstone| now < tombstone.expires);
        Absence(standing.map(|tombstone| tombstone.reason))
    }

    /// Removes up to `limit` that have expired.
    pub(crate) fn trim(&mut self, moment: &Moment<'_>, limit: usize) {
        let mut removed = 0;
        while removed < limit
            && let Some((expires, key)) = self.order.front().copied()
            && expires <= moment.now
        {
            self.order.pop_front();
            self.remove_if(&key, |tombstone| tombstone.expires == expires);
            removed += 1;
        }
        moment.budget.remove_tombstones(removed);
    }

    /// Gives memory back when there are none left.
    pub(crate) fn shrink(&mut self) {
        if self.order.is_empty() {
            *self = Self::default();
        }
    }

    fn remove_if(&mut self, key: &StoreKey, condition: impl Fn(&Tombstone) -> bool) {
        let found = |other: &Tombstone| other.key == *key && condition(other);
        if let Ok(entry) = self.table.find_entry(hash(key), found) {
            entry.remove();
        }
    }
}

impl Absence {
    pub(crate) fn is_tombstone(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn into_load(self) -> Load {
        self.0.map_or(Load::Absent, Load::Ended)
    }

    pub(crate) fn into_save(self) -> Save {
        self.0.map_or(Save::Missing, Save::Ended)
    }

    pub(crate) fn into_acquire(self) -> Acquire {
        self.0.map_or(Acquire::Absent, Acquire::Ended)
    }
}
