//! What ended sessions leave behind for a while.

use std::collections::VecDeque;

use hashbrown::HashTable;
use session_core::{EndReason, TOMBSTONE};

use super::moment::{Moment, Tick};
use crate::server::persist::Grave;

struct Tombstone {
    key: [u8; 32],
    hash: u64,
    reason: EndReason,
    expires: Tick,
}

/// The tombstones of a shard. All live equally long, so they expire in the order in which they
/// came.
#[derive(Default)]
pub(super) struct Tombstones {
    table: HashTable<Tombstone>,
    order: VecDeque<(Tick, u64, [u8; 32])>,
}

impl Tombstones {
    /// When a tombstone that is put up now expires.
    pub(super) fn end(now: Tick) -> Tick {
        now.after(u64::try_from(TOMBSTONE.as_millis()).unwrap_or(u64::MAX))
    }

    /// Adds a tombstone that expires no sooner than those that are there.
    pub(super) fn add(&mut self, key: [u8; 32], hash: u64, grave: Grave, moment: &Moment<'_>) {
        let Grave {
            reason,
            until: expires,
        } = grave;
        let tombstone = Tombstone {
            key,
            hash,
            reason,
            expires,
        };
        // An expired one may still lie under the same key.
        self.remove_if(&key, hash, |_| true);
        let rehash = |other: &Tombstone| other.hash;
        self.table.insert_unique(hash, tombstone, rehash);
        self.order.push_back((expires, hash, key));
        moment.budget.add_tombstone();
    }

    pub(super) fn reason(&self, key: &[u8; 32], hash: u64, now: Tick) -> Option<EndReason> {
        let tombstone = self.table.find(hash, |other| other.key == *key);
        let standing = tombstone.filter(|tombstone| now < tombstone.expires);
        standing.map(|tombstone| tombstone.reason)
    }

    /// Removes up to `limit` that have expired.
    pub(super) fn trim(&mut self, moment: &Moment<'_>, limit: usize) {
        let mut removed = 0;
        while removed < limit
            && let Some((expires, hash, key)) = self.order.front().copied()
            && expires <= moment.now
        {
            self.order.pop_front();
            self.remove_if(&key, hash, |tombstone| tombstone.expires == expires);
            removed += 1;
        }
        moment.budget.remove_tombstones(removed);
    }

    /// Gives memory back when there are none left.
    pub(super) fn shrink(&mut self) {
        if self.order.is_empty() {
            *self = Self::default();
        }
    }

    fn remove_if(&mut self, key: &[u8; 32], hash: u64, condition: impl Fn(&Tombstone) -> bool) {
        let found = |other: &Tombstone| other.key == *key && condition(other);
        if let Ok(entry) = self.table.find_entry(hash, found) {
            entry.remove();
        }
    }
}
