//! [`SessionError`]: why a session could not be read, changed or saved.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::crypto::RandomError;

/// What kind of failure a [`SessionError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The adapter's layer or middleware is not there.
    LayerMissing,
    /// An argument is out of its range: a key's name, a timeout.
    InvalidArgument,
    /// A value could not be encoded.
    Encode,
    /// A stored value is not of the type that was asked for. The session itself is fine.
    Decode,
    /// The session is larger than the configured limit; nothing was saved.
    TooLarge,
    /// The response's head is on its way; use a `LiveSession` in streams and WebSockets.
    TooLate,
    /// Another request changed what this one relies on, or renewed the session's id; nothing
    /// was saved.
    Conflict,
    /// The session ended before a commit that the handler asked for; nothing was saved.
    Ended,
    /// The client sent two live sessions under one name; nothing was saved.
    Ambiguous,
    /// The client sent more cookies, or more lines of the session's header, than the session's
    /// token is looked for in.
    HeaderTooLarge,
    /// The store cannot be reached or failed.
    Unavailable,
    /// Somebody else holds the session's lease, or ours ran out.
    Busy,
    /// The client's token was made with a key that this process does not know yet.
    UnknownKey,
    /// This process's key ring is not that of its farm; no session is served.
    KeyRingDrift,
    /// The record cannot be opened or decoded. It was left as it is.
    Corrupt,
}

impl SessionErrorKind {
    /// The name as it stands in logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LayerMissing => "layer_missing",
            Self::InvalidArgument => "invalid_argument",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::TooLarge => "too_large",
            Self::TooLate => "too_late",
            Self::Conflict => "conflict",
            Self::Ended => "ended",
            Self::Ambiguous => "ambiguous",
            Self::HeaderTooLarge => "header_too_large",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::UnknownKey => "unknown_key",
            Self::KeyRingDrift => "key_ring_drift",
            Self::Corrupt => "corrupt",
        }
    }

    /// Whether the fault lies in how the application calls the library, and nowhere else.
    #[must_use]
    pub const fn is_misuse(self) -> bool {
        matches!(
            self,
            Self::LayerMissing
                | Self::InvalidArgument
                | Self::Encode
                | Self::Decode
                | Self::TooLate
        )
    }

    /// The status code that a client gets.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::LayerMissing
            | Self::InvalidArgument
            | Self::Encode
            | Self::Decode
            | Self::TooLarge
            | Self::TooLate
            | Self::Corrupt => 500,
            Self::Conflict | Self::Ended | Self::Ambiguous => 409,
            Self::HeaderTooLarge => 431,
            Self::Unavailable | Self::Busy | Self::UnknownKey | Self::KeyRingDrift => 503,
        }
    }
}

/// A session could not be read, changed or saved.
///
/// The message and the source are for logs; a client gets the [status](Self::status) and an
/// empty body.
pub struct SessionError {
    kind: SessionErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl SessionError {
    pub(crate) fn new(kind: SessionErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            kind,
            message,
            source: None,
        }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The error of an extractor that found no layer; `fix` says what to add.
    #[must_use]
    pub fn layer_missing(fix: &'static str) -> Self {
        Self::new(SessionErrorKind::LayerMissing, fix)
    }

    pub(crate) fn bad_key(name: &str) -> Self {
        let message =
            format!("{name:?} is not a key: names have 1 to 255 bytes and do not begin with '$'");
        Self::new(SessionErrorKind::InvalidArgument, message)
    }

    pub(crate) fn too_late() -> Self {
        let message = "the session was committed with the response's head; \
                       extract a LiveSession to write from a stream or a WebSocket";
        Self::new(SessionErrorKind::TooLate, message)
    }

    pub(crate) fn abandoned() -> Self {
        let message = "a task that had a handle of the session panicked; nothing was saved";
        Self::new(SessionErrorKind::TooLate, message)
    }

    pub(crate) fn unheard() -> Self {
        let message = "a commit failed that the handler had begun and did not wait for";
        Self::new(SessionErrorKind::Unavailable, message)
    }

    pub(crate) fn conflict(key: &str) -> Self {
        let message = format!("another request changed {key:?} meanwhile; nothing was saved");
        Self::new(SessionErrorKind::Conflict, message)
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// The status code that a client gets.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// How long a client should wait before it tries again, where that makes sense (503).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.status() == 503).then_some(Duration::from_secs(1))
    }
}

impl From<RandomError> for SessionError {
    fn from(_: RandomError) -> Self {
        let message = "the operating system's random source failed; no session was made";
        Self::new(SessionErrorKind::Unavailable, message)
    }
}

impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
