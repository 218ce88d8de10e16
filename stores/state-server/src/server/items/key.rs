//! Keys of items.

use std::hash::{BuildHasher, RandomState};

/// The key of an item.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A session of our own client, by its store key.
    Session([u8; 32]),
    /// An item of a foreign client, by its path.
    Foreign(Box<[u8]>),
}

/// Hashes keys.
#[derive(Default)]
pub(crate) struct Keys(RandomState);

impl Keys {
    /// Store keys are uniform already; foreign ones are anything.
    pub(crate) fn hash(&self, key: &Key) -> u64 {
        match key {
            Key::Session(bytes) => {
                let mut last = [0; 8];
                last.copy_from_slice(&bytes[24..]);
                u64::from_be_bytes(last)
            }
            Key::Foreign(path) => self.0.hash_one(path),
        }
    }

    /// A number that chooses the shard. It is the route of a store key, so a renewed session
    /// stays in its shard; the hash is independent of it.
    pub(crate) fn route(&self, key: &Key) -> usize {
        match key {
            Key::Session(bytes) => usize::from(u16::from_be_bytes([bytes[0], bytes[1]])),
            Key::Foreign(path) => (self.0.hash_one(path) >> 32) as usize,
        }
    }
}

impl Key {
    pub(crate) fn session(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Session(bytes) => Some(bytes),
            Self::Foreign(_) => None,
        }
    }

    /// The memory that it takes outside of the item.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Session(_) => 0,
            Self::Foreign(path) => path.len() + 16,
        }
    }
}
