//! The items of a shard by key.

use hashbrown::HashTable;

use super::item::Item;
use super::key::Key;
use super::moment::Tick;

#[derive(Default)]
pub(super) struct Table(HashTable<Box<Item>>);

impl Table {
    /// Below this there is nothing worth giving back.
    const MIN_SHRINK: usize = 64;

    pub(super) fn get(&self, key: &Key, hash: u64) -> Option<&Item> {
        let item = self.0.find(hash, |item| item.key == *key);
        item.map(|item| &**item)
    }

    pub(super) fn get_mut(&mut self, key: &Key, hash: u64) -> Option<&mut Item> {
        let item = self.0.find_mut(hash, |item| item.key == *key);
        item.map(|item| &mut **item)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        self.0.iter_mut().map(|item| &mut **item)
    }

    /// The item that stands in the expiry order under `due` and `hash`.
    pub(super) fn due_mut(&mut self, due: Tick, hash: u64) -> Option<&mut Item> {
        let item = self
            .0
            .find_mut(hash, |item| item.due == due && item.hash == hash);
        item.map(|item| &mut **item)
    }

    /// Adds an item under a key that is free.
    pub(super) fn insert(&mut self, item: Item) {
        let hash = item.hash;
        self.0
            .insert_unique(hash, Box::new(item), |other| other.hash);
    }

    pub(super) fn remove(&mut self, key: &Key, hash: u64) -> Option<Item> {
        let entry = self.0.find_entry(hash, |item| item.key == *key).ok()?;
        let (item, _) = entry.remove();
        Some(*item)
    }

    /// Gives memory back after many items have gone.
    pub(super) fn shrink(&mut self) {
        let wanted = (self.0.len() * 2).max(Self::MIN_SHRINK);
        if self.0.capacity() > wanted * 4 {
            self.0.shrink_to(wanted, |item| item.hash);
        }
    }
}
