//! [`KeyRingError`]: a key ring cannot be had, and what to do about it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::crypto::RandomError;

/// What kind of failure a [`KeyRingError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyRingErrorKind {
    /// Nothing is configured.
    NotConfigured,
    /// More than one source is configured.
    Ambiguous,
    /// There is no ring where one was expected. No ring was made.
    NotFound,
    /// The process may not read, or may not write, where it has to.
    Permission,
    /// Somebody else may read or replace the ring: owner, mode or symbolic link.
    Untrusted,
    /// Reading or writing failed.
    Io,
    /// Another process holds the lock for creating the ring.
    Locked,
    /// Not the text of a ring, a key token, or a pair of hexadecimal keys.
    Malformed,
    /// The check digits or the digest do not fit: cut short, or edited.
    Check,
    /// The ring is readable and breaks a rule: no sealing key, two keys of one date, …
    Invalid,
    /// A key that can be guessed, or that is published somewhere.
    WeakKey,
    /// The ring is older than the one that this process has already used.
    Outdated,
    /// A ring was to be created where something is already. Nothing was changed.
    AlreadyExists,
    /// The ring does not allow this change: no such key, or no key would be left that seals.
    /// Nothing was changed.
    Refused,
    /// The ring does not come from a file, and so cannot be changed in place.
    NotAFile,
    /// The random source of the operating system failed.
    Random,
}

impl KeyRingErrorKind {
    /// The name as it stands in logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Ambiguous => "ambiguous",
            Self::NotFound => "not_found",
            Self::Permission => "permission",
            Self::Untrusted => "untrusted",
            Self::Io => "io",
            Self::Locked => "locked",
            Self::Malformed => "malformed",
            Self::Check => "check",
            Self::Invalid => "invalid",
            Self::WeakKey => "weak_key",
            Self::Outdated => "outdated",
            Self::AlreadyExists => "already_exists",
            Self::Refused => "refused",
            Self::NotAFile => "not_a_file",
            Self::Random => "random",
        }
    }
}

/// A key ring cannot be opened, created or refreshed.
///
/// The message is one sentence that names what was looked at and the fix. It never contains key
/// material.
pub struct KeyRingError(Box<Inner>);

struct Inner {
    kind: KeyRingErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl KeyRingError {
    pub(super) fn new(kind: KeyRingErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, with where it was found in front of it.
    pub(crate) fn within(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message).into();
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> KeyRingErrorKind {
        self.0.kind
    }
}

impl From<RandomError> for KeyRingError {
    fn from(error: RandomError) -> Self {
        Self::new(KeyRingErrorKind::Random, "no key can be made").with_source(error)
    }
}

/// As `Display`, because this is what a `main` that returns the error prints.
impl fmt::Debug for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for KeyRingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
