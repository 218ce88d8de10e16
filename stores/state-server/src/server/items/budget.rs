//! The cap on memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A counter on a cache line of its own: all threads write it.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

/// What everything together takes, and may take. Nothing is ever evicted: when the cap is met,
/// what would need more is refused.
pub(crate) struct Budget {
    max: usize,
    bytes: Counter,
    items: Counter,
    tombstones: Counter,
}

impl Budget {
    /// What a tombstone costs in bytes, in table and queue.
    const TOMBSTONE: usize = 160;

    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            bytes: Counter::default(),
            items: Counter::default(),
            tombstones: Counter::default(),
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    pub(crate) fn items(&self) -> usize {
        self.items.get()
    }

    pub(crate) fn tombstones(&self) -> usize {
        self.tombstones.get()
    }

    pub(crate) fn take(&self, bytes: usize) -> Result<(), Full> {
        let add = |current: usize| current.checked_add(bytes).filter(|sum| *sum <= self.max);
        let counter = &self.bytes.0;
        let taken = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        taken.map(|_| ()).map_err(|_| Full)
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.bytes.subtract(bytes);
    }

    pub(crate) fn admit(&self, bytes: usize) -> Result<(), Full> {
        self.take(bytes)?;
        self.items.add(1);
        Ok(())
    }

    pub(crate) fn dismiss(&self, bytes: usize) {
        self.items.subtract(1);
        self.bytes.subtract(bytes);
    }

    /// Makes room for an item to change its size. One that shrinks or stays is never refused.
    pub(crate) fn resize(&self, from: usize, to: usize) -> Result<(), Full> {
        match to > from {
            true => self.take(to - from),
            false => {
                self.give_back(from - to);
                Ok(())
            }
        }
    }

    /// Counts a tombstone. Ending a session is never refused, so this may go past the cap.
    pub(crate) fn add_tombstone(&self) {
        self.tombstones.add(1);
        self.bytes.add(Self::TOMBSTONE);
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

    fn add(&self, amount: usize) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn subtract(&self, amount: usize) {
        if amount > 0 {
            self.0.fetch_sub(amount, Ordering::Relaxed);
        }
    }
}
