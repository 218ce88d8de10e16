//! What a store keeps under a key.

mod canonical;

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::id::PrincipalKey;

/// The number of a session's current state: 1 when it is created, one more with each save or
/// rename. Every write names the revision that it was based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(NonZeroU64);

impl Revision {
    /// The revision of a session that was just created.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// A revision from its number; `None` for zero.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One session as a store keeps it. To a store all of it is opaque.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The encoded values, sealed where the record leaves the process.
    pub payload: Bytes,
    /// Small public attributes (such as the device name), sealed where they leave the process.
    /// Empty if there are none.
    pub labels: Bytes,
    /// Whom the session belongs to, if anybody. The principal index is kept by this.
    pub principal: Option<PrincipalKey>,
    /// When the session was created.
    pub created: Timestamp,
    /// When the session ends whatever happens. Authenticated by the seal of the payload; a
    /// store keeps it and does not act on it, it acts on [`Lifetime::absolute`].
    pub deadline: Timestamp,
}

impl Record {
    /// The bytes that count against a store's size limits.
    #[must_use]
    pub fn size(&self) -> usize {
        self.payload.len() + self.labels.len()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("payload_bytes", &self.payload.len())
            .field("labels_bytes", &self.labels.len())
            .field("has_principal", &self.principal.is_some())
            .field("created", &self.created)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// How long a session has to live, as durations: only the store's clock turns them into times.
///
/// A record expires at the store's now plus the lower of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The idle length. The store keeps it, and a touch extends by it. Milliseconds resolution.
    pub idle: Duration,
    /// The time left until the absolute deadline.
    pub absolute: Duration,
}

/// A record as it was found, with what the store knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// Its current revision.
    pub revision: Revision,
    /// The idle length that the store keeps for it.
    pub idle: Duration,
    /// Time until it expires if nobody touches it.
    pub time_left: Duration,
    /// The store's clock when it answered.
    pub store_time: Timestamp,
}

impl Loaded {
    /// A record as it is found right after it was written.
    pub(crate) fn fresh(
        record: Record,
        revision: Revision,
        lifetime: Lifetime,
        store_time: Timestamp,
    ) -> Self {
        Self {
            record,
            revision,
            idle: lifetime.idle,
            time_left: lifetime.idle.min(lifetime.absolute),
            store_time,
        }
    }
}

/// Why a session is no more, or no more under this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// It goes on under another id.
    Renewed,
    /// Its own user ended it.
    Destroyed,
    /// Somebody ended it from outside: an administrator, or its user from another session.
    Revoked,
}

impl EndReason {
    /// The name as it stands in logs, metric labels and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Destroyed => "destroyed",
            Self::Revoked => "revoked",
        }
    }
}
