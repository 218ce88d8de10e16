//! What has changed in memory and is not on the disk yet.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use session_core::Clock;
use tokio::sync::watch;

use super::Durability;
use super::change::{Batch, Change, Content, Grave, Life, Marks};
use crate::server::http::Verb;
use crate::server::items::{Item, Key, Row, Tick, cookie_after};

/// The changes in the order in which they were made, and how far they have been written.
///
/// A change is added with the lock of its item's shard held, so changes of one key stand in the
/// order of memory. The lock in here is an innermost one, as those of the index are. The writer
/// takes everything that there is, so what was added under one lock is written together.
pub(crate) struct Journal {
    durability: Durability,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    work: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Queue {
    waiting: Batch,
    /// What the writer has taken and not written yet.
    writing: Arc<Batch>,
    /// The number of the last change.
    last: u64,
    /// The number of the last change that the writer has taken.
    taken: u64,
    /// The number of the last change that somebody waits for.
    wanted: u64,
    /// When the first of `waiting` came, and the first of `writing`.
    since: Option<Tick>,
    writing_since: Option<Tick>,
    is_closing: bool,
}

/// How far the writer is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    /// The number of the last change that is on the disk.
    pub(crate) committed: u64,
    pub(crate) commits: u64,
    /// Whether the last attempt to write came to nothing, or the writer has ended.
    pub(crate) is_failed: bool,
}

/// A change is not on the disk, and nobody knows when it will be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotWritten;

/// What a lease's cookie, a touch or a flag changes of an item.
#[derive(Clone, Copy)]
pub(crate) enum LifeChange {
    Cookie,
    Flag,
    Touch,
}

impl Journal {
    /// How many cookies are reserved at once, so that most leases write nothing. A restart
    /// skips at most so many.
    const RESERVE: u8 = 64;
    /// How long a change may stay in memory that nobody waits for.
    const DELAY: Duration = Duration::from_millis(100);
    /// With `async`: when the oldest change is older than this, or all together are larger,
    /// writes wait until they are on the disk.
    const MAX_AGE_MILLIS: u64 = 1_000;
    const MAX_BYTES: usize = 64 << 20;
    /// The pause after a failure.
    const PAUSE: Duration = Duration::from_millis(500);

    pub(super) fn new(durability: Durability, clock: Arc<dyn Clock>) -> Self {
        Self {
            durability,
            clock,
            queue: Mutex::default(),
            work: Condvar::new(),
            progress: watch::Sender::default(),
        }
    }

    /// Takes note of an item that is new or has a new content.
    pub(crate) fn put(&self, item: &mut Item) {
        self.add(|queue| {
            let marks = Marks {
                write: queue.last,
                ..Marks::default()
            };
            queue.put(item, marks);
        });
    }

    /// Takes note of what changes between the writes of an item.
    pub(crate) fn life(&self, item: &mut Item, what: LifeChange) {
        self.add(|queue| {
            let mut marks = Marks::default();
            match what {
                LifeChange::Cookie => marks.end = queue.last,
                LifeChange::Flag => marks.write = queue.last,
                LifeChange::Touch => marks.touch = queue.last,
            }
            let life = life(item);
            queue.waiting.add(&item.key, Change::Life(life), marks);
        });
    }

    /// Takes note that an item was ended, and how.
    pub(crate) fn remove(&self, key: &Key, grave: Option<Grave>) {
        self.add(|queue| {
            let marks = queue.end();
            queue.waiting.add(key, Change::Remove(grave), marks);
        });
    }

    /// Takes note that an item has expired. Nobody need wait for that.
    pub(crate) fn expire(&self, key: &Key) {
        self.add(|queue| {
            let marks = Marks::default();
            queue.waiting.add(key, Change::Remove(None), marks);
        });
    }

    /// Takes note that a session goes on under the key of `renewed`.
    pub(crate) fn rename(&self, from: &Key, grave: Grave, renewed: &mut Item) {
        self.add(|queue| {
            let marks = queue.end();
            queue.put(renewed, marks);
            queue.waiting.add(from, Change::Remove(Some(grave)), marks);
        });
    }

    /// Takes note of a control row.
    pub(crate) fn set_row(&self, name: &[u8], row: Row) {
        self.add(|queue| queue.waiting.set_row(name, row, queue.last));
    }

    fn add(&self, add: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock();
        queue.last += 1;
        add(&mut queue);
        if queue.since.is_none() {
            queue.since = Some(Tick::of(&*self.clock));
            self.work.notify_one();
        }
    }

    /// The number of the change that must be on the disk before a request for the item under
    /// `key` is answered; 0 if there is none.
    pub(crate) fn needed(&self, key: &Key, verb: Verb) -> u64 {
        let queue = self.queue.lock();
        let mut marks = Marks::default();
        queue.writing.look_up(key, &mut marks);
        queue.waiting.look_up(key, &mut marks);
        if marks.write.max(marks.touch) <= marks.end || !self.is_strict(verb, &queue) {
            return marks.end;
        }
        let touch = if verb == Verb::Head { marks.touch } else { 0 };
        marks.end.max(marks.write).max(touch)
    }

    /// As [`needed`](Self::needed), for a control row.
    pub(crate) fn needed_for_row(&self, name: &[u8]) -> u64 {
        let queue = self.queue.lock();
        let number = |batch: &Batch| batch.control.get(name).map_or(0, |(_, number)| *number);
        number(&queue.waiting).max(number(&queue.writing))
    }

    /// The number of the last change.
    pub(crate) fn last(&self) -> u64 {
        self.queue.lock().last
    }

    /// Whether everything has to be on the disk before this is answered. With `async` that is
    /// so for writes while the disk is behind.
    fn is_strict(&self, verb: Verb, queue: &Queue) -> bool {
        match self.durability {
            Durability::Sync => true,
            Durability::Async => verb != Verb::Get && self.is_behind(queue),
        }
    }

    fn is_behind(&self, queue: &Queue) -> bool {
        let oldest = queue.writing_since.or(queue.since);
        let age = oldest.map_or(0, |oldest| oldest.until(Tick::of(&*self.clock)));
        age > Self::MAX_AGE_MILLIS || queue.waiting.bytes + queue.writing.bytes > Self::MAX_BYTES
    }

    /// Waits until a change is on the disk.
    pub(crate) async fn written(&self, number: u64) -> Result<(), NotWritten> {
        let mut progress = self.progress.subscribe();
        let is_decided = |progress: &Progress| progress.committed >= number || progress.is_failed;
        // After a failure nobody hurries the writer.
        if !is_decided(&progress.borrow_and_update()) {
            self.want(number);
        }
        let progress = progress
            .wait_for(is_decided)
            .await
            .map_err(|_| NotWritten)?;
        match progress.committed >= number {
            true => Ok(()),
            false => Err(NotWritten),
        }
    }

    fn want(&self, number: u64) {
        let mut queue = self.queue.lock();
        queue.wanted = queue.wanted.max(number);
        self.work.notify_one();
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.progress.borrow().is_failed
    }

    /// How many changes are not on the disk.
    pub(crate) fn unwritten(&self) -> u64 {
        self.last().saturating_sub(self.progress().committed)
    }

    /// What is to be written next, as soon as there is something and somebody waits for it or
    /// it has waited long enough. `None` at the end.
    pub(super) fn take(&self) -> Option<Arc<Batch>> {
        let mut queue = self.queue.lock();
        loop {
            if queue.since.is_none() && queue.is_closing {
                return None;
            }
            if queue.since.is_none() {
                self.work.wait(&mut queue);
                continue;
            }
            if queue.is_urgent() || self.work.wait_for(&mut queue, Self::DELAY).timed_out() {
                return Some(queue.take());
            }
        }
    }

    /// What was taken last is on the disk.
    pub(super) fn commit(&self) {
        let mut queue = self.queue.lock();
        let written = std::mem::take(&mut queue.writing);
        queue.writing_since = None;
        let committed = queue.taken;
        drop(queue);
        self.progress.send_modify(|progress| {
            progress.committed = committed;
            progress.commits += 1;
            progress.is_failed = false;
        });
        drop(written);
    }

    /// What was taken last could not be written. Waits for a while, and returns whether it
    /// should be tried again.
    pub(super) fn fail(&self) -> bool {
        self.progress
            .send_modify(|progress| progress.is_failed = true);
        let mut queue = self.queue.lock();
        let was_closing = queue.is_closing;
        if !was_closing {
            self.work.wait_for(&mut queue, Self::PAUSE);
        }
        !was_closing
    }

    /// Nothing will be written any more.
    pub(super) fn end(&self) {
        self.progress
            .send_modify(|progress| progress.is_failed = true);
    }

    /// Lets the writer write what there is, and end.
    pub(super) fn close(&self) {
        self.queue.lock().is_closing = true;
        self.work.notify_one();
    }
}

impl Queue {
    /// The marks of a change that must be on the disk before it is answered.
    fn end(&self) -> Marks {
        Marks {
            end: self.last,
            ..Marks::default()
        }
    }

    fn put(&mut self, item: &mut Item, marks: Marks) {
        let life = life(item);
        let change = Change::Put(Content::of(item), life);
        self.waiting.add(&item.key, change, marks);
    }

    fn is_urgent(&self) -> bool {
        self.is_closing || self.wanted > self.taken || self.waiting.bytes > Journal::MAX_BYTES / 2
    }

    fn take(&mut self) -> Arc<Batch> {
        self.taken = self.last;
        self.writing_since = self.since.take();
        self.writing = Arc::new(std::mem::take(&mut self.waiting));
        Arc::clone(&self.writing)
    }
}

/// What is written of an item now, with further cookies reserved.
fn life(item: &mut Item) -> Life {
    item.spare = Journal::RESERVE;
    item.unsaved = 0;
    Life {
        expires: item.expires,
        cookie: cookie_after(item.cookie, Journal::RESERVE),
        is_uninitialised: item.is_uninitialised,
    }
}

#[cfg(test)]
mod tests;
