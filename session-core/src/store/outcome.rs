//! What the operations of a store can come to.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::id::{PrincipalKey, StoreKey};
use crate::record::{EndReason, Loaded, Revision};

/// Outcome of [`create`](crate::SessionStore::create).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// The record is there, at [`Revision::FIRST`].
    Created(Revision),
    /// The key is taken; nothing changed.
    AlreadyExists,
}

/// Outcome of [`load`](crate::SessionStore::load).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// A live session.
    Found(Loaded),
    /// No such session, or it has expired.
    Absent,
    /// The session was ended; a tombstone stands in its place.
    Ended(EndReason),
}

/// Outcome of [`save`](crate::SessionStore::save) and [`rename`](crate::SessionStore::rename).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// Done; this is the new revision, one more than the base.
    Saved(Revision),
    /// Somebody else wrote meanwhile; this is what they wrote.
    Stale(Loaded),
    /// No such session, or it has expired.
    Missing,
    /// The session was ended.
    Ended(EndReason),
    /// Somebody holds the lease, or the token that was given does not hold it any more.
    Leased,
}

/// Outcome of [`touch`](crate::SessionStore::touch).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// The session is live, and its expiry is where it should be.
    Touched,
    /// No such session, expired, or ended.
    Missing,
}

/// Outcome of [`acquire`](crate::SessionStore::acquire).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquire {
    /// The lease is ours, and this is the record.
    Acquired(LeaseToken, Loaded),
    /// Somebody else held the lease until the wait was over.
    Busy,
    /// No such session, or it has expired.
    Absent,
    /// The session was ended, perhaps while we waited.
    Ended(EndReason),
}

/// Outcome of [`extend`](crate::SessionStore::extend).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extend {
    /// The lease goes on.
    Extended,
    /// The lease had run out, was broken, or belongs to somebody else.
    Lost,
}

/// The proof of a lease; grows with every lease of the same session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(u64);

impl LeaseToken {
    /// A token from its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a write has to do with a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseUse {
    /// The writer has none.
    None,
    /// The writer holds this one and keeps it.
    Hold(LeaseToken),
    /// The writer holds this one and gives it back with the write.
    Release(LeaseToken),
}

impl LeaseUse {
    /// The token, if there is one.
    #[must_use]
    pub const fn token(self) -> Option<LeaseToken> {
        match self {
            Self::None => None,
            Self::Hold(token) | Self::Release(token) => Some(token),
        }
    }
}

/// One session in a [`Page`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: StoreKey,
    /// Its current revision.
    pub revision: Revision,
    /// Its labels, as they are in the record.
    pub labels: Bytes,
    /// When it was created, as in the record.
    pub created: Timestamp,
    /// Its absolute deadline, as in the record.
    pub deadline: Timestamp,
    /// Time until it expires if nobody touches it.
    pub time_left: Duration,
}

/// Part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The sessions, at most 100, in an order of the store's choosing.
    pub sessions: Vec<Listed>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a listing; its contents are the store's business.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(Bytes);

impl Cursor {
    /// A cursor from a store's own bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The store's own bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(..)")
    }
}

/// A session that a sweep removed because it had expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Its key.
    pub key: StoreKey,
    /// Whom it belonged to.
    pub principal: Option<PrincipalKey>,
}

/// A control row: ring fingerprints, heartbeats, server lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaRow {
    /// The value.
    pub value: Bytes,
    /// Its version: 1 when it was first written, one more with each write.
    pub version: Revision,
}

/// Outcome of [`meta_compare_and_set`](crate::SessionStore::meta_compare_and_set).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaSet {
    /// Written; this is the new version.
    Written(Revision),
    /// The row is not at the expected version; this is what is there.
    Conflict(Option<MetaRow>),
}

/// Answer to [`ping`](crate::SessionStore::ping).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// How long the answer took.
    pub latency: Duration,
    /// Whether the store takes writes.
    pub role: Role,
    /// The store's clock when it answered.
    pub store_time: Timestamp,
}

/// Whether a store takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It does.
    Primary,
    /// It is a replica or otherwise read-only.
    ReadOnly,
}

/// Who can see the records of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This process alone. Payloads are not sealed; any ring will do.
    Process,
    /// Other processes or machines. Payloads are sealed; an ephemeral ring is refused.
    Shared,
}
