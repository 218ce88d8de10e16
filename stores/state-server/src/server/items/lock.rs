//! The lock of an item: who holds it, and who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};

use super::item::Item;
use super::moment::{Moment, Tick};
use crate::server::persist::LifeChange;

/// A lock that somebody holds. Its token is the item's cookie.
pub(crate) struct Lock {
    pub(crate) since: Tick,
    /// When it ends by itself; a plain lock never does.
    until: Tick,
    queue: VecDeque<Waiter>,
    /// Tells those who wait that the lease ends sooner than they were told.
    sooner: Option<Arc<Notify>>,
    next_number: u64,
}

struct Waiter {
    number: u64,
    lease: Option<u64>,
    granted: oneshot::Sender<i32>,
}

/// A place in the queue of a lock.
pub(crate) struct Ticket {
    pub(crate) number: u64,
    /// Answers with the cookie when the lock is the waiter's; fails when the item has gone.
    pub(crate) granted: oneshot::Receiver<i32>,
    /// Wakes when it is time to look sooner than a look said.
    pub(crate) sooner: Arc<Notify>,
}

/// What a request with a cookie, or without, has to do with the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Nobody holds the lock.
    Free,
    /// The request is the holder's.
    Mine,
    /// Somebody else holds it.
    Theirs,
}

impl Lock {
    fn new(since: Tick, lease: Option<u64>) -> Self {
        Self {
            since,
            until: end(since, lease),
            queue: VecDeque::new(),
            sooner: None,
            next_number: 0,
        }
    }

    /// Adds somebody to the queue; `None` if it is full.
    pub(crate) fn enqueue(&mut self, lease: Option<u64>, max: usize) -> Option<Ticket> {
        if self.queue.len() >= max {
            return None;
        }
        let (sender, granted) = oneshot::channel();
        let number = self.next_number;
        self.next_number += 1;
        self.queue.push_back(Waiter {
            number,
            lease,
            granted: sender,
        });
        Some(Ticket {
            number,
            granted,
            sooner: Arc::clone(self.sooner.get_or_insert_default()),
        })
    }

    /// Takes a waiter out of the queue. Numbers only grow, so the queue is in their order.
    pub(crate) fn leave_queue(&mut self, number: u64) {
        let place = self
            .queue
            .binary_search_by_key(&number, |waiter| waiter.number);
        if let Ok(place) = place {
            self.queue.remove(place);
        }
    }

    fn hold_until(&mut self, until: Tick) {
        let is_sooner = until < self.until;
        self.until = until;
        if is_sooner && let Some(sooner) = &self.sooner {
            sooner.notify_waiters();
        }
    }
}

impl Item {
    /// Frees the lock if its lease has run out, and hands it on.
    pub(crate) fn settle_lock(&mut self, moment: &Moment<'_>) {
        if self
            .lock
            .as_ref()
            .is_some_and(|lock| lock.until <= moment.now)
        {
            self.hand_on(moment);
        }
    }

    /// Gives the lock to the first waiter that is still there, or frees it.
    pub(crate) fn hand_on(&mut self, moment: &Moment<'_>) {
        let Some(mut lock) = self.lock.take() else {
            return;
        };
        while let Some(waiter) = lock.queue.pop_front() {
            let cookie = next_cookie(self.cookie);
            if waiter.granted.send(cookie).is_ok() {
                self.hand_out(cookie, moment);
                lock.since = moment.now;
                lock.hold_until(end(moment.now, waiter.lease));
                self.lock = Some(lock);
                return;
            }
        }
    }

    /// Locks the item, whose lock is free.
    pub(crate) fn lock_for(&mut self, lease: Option<u64>, moment: &Moment<'_>) {
        self.hand_out(next_cookie(self.cookie), moment);
        self.lock = Some(Box::new(Lock::new(moment.now, lease)));
    }

    /// Makes `cookie` the one of the holder. The disk knows a higher one already, or is told.
    fn hand_out(&mut self, cookie: i32, moment: &Moment<'_>) {
        self.cookie = cookie;
        if let Some(journal) = moment.journal {
            match self.spare.checked_sub(1) {
                Some(spare) => self.spare = spare,
                None => journal.life(self, LifeChange::Cookie),
            }
        }
    }

    /// What the bearer of `cookie` has to do with the lock, which is settled.
    pub(crate) fn holding(&self, cookie: Option<i32>) -> Holding {
        match &self.lock {
            None => Holding::Free,
            Some(_) if cookie == Some(self.cookie) => Holding::Mine,
            Some(_) => Holding::Theirs,
        }
    }

    /// Lets the holder's lease end after `lease` from now.
    pub(crate) fn extend_lock(&mut self, lease: u64, moment: &Moment<'_>) {
        if let Some(lock) = &mut self.lock {
            lock.hold_until(moment.now.after(lease));
        }
    }

    /// When somebody who waits should look again.
    pub(crate) fn look_again(&self) -> Tick {
        let until = self.lock.as_ref().map_or(Tick::NEVER, |lock| lock.until);
        until.min(self.expires)
    }
}

fn end(since: Tick, lease: Option<u64>) -> Tick {
    lease.map_or(Tick::NEVER, |millis| since.after(millis))
}

/// The counter after this one; after the greatest comes 1.
fn next_cookie(cookie: i32) -> i32 {
    cookie_after(cookie, 1)
}

/// The counter `steps` after this one; after the greatest comes 1.
pub(crate) fn cookie_after(cookie: i32, steps: u8) -> i32 {
    let beyond = i32::MAX - i32::from(steps);
    match cookie > beyond {
        true => cookie - beyond,
        false => (cookie + i32::from(steps)).max(1),
    }
}
