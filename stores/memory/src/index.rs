//! The sessions of each principal.

use std::collections::BTreeSet;
use std::ops::Bound;

use parking_lot::Mutex;
use session_core::{PrincipalKey, StoreKey};

/// Which sessions belong to whom.
///
/// Entries change with the lock of the session's shard held, so the index always agrees with
/// the sessions. Its own locks are the innermost: nothing is locked while one of them is held.
pub(crate) struct Index([Mutex<Entries>; Self::PARTS]);

type Entries = BTreeSet<(PrincipalKey, StoreKey)>;

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
        if before == after {
            return;
        }
        if let Some(entry) = after {
            self.part(&entry.0).lock().insert(entry);
        }
        if let Some(entry) = before {
            self.part(&entry.0).lock().remove(&entry);
        }
    }

    /// Up to `limit` keys of a principal's sessions, in order, after the key `after`.
    pub(crate) fn keys(
        &self,
        principal: PrincipalKey,
        after: Option<StoreKey>,
        limit: usize,
    ) -> Vec<StoreKey> {
        let start = match after {
            Some(key) => Bound::Excluded((principal, key)),
            None => Bound::Included((principal, StoreKey::from_bytes([0; StoreKey::LENGTH]))),
        };
        let entries = self.part(&principal).lock();
        entries
            .range((start, Bound::Unbounded))
            .take_while(|(owner, _)| *owner == principal)
            .take(limit)
            .map(|(_, key)| *key)
            .collect()
    }

    fn part(&self, principal: &PrincipalKey) -> &Mutex<Entries> {
        &self.0[usize::from(principal.as_bytes()[0]) % Self::PARTS]
    }
}
