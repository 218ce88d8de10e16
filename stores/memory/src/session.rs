//! One session: its content, its life and its lock.

use std::time::Duration;

use session_core::{EndReason, Lifetime, Listed, Loaded, Revision, StoreKey};

use crate::content::Content;
use crate::lease::Lock;
use crate::moment::{Moment, Tick, millis};

pub(crate) struct Session {
    pub(crate) key: StoreKey,
    pub(crate) content: Content,
    pub(crate) revision: Revision,
    idle_millis: u64,
    pub(crate) expires: Tick,
    absolute: Tick,
    /// Under which time it stands in the expiry order: its expiry or an earlier time.
    pub(crate) due: Tick,
    pub(crate) lock: Option<Box<Lock>>,
}

impl Session {
    pub(crate) fn new(key: StoreKey, content: Content, lifetime: Lifetime, now: Tick) -> Self {
        let expires = now.after(lifetime.idle.min(lifetime.absolute));
        Self {
            key,
            content,
            revision: Revision::FIRST,
            idle_millis: millis(lifetime.idle),
            expires,
            absolute: now.after(lifetime.absolute),
            due: expires,
            lock: None,
        }
    }

    /// The session that this one goes on as under the key `to`.
    pub(crate) fn renewed(
        &self,
        to: StoreKey,
        content: Content,
        lifetime: Lifetime,
        now: Tick,
    ) -> Self {
        Self {
            revision: self.revision.next(),
            ..Self::new(to, content, lifetime, now)
        }
    }

    pub(crate) fn is_live(&self, now: Tick) -> bool {
        now < self.expires
    }

    /// Puts a new content in place and returns the old one.
    pub(crate) fn replace(&mut self, content: Content, lifetime: Lifetime, now: Tick) -> Content {
        self.revision = self.revision.next();
        self.idle_millis = millis(lifetime.idle);
        self.absolute = self.absolute.min(now.after(lifetime.absolute));
        self.expires = now.after(lifetime.idle).min(self.absolute);
        std::mem::replace(&mut self.content, content)
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_millis)
    }

    pub(crate) fn touch(&mut self, now: Tick) {
        let slid = now.after(self.idle()).min(self.absolute);
        self.expires = self.expires.max(slid);
    }

    pub(crate) fn loaded(&self, moment: &Moment<'_>) -> Loaded {
        Loaded {
            record: self.content.record(),
            revision: self.revision,
            idle: self.idle(),
            time_left: moment.now.until(self.expires),
            store_time: moment.wall(),
        }
    }

    pub(crate) fn listed(&self, now: Tick) -> Listed {
        Listed {
            key: self.key,
            revision: self.revision,
            labels: self.content.labels(),
            created: self.content.created(),
            deadline: self.content.deadline(),
            time_left: now.until(self.expires),
        }
    }

    /// Breaks the lease and tells everybody who waits for it.
    pub(crate) fn end(self, reason: EndReason) {
        if let Some(lock) = self.lock {
            lock.end(reason);
        }
    }
}
