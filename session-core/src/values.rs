//! A session's values: the encoded map as it was loaded, and what this request did to it.
//!
//! Values are encoded as one MessagePack map, key to value. [`Values`] keeps the loaded bytes
//! as they are and finds a key by walking the map, without decoding the rest. Changes are kept
//! in an overlay beside it, which is at the same time the change log: merging after a conflict
//! means to apply the overlay to the newer map.

mod change;
mod codec;
mod key;
mod map;
mod splice;

use bytes::Bytes;

use self::change::Change;
pub(crate) use self::change::Step;
pub(crate) use self::codec::{decode, encode};
pub use self::key::{Key, OnConflict, SessionKey};
pub(crate) use self::key::{MAX_AGE, PRINCIPAL, check_name, is_reserved};
pub(crate) use self::map::Map;
use self::splice::Splice;

/// Values of a session with the changes that a request made.
#[derive(Default)]
pub(crate) struct Values {
    base: Map,
    /// Whether the base's own keys (reserved ones apart) are gone.
    cleared: bool,
    entries: Vec<Entry>,
}

/// What a request did to one key, or relies on.
struct Entry {
    key: Box<str>,
    change: Change,
    /// Whether a merge must find the key as it was in the base.
    guarded: bool,
}

/// A merge found that a guarded key had changed, or an update refused the newer value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) key: Box<str>,
}

/// What a merge came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// How many plain inserts or removals replaced a value that somebody else had written
    /// meanwhile.
    pub(crate) overwritten: usize,
}

impl Values {
    pub(crate) fn new(base: Map) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// The values as they were loaded.
    pub(crate) fn base(&self) -> &Map {
        &self.base
    }

    /// The encoded value of `key` as this request sees it.
    pub(crate) fn get(&self, key: &str) -> Option<Bytes> {
        match self
            .entry(key.as_bytes())
            .and_then(|entry| entry.change.value())
        {
            Some(value) => value.cloned(),
            None => self.inherited(key),
        }
    }

    /// The keys as this request sees them, reserved ones apart.
    pub(crate) fn keys(&self) -> Vec<String> {
        let kept = self.base.iter().map(|(key, _)| key);
        let kept = kept
            .filter(|key| self.survives(key) && self.entry(key).is_none_or(Entry::is_unchanged));
        let written = self.entries.iter().filter_map(Entry::written);
        kept.chain(written.map(|(key, _)| key))
            .filter(|key| !is_reserved(key))
            .filter_map(|key| std::str::from_utf8(key).ok())
            .map(str::to_owned)
            .collect()
    }

    /// Whether anything would be different in the store.
    pub(crate) fn is_changed(&self) -> bool {
        self.cleared || self.entries.iter().any(|entry| !entry.is_unchanged())
    }

    /// Whether `key` has a change of its own.
    pub(crate) fn changes(&self, key: &str) -> bool {
        self.entry(key.as_bytes())
            .is_some_and(|entry| !entry.is_unchanged())
    }

    pub(crate) fn insert(&mut self, key: &str, value: Bytes, on_conflict: OnConflict) {
        let entry = self.entry_mut(key);
        entry.change = Change::Put(value);
        entry.guarded |= on_conflict == OnConflict::Reject;
    }

    /// Removes a key and returns what stood there. A key that is not there is no change.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Bytes> {
        let value = self.get(key)?;
        if self.inherited(key).is_some() {
            self.entry_mut(key).change = Change::Removed;
        } else {
            self.entry_mut(key).change = Change::Unchanged;
            self.entries.retain(Entry::matters);
        }
        Some(value)
    }

    /// Removes a key; a merge fails if its value is not the one returned.
    pub(crate) fn take(&mut self, key: &str) -> Option<Bytes> {
        let inherits = self.inherits(key);
        let value = self.remove(key)?;
        if inherits {
            self.guard(key);
        }
        Some(value)
    }

    /// Makes a merge fail if the value of `key` in the store is not what this request saw.
    pub(crate) fn guard(&mut self, key: &str) {
        self.entry_mut(key).guarded = true;
    }

    /// Computes the value of `key` from the one before, now and again on every merge.
    ///
    /// `current` is what `step` made of the value as this request sees it.
    pub(crate) fn update(&mut self, key: &str, step: Step, current: Bytes) {
        let inherits = self.inherits(key);
        let entry = self.entry_mut(key);
        if inherits {
            entry.change.push_step(step, current);
        } else {
            entry.change = Change::Put(current);
        }
    }

    /// Removes every key that is not reserved.
    pub(crate) fn clear(&mut self) {
        self.cleared |= self.base.iter().any(|(key, _)| !is_reserved(key));
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| !is_reserved(entry.key.as_bytes()))
        {
            entry.change = Change::Unchanged;
        }
        self.entries.retain(Entry::matters);
    }

    /// Puts `newer` under the changes, running updates again.
    pub(crate) fn merge(&mut self, newer: Map) -> Result<Merged, Conflict> {
        let mut merged = Merged::default();
        for entry in &mut self.entries {
            let before = self.base.get(&entry.key);
            let now = newer.get(&entry.key);
            let differs = before != now;
            if entry.guarded && differs {
                return Err(entry.conflict());
            }
            match &mut entry.change {
                Change::Unchanged => {}
                Change::Put(_) | Change::Removed => merged.overwritten += usize::from(differs),
                Change::Updated(update) => {
                    let replayed = update.replay(now);
                    if replayed.is_none() {
                        return Err(entry.conflict());
                    }
                }
            }
        }
        self.base = newer;
        Ok(merged)
    }

    /// The map with the changes spliced in, reserved keys first.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let added = self.entries.iter().filter_map(Entry::written);
        let size = added.map(|(key, value)| key.len() + value.len()).sum();
        let mut splice = self.base.splice(self.entries.len(), size);
        self.splice_written(&mut splice, true);
        for (key, encoded) in self.base.entries() {
            if self.survives(key) && self.entry(key).is_none_or(Entry::is_unchanged) {
                splice.keep(encoded);
            }
        }
        self.splice_written(&mut splice, false);
        splice.finish()
    }

    fn splice_written(&self, splice: &mut Splice, reserved: bool) {
        for (key, value) in self.entries.iter().filter_map(Entry::written) {
            if is_reserved(key) == reserved {
                splice.add(key, value);
            }
        }
    }

    fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.key.as_bytes() == key)
    }

    fn entry_mut(&mut self, key: &str) -> &mut Entry {
        let index = self.entries.iter().position(|entry| &*entry.key == key);
        let index = index.unwrap_or_else(|| {
            self.entries.push(Entry::new(key));
            self.entries.len() - 1
        });
        &mut self.entries[index]
    }

    /// Whether the value that this request sees under `key` comes from the store, updated or
    /// not.
    fn inherits(&self, key: &str) -> bool {
        self.survives(key.as_bytes())
            && match self.entry(key.as_bytes()).map(|entry| &entry.change) {
                None | Some(Change::Unchanged | Change::Updated(_)) => true,
                Some(Change::Put(_) | Change::Removed) => false,
            }
    }

    fn inherited(&self, key: &str) -> Option<Bytes> {
        self.survives(key.as_bytes())
            .then(|| self.base.get(key))
            .flatten()
    }

    fn survives(&self, key: &[u8]) -> bool {
        !self.cleared || is_reserved(key)
    }
}

impl Entry {
    fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            change: Change::Unchanged,
            guarded: false,
        }
    }

    fn is_unchanged(&self) -> bool {
        matches!(self.change, Change::Unchanged)
    }

    fn matters(&self) -> bool {
        self.guarded || !self.is_unchanged()
    }

    /// The key and the value that it has now, if it was given one.
    fn written(&self) -> Option<(&[u8], &[u8])> {
        let value = self.change.value()??;
        Some((self.key.as_bytes(), value))
    }

    fn conflict(&self) -> Conflict {
        Conflict {
            key: self.key.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
