//! The cap on memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A counter on a cache line of its own: all threads write it.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

/// What memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What stays: items and control rows, and bodies on their way in.
    Items,
    /// Requests of which only a part has come.
    Requests,
    /// Connections, and answers that wait for their client.
    Connections,
}

/// What everything together takes, and may take. Nothing is ever evicted: when the cap is met,
/// what would need more is refused.
///
/// An eighth of it is closed to items, and half of that eighth to requests that come slowly, so
/// that a full server can still be read, and slow clients do not shut out the others.
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

    /// Asks for memory.
    pub(crate) fn take(&self, purpose: Purpose, bytes: usize) -> Result<(), Full> {
        let max = self.max - self.closed_to(purpose);
        let add = |current: usize| current.checked_add(bytes).filter(|sum| *sum <= max);
        let counter = &self.bytes.0;
        let taken = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        taken.map(|_| ()).map_err(|_| Full)
    }

    fn closed_to(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Items => self.max / 8,
            Purpose::Requests => self.max / 16,
            Purpose::Connections => 0,
        }
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.bytes.subtract(bytes);
    }

    pub(crate) fn admit(&self, bytes: usize) -> Result<(), Full> {
        self.take(Purpose::Items, bytes)?;
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
            true => self.take(Purpose::Items, to - from),
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
