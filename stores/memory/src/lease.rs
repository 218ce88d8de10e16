//! The lock of a session: who holds the lease, and who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, EndReason, Extend, LeaseToken, LeaseUse, StoreKey};
use tokio::sync::{Notify, oneshot};

use crate::moment::{Moment, Tick};
use crate::session::Session;
use crate::shard::{Serial, Shard};

#[derive(Default)]
pub(crate) struct Lock {
    holder: Option<Holder>,
    queue: VecDeque<Waiter>,
    /// Tells those who wait that the lease ends sooner than they were told.
    sooner: Option<Arc<Notify>>,
}

struct Holder {
    token: LeaseToken,
    until: Tick,
}

struct Waiter {
    number: u64,
    lease: Duration,
    answer: oneshot::Sender<Acquire>,
}

/// A place in the queue of a lock.
pub(crate) struct Ticket {
    pub(crate) number: u64,
    pub(crate) answer: oneshot::Receiver<Acquire>,
    /// Wakes when it is time to look sooner than a look said.
    pub(crate) sooner: Arc<Notify>,
}

/// What an attempt to take a lease came to.
pub(crate) enum Attempt {
    Over(Acquire),
    Queued(Ticket),
}

impl Lock {
    pub(crate) fn end(self, reason: EndReason) {
        for waiter in self.queue {
            // A waiter that is gone needs no answer.
            let _ = waiter.answer.send(Acquire::Ended(reason));
        }
    }

    fn enqueue(&mut self, number: u64, lease: Duration) -> Ticket {
        let (sender, answer) = oneshot::channel();
        self.queue.push_back(Waiter {
            number,
            lease,
            answer: sender,
        });
        let sooner = self.sooner.get_or_insert_default();
        Ticket {
            number,
            answer,
            sooner: Arc::clone(sooner),
        }
    }

    fn has_lapsed(&self, now: Tick) -> bool {
        self.holder
            .as_ref()
            .is_none_or(|holder| holder.until <= now)
    }

    /// Makes somebody the holder, or changes the end of the lease.
    fn hold(&mut self, token: LeaseToken, until: Tick) {
        let before = self.holder.replace(Holder { token, until });
        let is_sooner = before.is_some_and(|before| until < before.until);
        if is_sooner && let Some(sooner) = &self.sooner {
            sooner.notify_waiters();
        }
    }
}

impl Session {
    /// Frees the lease if it has run out, and hands it on.
    pub(crate) fn settle_lock(&mut self, moment: &Moment<'_>, serial: &mut Serial) {
        let lapsed = |lock: &Lock| lock.has_lapsed(moment.now);
        if self.lock.as_deref().is_some_and(lapsed) {
            self.hand_on(moment, serial);
        }
    }

    /// Gives the lease to the first waiter that is still there, or frees it.
    fn hand_on(&mut self, moment: &Moment<'_>, serial: &mut Serial) {
        let Some(mut lock) = self.lock.take() else {
            return;
        };
        while let Some(waiter) = lock.queue.pop_front() {
            let token = serial.token();
            let answer = Acquire::Acquired(token, self.loaded(moment));
            if waiter.answer.send(answer).is_ok() {
                lock.hold(token, moment.now.after(waiter.lease));
                self.lock = Some(lock);
                return;
            }
        }
    }

    /// Whether a write may go on; the lock is settled.
    pub(crate) fn permits(&self, lease: LeaseUse) -> bool {
        match lease.token() {
            None => self.lock.is_none(),
            Some(token) => self.holder(token).is_some(),
        }
    }

    /// Gives the lease back after a write, if the writer wants that.
    pub(crate) fn finish(&mut self, lease: LeaseUse, moment: &Moment<'_>, serial: &mut Serial) {
        if let LeaseUse::Release(token) = lease {
            self.release(token, moment, serial);
        }
    }

    fn release(&mut self, token: LeaseToken, moment: &Moment<'_>, serial: &mut Serial) -> bool {
        let held = self.holder(token).is_some();
        if held {
            self.hand_on(moment, serial);
        }
        held
    }

    fn holder(&self, token: LeaseToken) -> Option<&Holder> {
        let holder = self.lock.as_ref()?.holder.as_ref()?;
        (holder.token == token).then_some(holder)
    }

    fn grant(&mut self, lease: Duration, moment: &Moment<'_>, serial: &mut Serial) -> Acquire {
        let token = serial.token();
        let lock = self.lock.get_or_insert_default();
        lock.hold(token, moment.now.after(lease));
        Acquire::Acquired(token, self.loaded(moment))
    }

    /// When somebody who waits should look again.
    fn look_again(&self) -> Tick {
        let holder = self.lock.as_ref().and_then(|lock| lock.holder.as_ref());
        holder.map_or(self.expires, |holder| holder.until.min(self.expires))
    }
}

impl Shard {
    pub(crate) fn acquire(
        &mut self,
        moment: &Moment<'_>,
        key: &StoreKey,
        lease: Duration,
        may_wait: bool,
    ) -> Attempt {
        let Some(session) = self.sessions.live_mut(key, moment.now) else {
            return Attempt::Over(self.tombstones.reason(key, moment.now).into_acquire());
        };
        session.settle_lock(moment, &mut self.serial);
        match &mut session.lock {
            None => Attempt::Over(session.grant(lease, moment, &mut self.serial)),
            Some(_) if !may_wait => Attempt::Over(Acquire::Busy),
            Some(lock) => Attempt::Queued(lock.enqueue(self.serial.ticket(), lease)),
        }
    }

    pub(crate) fn extend(
        &mut self,
        moment: &Moment<'_>,
        key: &StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Extend {
        let Some(session) = self.sessions.live_mut(key, moment.now) else {
            return Extend::Lost;
        };
        session.settle_lock(moment, &mut self.serial);
        let held = session.holder(token).is_some();
        match &mut session.lock {
            Some(lock) if held => {
                lock.hold(token, moment.now.after(lease));
                Extend::Extended
            }
            _ => Extend::Lost,
        }
    }

    pub(crate) fn release(
        &mut self,
        moment: &Moment<'_>,
        key: &StoreKey,
        token: LeaseToken,
    ) -> bool {
        let Some(session) = self.sessions.live_mut(key, moment.now) else {
            return false;
        };
        session.settle_lock(moment, &mut self.serial);
        session.release(token, moment, &mut self.serial)
    }

    /// Hands on a lease that has run out. Returns when a waiter should look again, or `None` if
    /// the session is gone or has expired.
    pub(crate) fn look_at_lock(&mut self, moment: &Moment<'_>, key: &StoreKey) -> Option<Tick> {
        let session = self.sessions.live_mut(key, moment.now)?;
        session.settle_lock(moment, &mut self.serial);
        Some(session.look_again())
    }

    /// Takes a waiter out of the queue.
    pub(crate) fn leave_queue(&mut self, key: &StoreKey, number: u64) {
        let session = self.sessions.get_mut(key);
        if let Some(lock) = session.and_then(|session| session.lock.as_mut()) {
            lock.queue.retain(|waiter| waiter.number != number);
        }
    }
}
