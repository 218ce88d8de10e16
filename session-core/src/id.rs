//! Session ids, which only the cookie holds, and store keys, which are all that a store sees.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto::{self, RandomError, Sha256Prefix};

/// Two random bytes that survive a renew.
///
/// Partitions and hash slots are chosen by the route, so the old and the new record of a
/// renewed session live on the same node and the rename is one atomic step there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route([u8; 2]);

impl Route {
    /// The route's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }
}

/// A session's id: two bytes of route and thirty random bytes, 240 bits of secret.
///
/// The id is a bearer secret. It exists in the client's token and, during a request, in memory;
/// stores, logs and errors never see it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionId([u8; Self::LENGTH]);

impl SessionId {
    /// The length in bytes.
    pub const LENGTH: usize = 32;

    /// A fresh id.
    pub(crate) fn generate() -> Result<Self, RandomError> {
        let mut id = Self([0; Self::LENGTH]);
        crypto::fill_random(&mut id.0)?;
        Ok(id)
    }

    /// A fresh id on the same route.
    pub(crate) fn renewed(&self) -> Result<Self, RandomError> {
        let mut id = Self::generate()?;
        id.0[..2].copy_from_slice(&self.0[..2]);
        Ok(id)
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// The key of a session's record: the route, and thirty bytes of a hash of application and id.
///
/// A store key is uniformly distributed, does not reveal the id, and does not depend on the key
/// ring, so a rotation orphans nothing. Its `Debug` is redacted; logs show a keyed
/// fingerprint instead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey([u8; Self::LENGTH]);

impl StoreKey {
    /// The length in bytes.
    pub const LENGTH: usize = 32;

    /// A key from the bytes that [`StoreKey::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The route of the session.
    #[must_use]
    pub const fn route(&self) -> Route {
        Route([self.0[0], self.0[1]])
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// Derives the store keys of one application.
///
/// `StoreKey = route(2) ‖ first 30 bytes of SHA-256(pad64(lp("store key v1")‖lp(app)) ‖ id)`.
/// The padded prefix fills whole blocks of the hash, so its state is computed once.
pub(crate) struct StoreKeys(Sha256Prefix);

impl StoreKeys {
    pub(crate) fn new(app: &str) -> Self {
        let mut prefix = crypto::length_prefixed(&[b"store key v1", app.as_bytes()]);
        prefix.resize(prefix.len().next_multiple_of(64), 0);
        Self(Sha256Prefix::new(&prefix))
    }

    pub(crate) fn key(&self, id: &SessionId) -> StoreKey {
        let digest = self.0.digest(&id.0);
        let mut key = [0; StoreKey::LENGTH];
        key[..2].copy_from_slice(&id.0[..2]);
        key[2..].copy_from_slice(&digest[..30]);
        StoreKey(key)
    }
}

/// Who a session belongs to, as a store sees it: a hash of application and principal.
///
/// `SHA-256(lp("principal v1")‖lp(app)‖principal)`, independent of the key ring. The hash of a
/// guessable name is guessable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalKey([u8; Self::LENGTH]);

impl PrincipalKey {
    /// The length in bytes.
    pub const LENGTH: usize = 32;

    /// The key of `principal` in the application `app`.
    #[must_use]
    pub fn derive(app: &str, principal: &str) -> Self {
        let mut message = crypto::length_prefixed(&[b"principal v1", app.as_bytes()]);
        message.extend_from_slice(principal.as_bytes());
        Self(crypto::sha256(&message))
    }

    /// A key from the bytes that [`PrincipalKey::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrincipalKey(..)")
    }
}
