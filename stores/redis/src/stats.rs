//! [`RedisStats`].

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has noticed since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// How often the revision of a session had gone backwards: a failover to a replica that
    /// lagged behind lost acknowledged writes.
    pub revisions_lost: u64,
    /// How many connections were opened.
    pub connections_opened: u64,
}

/// The counters behind [`RedisStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) revisions_lost: AtomicU64,
    pub(crate) connections_opened: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> RedisStats {
        RedisStats {
            revisions_lost: self.revisions_lost.load(Ordering::Relaxed),
            connections_opened: self.connections_opened.load(Ordering::Relaxed),
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
