//! [`StoreError`]: something broke.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::error::{SessionError, SessionErrorKind};

/// What kind of failure a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached. Counts for the circuit breaker.
    Unavailable,
    /// The store did not answer in time; what was asked may or may not have happened. Counts
    /// for the circuit breaker.
    TimedOut,
    /// The store refused us: wrong password, missing permission, read-only.
    Refused,
    /// The store has no room for another session. Nothing was evicted.
    Full,
    /// The record is larger than the store takes.
    TooLarge,
    /// The store answered with something that is not ours.
    Corrupt,
    /// The store cannot do this (a foreign server without an index, say).
    Unsupported,
    /// Anything else.
    Other,
}

impl StoreErrorKind {
    /// The name as it stands in logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }
}

/// A store operation failed. Absence, conflict and a held lock are not failures; they are
/// outcomes of the operation.
pub struct StoreError(Box<Inner>);

struct Inner {
    kind: StoreErrorKind,
    store: &'static str,
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of the store that calls itself `store`. The message says what failed and what
    /// to look at; it contains no key, payload or password.
    pub fn new(
        kind: StoreErrorKind,
        store: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            store,
            message: message.into(),
            source: None,
        }))
    }

    /// The same error with what lies behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// The store's name, as [`SessionStore::name`](crate::SessionStore::name) gives it.
    #[must_use]
    pub fn store(&self) -> &'static str {
        self.0.store
    }

    /// Whether the store could not be reached or did not answer in time.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self.0.kind,
            StoreErrorKind::Unavailable | StoreErrorKind::TimedOut
        )
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.0.kind)
            .field("store", &self.0.store)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} store: {}", self.0.store, self.0.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::new(SessionErrorKind::Unavailable, "the session store failed").with_source(error)
    }
}
