//! Removing what has expired, oldest first over all shards.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use session_core::Swept;

use crate::moment::{Moment, Tick};
use crate::shard::Shard;
use crate::store::MemoryStore;

/// The shards with something due, the one with the oldest first.
type Fronts = BinaryHeap<Reverse<(Tick, usize)>>;

impl MemoryStore {
    /// Removes up to `limit` expired sessions.
    pub(crate) fn remove_expired(&self, limit: usize) -> Vec<Swept> {
        let mut fronts = self.fronts();
        let mut swept = Vec::new();
        while swept.len() < limit
            && let Some(Reverse((_, number))) = fronts.pop()
        {
            let next = fronts.peek().map(|Reverse((due, _))| *due);
            let front = self.at_shard(number, |shard, moment| {
                shard.sweep(moment, next, limit, &mut swept)
            });
            fronts.extend(front.map(|due| Reverse((due, number))));
        }
        swept
    }

    /// Looks into each shard, and takes back the tombstones that have expired.
    fn fronts(&self) -> Fronts {
        let due = |number| {
            let first = self.at_shard(number, |shard, moment| {
                shard.tombstones.trim(moment, usize::MAX);
                shard.tombstones.shrink();
                shard.sessions.shrink();
                shard.first_due(moment)
            });
            first.map(|due| Reverse((due, number)))
        };
        (0..self.shards()).filter_map(due).collect()
    }
}

impl Shard {
    /// How many sessions are looked at before others get the lock.
    const STEPS: usize = 256;

    /// Removes expired sessions until one of another shard, due at `next`, is older. Returns
    /// what is due first now.
    fn sweep(
        &mut self,
        moment: &Moment<'_>,
        next: Option<Tick>,
        limit: usize,
        swept: &mut Vec<Swept>,
    ) -> Option<Tick> {
        let until = next.map_or(moment.now, |next| next.min(moment.now));
        for _ in 0..Self::STEPS {
            if swept.len() == limit {
                break;
            }
            let Some(step) = self.step(moment, until) else {
                break;
            };
            swept.extend(step);
        }
        self.first_due(moment)
    }

    fn first_due(&self, moment: &Moment<'_>) -> Option<Tick> {
        let (due, _) = self.expiry.first()?;
        (due <= moment.now).then_some(due)
    }
}
