//! The sessions of each principal.

use std::collections::BTreeSet;
use std::ops::Bound;

use parking_lot::Mutex;

/// A principal's or a session's key.
type Bytes32 = [u8; 32];

/// Which sessions belong to whom.
///
/// Entries change with the lock of the session's shard held, so the index always agrees with
/// the sessions. Its own locks are the innermost: nothing is locked while one of them is held.
#[derive(Default)]
pub(crate) struct Index([Mutex<BTreeSet<Entry>>; PARTS]);

/// The first bytes of a principal, and a session that may be theirs. Whether it is, the session
/// itself tells; the whole principal here would double the index.
type Entry = (u64, Bytes32);

const PARTS: usize = 16;

impl Index {
    /// What an entry costs in bytes.
    pub(super) const ENTRY: usize = 80;

    /// Takes note of the new owner of a session. The new entry comes first, so that whoever
    /// looks finds one of them.
    pub(super) fn change(
        &self,
        session: &Bytes32,
        before: Option<&Bytes32>,
        after: Option<&Bytes32>,
    ) {
        if before == after {
            return;
        }
        if let Some(principal) = after {
            let prefix = prefix(principal);
            self.part(prefix).lock().insert((prefix, *session));
        }
        if let Some(principal) = before {
            let prefix = prefix(principal);
            self.part(prefix).lock().remove(&(prefix, *session));
        }
    }

    /// Up to `limit` keys of sessions that may be a principal's, in order, after the key
    /// `after`.
    pub(crate) fn keys(
        &self,
        principal: &Bytes32,
        after: Option<Bytes32>,
        limit: usize,
    ) -> Vec<Bytes32> {
        let prefix = prefix(principal);
        let start = match after {
            Some(key) => Bound::Excluded((prefix, key)),
            None => Bound::Included((prefix, [0; 32])),
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
        &self.0[(prefix % PARTS as u64) as usize]
    }
}

fn prefix(principal: &Bytes32) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&principal[..8]);
    u64::from_be_bytes(first)
}
