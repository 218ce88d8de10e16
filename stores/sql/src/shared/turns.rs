//! [`Turns`]: who waits for a session's lease in this process, in order.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;
use session_core::StoreKey;
use tokio::sync::{Mutex as FairMutex, MutexGuard, Notify};

/// The queues of waiters. Only the first of each queue asks the database; the others wait here,
/// in order of arrival, so many waiters cost the database no more than one.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<StoreKey, Arc<Queue>>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// The first in the queue holds it. It is fair.
    first: FairMutex<()>,
    /// Something happened to the session in this process.
    changed: Notify,
}

impl Turns {
    /// Whether somebody waits for the session's lease.
    pub(crate) fn is_awaited(&self, key: &StoreKey) -> bool {
        self.queues.lock().contains_key(key)
    }

    /// A place at the end of the session's queue.
    pub(crate) fn queue_up(&self, key: StoreKey) -> Place<'_> {
        let mut queues = self.queues.lock();
        let queue = Arc::clone(queues.entry(key).or_default());
        Place {
            turns: self,
            key,
            queue,
        }
    }

    /// The lease was given back, or the session ended: the first waiter need not wait for its
    /// next look.
    pub(crate) fn wake(&self, key: &StoreKey) {
        if let Some(queue) = self.queues.lock().get(key) {
            queue.changed.notify_one();
        }
    }
}

/// A place in a queue.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    turns: &'a Turns,
    key: StoreKey,
    queue: Arc<Queue>,
}

impl Place<'_> {
    /// Completes when all that came before have gone.
    pub(crate) async fn first(&self) -> MutexGuard<'_, ()> {
        self.queue.first.lock().await
    }

    /// Completes when the session was changed in this process since the last call.
    pub(crate) async fn changed(&self) {
        self.queue.changed.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues.lock();
        // The map's own and ours: nobody else waits, and nobody can come while it is locked.
        if Arc::strong_count(&self.queue) == 2 {
            queues.remove(&self.key);
        }
    }
}

/// A factor between a half and one and a half, so that those who failed together do not come
/// back together.
pub(crate) fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0) >> 40;
    0.5 + random as f64 / f64::from(1 << 24)
}
