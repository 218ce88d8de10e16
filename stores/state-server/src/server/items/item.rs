//! One item: its content, its life and its lock.

use bytes::Bytes;

use super::index::Index;
use super::key::Key;
use super::lock::Lock;
use super::moment::{Moment, Tick};
use crate::server::persist::LifeChange;

/// One item.
pub(crate) struct Item {
    pub(crate) key: Key,
    pub(crate) hash: u64,
    pub(crate) body: Bytes,
    is_paid: bool,
    pub(crate) listing: Option<Box<Listing>>,
    pub(crate) revision: u64,
    /// The idle length in milliseconds.
    pub(crate) idle: u64,
    pub(crate) expires: Tick,
    pub(crate) absolute: Tick,
    /// Under which time it stands in the expiry order: its expiry or an earlier time.
    pub(super) due: Tick,
    /// The lock's counter: the token of the current or last holder.
    pub(crate) cookie: i32,
    pub(crate) is_uninitialised: bool,
    /// How many more cookies have been reserved on the disk; without a disk 0.
    pub(crate) spare: u8,
    /// By how many milliseconds the disk's expiry lies behind; without a disk 0.
    pub(crate) unsaved: u16,
    pub(crate) lock: Option<Box<Lock>>,
}

/// Whose session it is, and what a listing shows of it.
#[derive(Clone)]
pub(crate) struct Listing {
    pub(crate) principal: Option<[u8; 32]>,
    pub(crate) labels: Box<[u8]>,
}

/// What a PUT or a MOVE puts into an item.
pub(crate) struct Content {
    pub(crate) body: Bytes,
    /// Whether the body counts against the cap on memory by itself, as long as somebody has it.
    pub(crate) is_paid: bool,
    pub(crate) listing: Option<Box<Listing>>,
    pub(crate) idle: u64,
    /// Milliseconds until the absolute deadline.
    pub(crate) deadline: Option<u64>,
}

impl Content {
    fn absolute(&self, now: Tick) -> Tick {
        self.deadline
            .map_or(Tick::NEVER, |millis| now.after(millis))
    }

    fn cost(&self) -> usize {
        cost(&self.body, self.is_paid, self.listing.as_deref())
    }
}

fn cost(body: &Bytes, is_paid: bool, listing: Option<&Listing>) -> usize {
    let listing = listing.map_or(0, |listing| {
        let entry = listing.principal.map_or(0, |_| Index::ENTRY);
        size_of::<Listing>() + 32 + listing.labels.len() + entry
    });
    if is_paid {
        listing
    } else {
        body.len() + listing
    }
}

impl Item {
    /// What an item costs beside what it holds: itself, its place in the table and in the expiry
    /// order, and what the allocator adds.
    const FIXED: usize = size_of::<Self>() + 104;
    /// The cookie of an item that nobody has locked yet.
    const FIRST_COOKIE: i32 = 1;

    pub(crate) fn new(key: Key, hash: u64, content: Content, now: Tick) -> Self {
        let absolute = content.absolute(now);
        let expires = now.after(content.idle).min(absolute);
        Self {
            key,
            hash,
            body: content.body,
            is_paid: content.is_paid,
            listing: content.listing,
            revision: 1,
            idle: content.idle,
            expires,
            absolute,
            due: expires,
            cookie: Self::FIRST_COOKIE,
            is_uninitialised: false,
            spare: 0,
            unsaved: 0,
            lock: None,
        }
    }

    pub(crate) fn is_live(&self, now: Tick) -> bool {
        now < self.expires
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        let content = cost(&self.body, self.is_paid, self.listing.as_deref());
        Self::FIXED + self.key.cost() + content
    }

    /// The memory that it would take with another content.
    pub(crate) fn cost_with(&self, content: &Content) -> usize {
        Self::FIXED + self.key.cost() + content.cost()
    }

    /// Puts a new content in place. A deadline may come closer, and never moves away.
    pub(crate) fn replace(&mut self, content: Content, now: Tick) {
        self.revision += 1;
        self.idle = content.idle;
        self.absolute = self.absolute.min(content.absolute(now));
        self.expires = now.after(content.idle).min(self.absolute);
        self.body = content.body;
        self.is_paid = content.is_paid;
        self.listing = content.listing;
        self.is_uninitialised = false;
    }

    /// Prolongs its life by the idle length; never shortens it.
    pub(crate) fn touch(&mut self, moment: &Moment<'_>) {
        let slid = moment.now.after(self.idle).min(self.absolute);
        let moved = self.expires.until(slid);
        self.expires = self.expires.max(slid);
        if let Some(journal) = moment.journal {
            let unsaved = u64::from(self.unsaved).saturating_add(moved);
            self.unsaved = u16::try_from(unsaved).unwrap_or(u16::MAX);
            if unsaved >= self.touch_step() {
                journal.life(self, LifeChange::Touch);
            }
        }
    }

    /// By how many milliseconds a life is prolonged before the disk is told: what a crash may
    /// take from it.
    fn touch_step(&self) -> u64 {
        const MAX: u64 = 60_000;
        (self.idle / 20).clamp(1, MAX)
    }

    /// Takes note of a cookie or a flag that changed beside the content.
    pub(crate) fn keep(&mut self, moment: &Moment<'_>) {
        if let Some(journal) = moment.journal {
            journal.life(self, LifeChange::Flag);
        }
    }

    pub(crate) fn time_left(&self, moment: &Moment<'_>) -> u64 {
        moment.now.until(self.expires)
    }

    pub(crate) fn principal(&self) -> Option<&[u8; 32]> {
        self.listing.as_ref()?.principal.as_ref()
    }
}
