//! The caps on sessions and bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::{StoreError, StoreErrorKind};

use crate::store::NAME;

/// How much a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions, with those that have expired and were not taken back yet.
    pub sessions: usize,
    /// Tombstones of ended sessions.
    pub tombstones: usize,
    /// Bytes of memory, as [`max_bytes`](crate::MemoryStoreBuilder::max_bytes) counts them.
    pub bytes: usize,
}

/// A cap that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cap {
    Sessions(usize),
    Bytes(usize),
}

impl From<Cap> for StoreError {
    fn from(cap: Cap) -> Self {
        let message = match cap {
            Cap::Sessions(max) => format!("full: max_sessions = {max} is reached"),
            Cap::Bytes(max) => format!("full: max_bytes = {max} is reached"),
        };
        Self::new(StoreErrorKind::Full, NAME, message)
    }
}

/// A counter on a cache line of its own: all shards write it.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

/// What all shards together hold and may hold.
pub(crate) struct Budget {
    max_sessions: usize,
    max_bytes: usize,
    sessions: Counter,
    tombstones: Counter,
    bytes: Counter,
}

impl Budget {
    /// What a tombstone costs in bytes, in table and queue.
    const TOMBSTONE: usize = 160;

    pub(crate) fn new(max_sessions: usize, max_bytes: usize) -> Self {
        Self {
            max_sessions,
            max_bytes,
            sessions: Counter::default(),
            tombstones: Counter::default(),
            bytes: Counter::default(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.get(),
            tombstones: self.tombstones.get(),
            bytes: self.bytes.get(),
        }
    }

    /// Makes room for a session of `bytes`.
    pub(crate) fn admit(&self, bytes: usize) -> Result<(), Cap> {
        if !self.sessions.add_within(1, self.max_sessions) {
            return Err(Cap::Sessions(self.max_sessions));
        }
        if !self.bytes.add_within(bytes, self.max_bytes) {
            self.sessions.subtract(1);
            return Err(Cap::Bytes(self.max_bytes));
        }
        Ok(())
    }

    pub(crate) fn dismiss(&self, bytes: usize) {
        self.sessions.subtract(1);
        self.bytes.subtract(bytes);
    }

    /// Makes room for a session to change its size. One that shrinks or stays is never refused.
    pub(crate) fn resize(&self, from: usize, to: usize) -> Result<(), Cap> {
        if to > from && !self.bytes.add_within(to - from, self.max_bytes) {
            return Err(Cap::Bytes(self.max_bytes));
        }
        if to < from {
            self.bytes.subtract(from - to);
        }
        Ok(())
    }

    /// Counts a tombstone. Ending a session is never refused, so this may go past the cap.
    pub(crate) fn add_tombstone(&self) {
        self.tombstones.0.fetch_add(1, Ordering::Relaxed);
        self.bytes.0.fetch_add(Self::TOMBSTONE, Ordering::Relaxed);
    }

    pub(crate) fn remove_tombstones(&self, count: usize) {
        self.tombstones.subtract(count);
        self.bytes.subtract(count * Self::TOMBSTONE);
    }
}

impl Counter {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add_within(&self, amount: usize, max: usize) -> bool {
        let add = |current: usize| current.checked_add(amount).filter(|sum| *sum <= max);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_ok()
    }

    fn subtract(&self, amount: usize) {
        if amount > 0 {
            self.0.fetch_sub(amount, Ordering::Relaxed);
        }
    }
}
