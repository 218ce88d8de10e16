//! [`Protector`]: sealing what applications hand to their clients.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::envelope::{SealError, Sealer};
use super::key_ring::KeyRing;
use super::ring::Ring;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::crypto;

const EXPIRES: usize = 8;

/// What kind of failure a [`ProtectorError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtectorErrorKind {
    /// The application's name, or a purpose, is empty, or there is no purpose.
    EmptyPurpose,
    /// The lifetime is zero, or longer than the ring lets anything open.
    Lifetime,
    /// The data cannot be opened; [`ProtectorError::cause`] says why, for logs only.
    Rejected,
    /// The value cannot be encoded, or what was sealed is not a value of this type.
    Encoding,
    /// Nothing was sealed: the random source failed, or the data is larger than 64 GiB.
    Unsealed,
}

/// A [`Protector`] was misconfigured, could not seal, or was given something that it did not seal.
pub struct ProtectorError {
    kind: ProtectorErrorKind,
    message: String,
    cause: Option<Cause>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ProtectorError {
    fn new(kind: ProtectorErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: None,
            source: None,
        }
    }

    fn rejected(cause: Cause) -> Self {
        // One message for all causes: it may well reach the client.
        let message = "the sealed data cannot be opened";
        Self {
            cause: Some(cause),
            ..Self::new(ProtectorErrorKind::Rejected, message)
        }
    }

    fn unsealed(error: SealError) -> Self {
        Self {
            source: Some(Box::new(error)),
            ..Self::new(ProtectorErrorKind::Unsealed, "the data was not sealed")
        }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ProtectorErrorKind {
        self.kind
    }

    /// Why sealed data was rejected. For logs and metrics; clients must not be able to tell.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }
}

impl fmt::Debug for ProtectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectorError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("cause", &self.cause)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Display for ProtectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProtectorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Seals and opens application data: form state, links, anything that goes to the client and must
/// come back unchanged and unread.
///
/// A protector belongs to an application and a list of purposes; what another one sealed is
/// rejected. It follows the key ring: after a rotation it seals with the new key and opens with
/// both. Opening decodes nothing but the type that the caller asks for.
///
/// ```
/// use session_core::KeyRing;
///
/// let ring = KeyRing::ephemeral()?;
/// let links = ring.protector("shop", &["unsubscribe link"])?;
/// let sealed = links.seal(b"user-42")?;
/// assert_eq!(links.open(&sealed)?, b"user-42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Protector {
    keys: Arc<Keys>,
    bound_to: Vec<u8>,
    lifetime: Option<Duration>,
}

struct Keys {
    ring: KeyRing,
    app: String,
    purposes: Vec<String>,
    current: ArcSwap<Derived>,
}

struct Derived {
    ring: Arc<Ring>,
    sealer: Sealer,
}

impl KeyRing {
    /// A protector for an application and a list of purposes, from the general to the special.
    ///
    /// # Errors
    ///
    /// The list, a purpose or the application's name is empty.
    pub fn protector(&self, app: &str, purposes: &[&str]) -> Result<Protector, ProtectorError> {
        if app.is_empty() || purposes.is_empty() || purposes.iter().any(|part| part.is_empty()) {
            return Err(ProtectorError::new(
                ProtectorErrorKind::EmptyPurpose,
                "a protector needs an application's name and at least one purpose, none of them empty",
            ));
        }
        let purposes: Vec<String> = purposes.iter().map(|part| (*part).to_owned()).collect();
        let derived = Derived::of(self.snapshot(), app, &purposes);
        Ok(Protector {
            keys: Arc::new(Keys {
                ring: self.clone(),
                app: app.to_owned(),
                purposes,
                current: ArcSwap::from_pointee(derived),
            }),
            bound_to: Vec::new(),
            lifetime: None,
        })
    }
}

impl Derived {
    fn of(ring: Arc<Ring>, app: &str, purposes: &[String]) -> Self {
        // No application purpose can ever meet a built-in one.
        let mut path = vec!["application data"];
        path.extend(purposes.iter().map(String::as_str));
        let sealer = Sealer::derive(&ring, app, &path);
        Self { ring, sealer }
    }
}

impl Keys {
    fn current(&self) -> Arc<Derived> {
        let derived = self.current.load_full();
        let ring = self.ring.snapshot();
        if Arc::ptr_eq(&derived.ring, &ring) {
            return derived;
        }
        let derived = Arc::new(Derived::of(ring, &self.app, &self.purposes));
        self.current.store(Arc::clone(&derived));
        derived
    }
}

impl Protector {
    /// The same protector with a lifetime, in whole milliseconds: what it seals does not open
    /// afterwards. Without one, data opens for as long as its key does.
    ///
    /// # Errors
    ///
    /// The lifetime is zero, or longer than the ring's longest lifetime, so that a rotation
    /// would cut it short.
    pub fn with_lifetime(mut self, lifetime: Duration) -> Result<Self, ProtectorError> {
        let longest = self.keys.ring.snapshot().longest_lifetime();
        if lifetime.as_millis() == 0 {
            let message = "the lifetime of sealed data is under a millisecond";
            return Err(ProtectorError::new(ProtectorErrorKind::Lifetime, message));
        }
        if let Some(longest) = longest.filter(|longest| lifetime > *longest) {
            return Err(ProtectorError::new(
                ProtectorErrorKind::Lifetime,
                format!(
                    "a lifetime of {} s is longer than the {} s for which the key ring lets \
                     anything open; raise longest_lifetime in the ring, or shorten the lifetime",
                    lifetime.as_secs(),
                    longest.as_secs()
                ),
            ));
        }
        self.lifetime = Some(lifetime);
        Ok(self)
    }

    /// The same protector, bound to something that both sides know: the id of a form, of a user.
    /// What is sealed under one binding does not open under another.
    #[must_use]
    pub fn bound_to(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.bound_to = data.into();
        self
    }

    /// Seals bytes.
    ///
    /// # Errors
    ///
    /// The random source failed, or there are more than 64 GiB.
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, ProtectorError> {
        let now = self.keys.ring.now();
        let expires = self
            .lifetime
            .map_or(Timestamp::MAX, |lifetime| now.saturating_add(lifetime))
            .as_millis()
            .to_be_bytes();
        let sealer = &self.keys.current().sealer;
        let envelope = sealer
            .seal(&[], &self.aad(&expires), plaintext, now)
            .map_err(ProtectorError::unsealed)?;
        Ok([expires.as_slice(), &envelope].concat())
    }

    /// Opens bytes that this protector sealed.
    ///
    /// # Errors
    ///
    /// The data was changed, has expired, or was sealed by another ring or for another purpose.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, ProtectorError> {
        self.try_open(sealed).map_err(ProtectorError::rejected)
    }

    fn try_open(&self, sealed: &[u8]) -> Result<Vec<u8>, Cause> {
        let now = self.keys.ring.now();
        let (expires, envelope) = sealed
            .split_first_chunk::<EXPIRES>()
            .ok_or(Cause::Malformed)?;
        let sealer = &self.keys.current().sealer;
        let opened = sealer.open(&[], &self.aad(expires), envelope, now)?;
        let plaintext = Zeroizing::new(opened.plaintext);
        if Timestamp::from_millis(i64::from_be_bytes(*expires)) <= now {
            return Err(Cause::Expired);
        }
        Ok(plaintext.to_vec())
    }

    /// Seals a value as MessagePack, a struct as a map of its fields.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded; or as [`Protector::seal`].
    pub fn seal_value<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, ProtectorError> {
        let encoded = rmp_serde::to_vec_named(value)
            .map(Zeroizing::new)
            .map_err(|_| encoding("the value cannot be encoded as MessagePack"))?;
        self.seal(&encoded)
    }

    /// Opens a value that [`Protector::seal_value`] sealed.
    ///
    /// # Errors
    ///
    /// What was sealed is not a `T`; or as [`Protector::open`].
    pub fn open_value<T: DeserializeOwned>(&self, sealed: &[u8]) -> Result<T, ProtectorError> {
        let encoded = Zeroizing::new(self.open(sealed)?);
        rmp_serde::from_slice(&encoded)
            .map_err(|_| encoding("what was sealed is not a value of this type"))
    }

    /// `lp(caller's aad)‖expires`.
    fn aad(&self, expires: &[u8; EXPIRES]) -> Vec<u8> {
        let mut aad = crypto::length_prefixed(&[&self.bound_to]);
        aad.extend_from_slice(expires);
        aad
    }
}

fn encoding(message: &str) -> ProtectorError {
    ProtectorError::new(ProtectorErrorKind::Encoding, message)
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector")
            .field("app", &self.keys.app)
            .field("purposes", &self.keys.purposes)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
