//! Keys of values: plain strings, or constants that know their type.

use std::fmt;
use std::marker::PhantomData;

use crate::error::SessionError;

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 255;

/// Whom the session belongs to.
pub(crate) const PRINCIPAL: &str = "$principal";

/// The Max-Age of the session's cookie, in seconds.
pub(crate) const MAX_AGE: &str = "$max_age";

/// Names that begin with `$` are the library's own.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    name.first() == Some(&b'$')
}

/// Refuses names that a user may not write.
pub(crate) fn check_name(name: &str) -> Result<(), SessionError> {
    if name.is_empty() || name.len() > MAX_NAME || is_reserved(name.as_bytes()) {
        return Err(SessionError::bad_key(name));
    }
    Ok(())
}

/// What becomes of a plain insert when another request changed the same key meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The last writer wins. This is the default.
    #[default]
    Overwrite,
    /// The request that comes second fails with 409, and nothing of it is saved.
    Reject,
}

/// A key that knows the type of its value.
///
/// ```
/// use session_core::{Key, OnConflict};
///
/// const VISITS: Key<u64> = Key::new("visits");
/// const CART: Key<Vec<String>> = Key::new("cart").on_conflict(OnConflict::Reject);
/// ```
pub struct Key<T> {
    name: &'static str,
    on_conflict: OnConflict,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key of this name: 1 to 255 bytes, not beginning with `$`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            on_conflict: OnConflict::Overwrite,
            value: PhantomData,
        }
    }

    /// What becomes of an insert under this key when another request changed it meanwhile.
    #[must_use]
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

/// What names a value of type `T`: a string, which fits any type, or a [`Key<T>`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a session value of type `{T}`",
    note = "use a `&str`, which fits any type, or a `Key<{T}>`"
)]
pub trait SessionKey<T: ?Sized> {
    /// The name: 1 to 255 bytes, not beginning with `$`.
    fn name(&self) -> &str;

    /// What becomes of an insert when another request changed the same key meanwhile.
    fn on_conflict(&self) -> OnConflict {
        OnConflict::Overwrite
    }
}

impl<T: ?Sized> SessionKey<T> for &str {
    fn name(&self) -> &str {
        self
    }
}

impl<T: ?Sized> SessionKey<T> for &String {
    fn name(&self) -> &str {
        self
    }
}

impl<T> SessionKey<T> for Key<T> {
    fn name(&self) -> &str {
        self.name
    }

    fn on_conflict(&self) -> OnConflict {
        self.on_conflict
    }
}

impl<T> SessionKey<T> for &Key<T> {
    fn name(&self) -> &str {
        self.name
    }

    fn on_conflict(&self) -> OnConflict {
        self.on_conflict
    }
}
