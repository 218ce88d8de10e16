//! The short name under which logs and administrators know a session.

use std::fmt;
use std::str::FromStr;

use super::hex::{self, Hex};
use super::key::Purpose;
use super::ring::Ring;
use super::schedule::Schedule;
use crate::clock::Timestamp;
use crate::crypto::HmacSha256;
use crate::id::StoreKey;

/// A session's fingerprint, eight hexadecimal digits.
///
/// It is keyed, so that it reveals nothing about the session and cannot be computed from a dump
/// of the store, and it changes when another key starts to seal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 4]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A text is not a fingerprint, which has eight lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseFingerprintError;

impl fmt::Display for ParseFingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint has eight lower-case hexadecimal digits")
    }
}

impl std::error::Error for ParseFingerprintError {}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode_lower(text)
            .map(Self)
            .ok_or(ParseFingerprintError)
    }
}

/// Makes the fingerprints of one application.
pub(crate) struct FingerprintKeys(Schedule<HmacSha256>);

impl FingerprintKeys {
    /// `K("fingerprint")` of every key of the ring.
    pub(crate) fn derive(ring: &Ring, app: &str) -> Self {
        let path = &["fingerprint"];
        Self(ring.derive(&Purpose { app, path }, |key| HmacSha256::new(key)))
    }

    /// The fingerprint under the key that seals at `now`.
    pub(crate) fn fingerprint(&self, key: &StoreKey, now: Timestamp) -> Fingerprint {
        let [first, second, third, fourth, ..] = self.0.sealing(now).key.tag(key.as_bytes());
        Fingerprint([first, second, third, fourth])
    }
}

impl fmt::Debug for FingerprintKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKeys(..)")
    }
}
