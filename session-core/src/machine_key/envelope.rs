//! Sealed envelopes: encrypted, authenticated, committed to their key.

use std::error::Error;
use std::fmt;

use super::key::{Kid, Purpose};
use super::ring::Ring;
use super::schedule::Schedule;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::crypto::{self, GCM_TAG, HmacSha512, OneTimeKey, RandomError};

const VERSION: u8 = 1;
const SALT: usize = 32;
const COMMITMENT: usize = 32;
const SALT_AT: usize = 1 + Kid::LENGTH;
const COMMITMENT_AT: usize = SALT_AT + SALT;
const CIPHERTEXT_AT: usize = COMMITMENT_AT + COMMITMENT;

/// Seals and opens for one application and purpose.
///
/// `envelope = 0x01 ‖ kid(8) ‖ salt(32) ‖ commit(32) ‖ ciphertext ‖ gcm tag(16)`. Every seal draws
/// a fresh salt, and with it a key that encrypts one message.
pub(crate) struct Sealer(Schedule<HmacSha512>);

/// What was in an envelope.
pub(crate) struct Opened {
    pub(crate) plaintext: Vec<u8>,
    /// Whether another key seals by now, so that sealing anew is due at the next write.
    pub(crate) reseal: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("length", &self.plaintext.len())
            .field("reseal", &self.reseal)
            .finish()
    }
}

/// Nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealError {
    /// No salt could be drawn.
    Random(RandomError),
    /// The cipher refused: the message is beyond its limit of 64 GiB.
    Cipher,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(error) => error.fmt(f),
            Self::Cipher => f.write_str("the cipher refused the message"),
        }
    }
}

impl Error for SealError {}

impl Sealer {
    pub(crate) fn derive(ring: &Ring, app: &str, purposes: &[&str]) -> Self {
        let path = purposes;
        Self(ring.derive(&Purpose { app, path }, |key| HmacSha512::new(key)))
    }

    /// Seals under the key that seals at `now`. To open, `context` and `aad` must be the same.
    pub(crate) fn seal(
        &self,
        context: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        let mut salt = [0; SALT];
        crypto::fill_random(&mut salt).map_err(SealError::Random)?;
        self.seal_salted(&salt, context, aad, plaintext, now)
    }

    fn seal_salted(
        &self,
        salt: &[u8; SALT],
        context: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        let sealing = self.0.sealing(now);
        let message = MessageKeys::derive(&sealing.key, salt, context);
        let mut envelope = Vec::with_capacity(CIPHERTEXT_AT + plaintext.len() + GCM_TAG);
        envelope.push(VERSION);
        envelope.extend_from_slice(sealing.kid.as_bytes());
        envelope.extend_from_slice(salt);
        envelope.extend_from_slice(&message.commitment);
        envelope.extend_from_slice(plaintext);
        let aad = bound_aad(sealing.kid, aad);
        let tag = message.cipher.seal(&aad, &mut envelope[CIPHERTEXT_AT..]);
        envelope.extend_from_slice(&tag.map_err(|_| SealError::Cipher)?);
        Ok(envelope)
    }

    /// Opens an envelope of one of the keys that open at `now`.
    pub(crate) fn open(
        &self,
        context: &[u8],
        aad: &[u8],
        envelope: &[u8],
        now: Timestamp,
    ) -> Result<Opened, Cause> {
        let parts = Parts::of(envelope)?;
        let key = &self.0.opening(parts.kid, now)?.key;
        let message = MessageKeys::derive(key, parts.salt, context);
        if !crypto::constant_time_eq(&message.commitment, parts.commitment) {
            return Err(Cause::BadSignature);
        }
        let mut plaintext = vec![0; parts.ciphertext.len()];
        message
            .cipher
            .open(
                &bound_aad(parts.kid, aad),
                parts.ciphertext,
                parts.tag,
                &mut plaintext,
            )
            .map_err(|_| Cause::BadSignature)?;
        Ok(Opened {
            plaintext,
            reseal: parts.kid != self.0.sealing(now).kid,
        })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// `HMAC-SHA-512(K, 0x01‖lp("message")‖lp(salt)‖lp(context))`, split in two.
struct MessageKeys {
    cipher: OneTimeKey,
    commitment: [u8; COMMITMENT],
}

impl MessageKeys {
    fn derive(key: &HmacSha512, salt: &[u8], context: &[u8]) -> Self {
        let okm = key.tag(&[
            &[VERSION],
            &crypto::length_prefix(b"message"),
            b"message",
            &crypto::length_prefix(salt),
            salt,
            &crypto::length_prefix(context),
            context,
        ]);
        let (mut cipher, mut commitment) = ([0; 32], [0; COMMITMENT]);
        cipher.copy_from_slice(&okm[..32]);
        commitment.copy_from_slice(&okm[32..]);
        Self {
            cipher: OneTimeKey::new(cipher),
            commitment,
        }
    }
}

/// `0x01‖kid‖lp(aad)`.
fn bound_aad(kid: Kid, aad: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(SALT_AT + 4 + aad.len());
    bound.push(VERSION);
    bound.extend_from_slice(kid.as_bytes());
    bound.extend_from_slice(&crypto::length_prefix(aad));
    bound.extend_from_slice(aad);
    bound
}

struct Parts<'a> {
    kid: Kid,
    salt: &'a [u8],
    commitment: &'a [u8],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(envelope: &'a [u8]) -> Result<Self, Cause> {
        match envelope.first() {
            Some(&VERSION) => {}
            Some(_) => return Err(Cause::UnknownVersion),
            None => return Err(Cause::Malformed),
        }
        let (kid, rest) = envelope[1..].split_first_chunk().ok_or(Cause::Malformed)?;
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(Cause::Malformed)?;
        let (commitment, rest) = rest
            .split_first_chunk::<COMMITMENT>()
            .ok_or(Cause::Malformed)?;
        let (ciphertext, tag) = rest.split_last_chunk::<GCM_TAG>().ok_or(Cause::Malformed)?;
        Ok(Self {
            kid: Kid::from_bytes(*kid),
            salt,
            commitment,
            ciphertext,
            tag,
        })
    }
}

#[cfg(test)]
mod tests;
