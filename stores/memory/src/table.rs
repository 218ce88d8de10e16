//! The sessions of a shard by key.

use hashbrown::HashTable;
use session_core::StoreKey;

use crate::moment::Tick;
use crate::session::Session;

#[derive(Default)]
pub(crate) struct Table(HashTable<Box<Session>>);

/// The hash of a key: eight of its own bytes, for it is uniformly distributed already. The
/// route, which chooses the shard, is not among them.
pub(crate) fn hash(key: &StoreKey) -> u64 {
    let bytes = key.as_bytes();
    let mut last = [0; 8];
    last.copy_from_slice(&bytes[StoreKey::LENGTH - 8..]);
    u64::from_be_bytes(last)
}

impl Table {
    /// Below this there is nothing worth giving back.
    const MIN_SHRINK: usize = 64;

    pub(crate) fn get(&self, key: &StoreKey) -> Option<&Session> {
        let session = self.0.find(hash(key), |session| session.key == *key);
        session.map(|session| &**session)
    }

    pub(crate) fn get_mut(&mut self, key: &StoreKey) -> Option<&mut Session> {
        let session = self.0.find_mut(hash(key), |session| session.key == *key);
        session.map(|session| &mut **session)
    }

    pub(crate) fn live(&self, key: &StoreKey, now: Tick) -> Option<&Session> {
        self.get(key).filter(|session| session.is_live(now))
    }

    pub(crate) fn live_mut(&mut self, key: &StoreKey, now: Tick) -> Option<&mut Session> {
        self.get_mut(key).filter(|session| session.is_live(now))
    }

    /// The session that stands in the expiry order under `due` and `hash`.
    pub(crate) fn due_mut(&mut self, due: Tick, hashed: u64) -> Option<&mut Session> {
        let session = self.0.find_mut(hashed, |session| {
            session.due == due && hash(&session.key) == hashed
        });
        session.map(|session| &mut **session)
    }

    /// Adds a session under a key that is free.
    pub(crate) fn insert(&mut self, session: Session) {
        let hashed = hash(&session.key);
        self.0
            .insert_unique(hashed, Box::new(session), |other| hash(&other.key));
    }

    pub(crate) fn remove(&mut self, key: &StoreKey) -> Option<Session> {
        let entry = self
            .0
            .find_entry(hash(key), |session| session.key == *key)
            .ok()?;
        let (session, _) = entry.remove();
        Some(*session)
    }

    /// Gives memory back after many sessions have gone.
    pub(crate) fn shrink(&mut self) {
        let wanted = (self.0.len() * 2).max(Self::MIN_SHRINK);
        if self.0.capacity() > wanted * 4 {
            self.0.shrink_to(wanted, |session| hash(&session.key));
        }
    }
}
