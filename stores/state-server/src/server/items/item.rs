//! One item: its content, its life and its lock.

use bytes::Bytes;

use super::index::Index;
use super::key::Key;
use super::lock::Lock;
use super::moment::{Moment, Tick};

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
    pub(crate) fn touch(&mut self, now: Tick) {
        let slid = now.after(self.idle).min(self.absolute);
        self.expires = self.expires.max(slid);
    }

    pub(crate) fn time_left(&self, moment: &Moment<'_>) -> u64 {
        moment.now.until(self.expires)
    }

    pub(crate) fn principal(&self) -> Option<&[u8; 32]> {
        self.listing.as_ref()?.principal.as_ref()
    }
}
