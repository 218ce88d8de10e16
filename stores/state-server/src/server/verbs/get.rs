//! GET: reading, taking the lock, giving it back.

use super::Flow;
use super::answer::Call;
use crate::server::http::{Exclusive, Output};
use crate::server::items::{Holding, Item, Shard};
use crate::server::refusal::Refusal;

impl Call<'_> {
    pub(super) fn get(&self, shard: &mut Shard, out: &mut Output) -> Flow {
        let Some(item) = self.live(shard) else {
            self.absent(shard, out);
            return Flow::Done;
        };
        self.slide(item);
        match self.request.exclusive {
            Some(Exclusive::Acquire) => return self.acquire(item, out),
            Some(Exclusive::Release) => self.release(item, out),
            None if item.lock.is_some() && !self.request.extended => self.locked(item, out),
            None => self.show(item, false, out),
        }
        Flow::Done
    }

    fn acquire(&self, item: &mut Item, out: &mut Output) -> Flow {
        let lease = self.request.lease;
        let Some(lock) = &mut item.lock else {
            item.lock_for(lease, self.moment);
            self.show(item, true, out);
            return Flow::Done;
        };
        if self.request.wait == 0 {
            self.locked(item, out);
            return Flow::Done;
        }
        if let Some(ticket) = lock.enqueue(lease, self.limits.max_waiters_per_key) {
            return Flow::Parked(ticket);
        }
        self.refuse(Refusal::Waiters, out);
        Flow::Done
    }

    fn release(&self, item: &mut Item, out: &mut Output) {
        match item.holding(self.request.cookie) {
            Holding::Mine => item.hand_on(self.moment),
            // For a foreign client a release that comes twice is done twice.
            Holding::Free if !self.request.extended => {}
            Holding::Free | Holding::Theirs => return self.locked(item, out),
        }
        self.done(item, out);
    }
}
