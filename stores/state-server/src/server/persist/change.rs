//! Changes that are on their way to the disk.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use bytes::Bytes;
use session_core::EndReason;

use crate::server::items::{Item, Key, Listing, Row, Tick};

/// The last thing that happened to an item.
pub(super) enum Change {
    /// This is all of it.
    Put(Content, Life),
    /// Only this of it is new.
    Life(Life),
    /// It is gone. If a session was ended, this is its tombstone.
    Remove(Option<Grave>),
}

/// What a PUT or a MOVE has put into an item.
pub(super) struct Content {
    pub(super) body: Bytes,
    pub(super) listing: Option<Box<Listing>>,
    pub(super) revision: u64,
    pub(super) idle: u64,
    pub(super) absolute: Tick,
}

/// What changes between the writes of an item.
#[derive(Clone, Copy)]
pub(super) struct Life {
    pub(super) expires: Tick,
    /// Not below any cookie that was handed out.
    pub(super) cookie: i32,
    pub(super) is_uninitialised: bool,
}

/// The tombstone of a session.
#[derive(Clone, Copy)]
pub(crate) struct Grave {
    pub(crate) reason: EndReason,
    pub(crate) until: Tick,
}

/// The numbers of the last changes of each kind; 0 for none.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    /// Ends, renames and handing out cookies: what must be on the disk before it is answered.
    pub(super) end: u64,
    /// Everything else but touches.
    pub(super) write: u64,
    pub(super) touch: u64,
}

impl Marks {
    fn merge(&mut self, other: Self) {
        self.end = self.end.max(other.end);
        self.write = self.write.max(other.write);
        self.touch = self.touch.max(other.touch);
    }
}

/// A change, and what it and those that it replaced were.
pub(super) struct Entry {
    pub(super) change: Change,
    pub(super) marks: Marks,
}

/// Changes that are written in one transaction, one for each key.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: HashMap<Key, Entry>,
    pub(super) control: BTreeMap<Box<[u8]>, (Row, u64)>,
    /// About how much memory they hold.
    pub(super) bytes: usize,
}

impl Batch {
    /// What a change costs beside its body, in bytes.
    const FIXED: usize = 256;

    /// Adds a change after those that are there.
    pub(super) fn add(&mut self, key: &Key, change: Change, marks: Marks) {
        self.bytes += change.bytes();
        let Some(entry) = self.items.get_mut(key) else {
            self.bytes += Self::FIXED;
            self.items.insert(key.clone(), Entry { change, marks });
            return;
        };
        self.bytes -= entry.change.bytes();
        entry.marks.merge(marks);
        if let ControlFlow::Continue(change) = entry.change.absorb(change) {
            entry.change = change;
        } else {
            self.bytes += entry.change.bytes();
        }
    }

    pub(super) fn set_row(&mut self, name: &[u8], row: Row, number: u64) {
        self.bytes += Self::FIXED + row.value.len();
        self.control.insert(name.into(), (row, number));
    }

    /// Adds what is known of `key` to `marks`.
    pub(super) fn look_up(&self, key: &Key, marks: &mut Marks) {
        if let Some(entry) = self.items.get(key) {
            marks.merge(entry.marks);
        }
    }
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Put(content, _) => content.body.len(),
            Self::Life(_) | Self::Remove(_) => 0,
        }
    }

    /// Takes a later change in, unless that replaces this one.
    fn absorb(&mut self, later: Self) -> ControlFlow<(), Self> {
        match (self, later) {
            (Self::Put(_, life), Self::Life(later)) => {
                *life = later;
                ControlFlow::Break(())
            }
            (_, later) => ControlFlow::Continue(later),
        }
    }
}

impl Content {
    pub(super) fn of(item: &Item) -> Self {
        Self {
            body: item.body.clone(),
            listing: item.listing.clone(),
            revision: item.revision,
            idle: item.idle,
            absolute: item.absolute,
        }
    }
}
