//! The sessions of each principal.

use std::collections::BTreeSet;
use std::ops::Bound;

use parking_lot::Mutex;
use session_core::{PrincipalKey, StoreKey};

/// Which sessions belong to whom.
///
/// Entries change with the lock of the session's shard held, so the index always agrees with
/// the sessions. Its own locks are the innermost: nothing is locked while one of them is held.
pub(crate) struct Index([Mutex<BTreeSet<Entry>>; Self::PARTS]);

/// The first bytes of a principal, and a session that may be theirs. Whether it is, the session
/// itself tells; the whole principal here would double the index.
type Entry = (u64, StoreKey);

impl Index {
    const PARTS: usize = 16;

    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    /// Takes note that the session of `before` is now that of `after`. The new entry comes
    /// first, so that whoever looks finds one of them.
    pub(crate) fn change(
        &self,
        before: Option<(PrincipalKey, StoreKey)>,
        after: Option<(PrincipalKey, StoreKey)>,
    ) {
        let entry = |(principal, key)| (prefix(&principal), key);
        let (before, after) = (before.map(entry), after.map(entry));
        if before == after {
            return;
        }
        if let Some(entry) = after {
            self.part(entry.0).lock().insert(entry);
        }
        if let Some(entry) = before {
            self.part(entry.0).lock().remove(&entry);
        }
    }

    /// Up to `limit` keys of sessions that may be a principal's, in order, after the key
    /// `after`.
    pub(crate) fn keys(
        &self,
        principal: PrincipalKey,
        after: Option<StoreKey>,
        limit: usize,
    ) -> Vec<StoreKey> {
        let prefix = prefix(&principal);
        let start = match after {
            Some(key) => Bound::Excluded((prefix, key)),
            None => Bound::Included((prefix, StoreKey::from_bytes([0; StoreKey::LENGTH]))),
        };
        let entries = self.part(prefix).lock();
        entries
            .range((start, Bound::Unbounded))
            .take_while(|(owner, _)| *owner == prefix)
            .take(limit)
            .map(|(_, key)| *key)
            .collect()
    }

    fn part(&self, prefix: u64) -> &Mutex<BTreeSet<Entry>> {
        &self.0[(prefix % Self::PARTS as u64) as usize]
    }
}

fn prefix(principal: &PrincipalKey) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&principal.as_bytes()[..8]);
    u64::from_be_bytes(first)
}
