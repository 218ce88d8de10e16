//! A part of the items, behind one lock.

use session_core::EndReason;

use super::budget::Full;
use super::expiry::Expiry;
use super::item::{Content, Item};
use super::key::Key;
use super::moment::Moment;
use super::table::Table;
use super::tombstone::Tombstones;
use crate::server::persist::{Grave, LifeChange};

/// The items of some routes. A session keeps its route for life, so a MOVE stays within one
/// shard.
#[derive(Default)]
pub(crate) struct Shard {
    items: Table,
    tombstones: Tombstones,
    expiry: Expiry,
}

impl Shard {
    /// How many due items a write looks at on the side: more than it can add, so the memory of
    /// expired items comes back.
    const SIDE_STEPS: usize = 2;

    /// The live item under `key`, with its lock settled.
    pub(crate) fn live(&mut self, moment: &Moment<'_>, key: &Key, hash: u64) -> Option<&mut Item> {
        let item = self.items.get_mut(key, hash);
        let item = item.filter(|item| item.is_live(moment.now))?;
        item.settle_lock(moment);
        Some(item)
    }

    /// Why there is no live item under `key`, if it is because a session was ended.
    pub(crate) fn ended(&self, moment: &Moment<'_>, key: &Key, hash: u64) -> Option<EndReason> {
        self.tombstones.reason(key.session()?, hash, moment.now)
    }

    /// Adds an item under a key that is free.
    pub(crate) fn insert(&mut self, moment: &Moment<'_>, mut item: Item) -> Result<(), Full> {
        self.clear_expired(moment, &item.key, item.hash);
        self.make_room(moment, |moment| moment.budget.admit(item.cost()))?;
        if let Some(journal) = moment.journal {
            journal.put(&mut item);
        }
        self.place(moment, item);
        Ok(())
    }

    /// Lets a session go on as `renewed`; a tombstone stays in its place. The new index entry
    /// comes before the old one goes, so that whoever goes through the index finds one of them.
    pub(crate) fn rename(
        &mut self,
        moment: &Moment<'_>,
        key: &Key,
        hash: u64,
        mut renewed: Item,
    ) -> Result<(), Full> {
        self.clear_expired(moment, &renewed.key, renewed.hash);
        let before = self.items.get(key, hash).map_or(0, Item::cost);
        let after = renewed.cost();
        self.make_room(moment, |moment| moment.budget.resize(before, after))?;
        let grave = grave(EndReason::Renewed, moment);
        if let Some(journal) = moment.journal {
            journal.rename(key, grave, &mut renewed);
        }
        self.place(moment, renewed);
        self.take_out(moment, key, hash, Some(grave));
        Ok(())
    }

    /// Puts an item in its place; room for it has been made.
    fn place(&mut self, moment: &Moment<'_>, mut item: Item) {
        item.due = self.expiry.add(item.expires, item.hash);
        if let Some(session) = item.key.session() {
            moment.index.change(session, None, item.principal());
        }
        self.items.insert(item);
    }

    /// Puts a new content into a live item.
    pub(crate) fn replace(
        &mut self,
        moment: &Moment<'_>,
        key: &Key,
        hash: u64,
        content: Content,
    ) -> Result<(), Full> {
        let Some(item) = self.items.get(key, hash) else {
            return Ok(());
        };
        let (before, after) = (item.cost(), item.cost_with(&content));
        self.make_room(moment, |moment| moment.budget.resize(before, after))?;
        let Some(item) = self.items.get_mut(key, hash) else {
            return Ok(());
        };
        let before = item.principal().copied();
        item.replace(content, moment.now);
        if let Some(session) = item.key.session() {
            moment
                .index
                .change(session, before.as_ref(), item.principal());
        }
        if item.expires < item.due {
            self.expiry.remove(item.due, hash);
            item.due = self.expiry.add(item.expires, hash);
        }
        if let Some(journal) = moment.journal {
            journal.put(item);
        }
        Ok(())
    }

    /// Whether neither an item nor a tombstone has this key.
    pub(crate) fn is_free(&self, moment: &Moment<'_>, key: &Key, hash: u64) -> bool {
        let item = self.items.get(key, hash);
        let is_live = item.is_some_and(|item| item.is_live(moment.now));
        !is_live && self.ended(moment, key, hash).is_none()
    }

    /// Takes an item out; whoever waits for its lock is woken. With a reason, a tombstone stays.
    pub(crate) fn remove(
        &mut self,
        moment: &Moment<'_>,
        key: &Key,
        hash: u64,
        reason: Option<EndReason>,
    ) {
        let grave = reason.map(|reason| grave(reason, moment));
        let Some(cost) = self.take_out(moment, key, hash, grave) else {
            return;
        };
        moment.budget.dismiss(cost);
        if let Some(journal) = moment.journal {
            journal.remove(key, grave.filter(|_| key.session().is_some()));
        }
    }

    /// Takes an item out that has expired.
    fn expire(&mut self, moment: &Moment<'_>, key: &Key, hash: u64) {
        if let Some(cost) = self.take_out(moment, key, hash, None) {
            moment.budget.dismiss(cost);
            if let Some(journal) = moment.journal {
                journal.expire(key);
            }
        }
    }

    /// As [`remove`](Self::remove), but the room stays reserved. Returns how much it is.
    fn take_out(
        &mut self,
        moment: &Moment<'_>,
        key: &Key,
        hash: u64,
        grave: Option<Grave>,
    ) -> Option<usize> {
        let item = self.items.remove(key, hash)?;
        self.expiry.remove(item.due, hash);
        if let Some(session) = item.key.session() {
            moment.index.change(session, item.principal(), None);
            if let Some(grave) = grave {
                self.tombstones.add(*session, hash, grave, moment);
            }
        }
        Some(item.cost())
    }

    /// Removes the item under `key` if it has expired.
    fn clear_expired(&mut self, moment: &Moment<'_>, key: &Key, hash: u64) {
        let item = self.items.get(key, hash);
        if item.is_some_and(|item| !item.is_live(moment.now)) {
            self.expire(moment, key, hash);
        }
    }

    /// Asks for room; if there is none, once more after everything that has expired is gone.
    fn make_room<'m>(
        &mut self,
        moment: &Moment<'m>,
        ask: impl Fn(&Moment<'m>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.tidy(moment, Self::SIDE_STEPS);
        if ask(moment).is_ok() {
            return Ok(());
        }
        self.tidy(moment, usize::MAX);
        ask(moment)
    }

    /// Looks at up to `limit` items that are due, and takes back those that have expired.
    /// Returns how many were looked at.
    pub(crate) fn tidy(&mut self, moment: &Moment<'_>, limit: usize) -> usize {
        self.tombstones.trim(moment, limit);
        let mut looked = 0;
        while looked < limit
            && let Some((due, hash)) = self.expiry.first(moment.now)
        {
            looked += 1;
            self.expiry.remove(due, hash);
            let Some(item) = self.items.due_mut(due, hash) else {
                continue;
            };
            if item.is_live(moment.now) {
                item.due = self.expiry.add(item.expires, hash);
            } else {
                let key = item.key.clone();
                self.expire(moment, &key, hash);
            }
        }
        looked
    }

    /// Puts an item in its place that was read from the disk.
    pub(crate) fn restore(&mut self, moment: &Moment<'_>, item: Item) -> Result<(), Full> {
        moment.budget.admit(item.cost())?;
        self.place(moment, item);
        Ok(())
    }

    /// Puts a tombstone up again that was read from the disk. They come in the order in which
    /// they expire.
    pub(crate) fn restore_tombstone(
        &mut self,
        moment: &Moment<'_>,
        session: [u8; 32],
        hash: u64,
        mut grave: Grave,
    ) {
        grave.until = grave.until.min(Tombstones::end(moment.now));
        if self.items.get(&Key::Session(session), hash).is_none() {
            self.tombstones.add(session, hash, grave, moment);
        }
    }

    /// Takes note of the touches that the disk was not told of.
    pub(crate) fn keep_touches(&mut self, moment: &Moment<'_>) {
        let Some(journal) = moment.journal else {
            return;
        };
        for item in self.items.iter_mut().filter(|item| item.unsaved > 0) {
            journal.life(item, LifeChange::Touch);
        }
    }

    /// Gives memory back after many items have gone.
    pub(crate) fn shrink(&mut self) {
        self.items.shrink();
        self.tombstones.shrink();
    }
}

/// A tombstone that is put up now.
fn grave(reason: EndReason, moment: &Moment<'_>) -> Grave {
    Grave {
        reason,
        until: Tombstones::end(moment.now),
    }
}
