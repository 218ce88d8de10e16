//! Why something that a client sent, or a store kept, was not accepted.

use std::fmt;

/// The closed list of causes for which a token, an envelope or a record is rejected.
///
/// Causes appear in logs and metrics, never in responses: to a client all rejections look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Not the shape that we write: wrong length, wrong alphabet, truncated.
    Malformed,
    /// A version byte that this build does not know.
    UnknownVersion,
    /// Made with a key that is not in the ring.
    UnknownKey,
    /// Made with a key whose time to open is over.
    RetiredKey,
    /// Made with a key that was revoked.
    RevokedKey,
    /// The key is known and the tag does not fit: edited, or made for another application,
    /// cookie name or purpose.
    BadSignature,
    /// Past its lifetime.
    Expired,
    /// Well signed, and the store has no such session.
    NotInStore,
    /// The store could not be asked.
    StoreUnavailable,
    /// Opened, and what was inside is not a session of this library.
    Undecodable,
    /// Larger than the configured limit.
    TooLarge,
}

impl Cause {
    /// The name as it stands in logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::UnknownKey => "unknown_key",
            Self::RetiredKey => "retired_key",
            Self::RevokedKey => "revoked_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotInStore => "not_in_store",
            Self::StoreUnavailable => "store_unavailable",
            Self::Undecodable => "undecodable",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Cause {}
