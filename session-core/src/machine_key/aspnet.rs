//! The pair of keys of an ASP.NET application as a source of one ring key.

use zeroize::Zeroizing;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::hex;
use super::key::MachineKey;
use super::strength::{self, LEAST_LENGTH};
use crate::crypto::{self, HkdfSha256};

/// The least length of a `decryptionKey`, in bytes: what IIS generates for 3DES and AES-192.
const LEAST_DECRYPTION_LENGTH: usize = 24;

/// The ring key of a pair:
/// `HKDF-SHA-256(salt = "aspnet machineKey v1", ikm = lp(validationKey)‖lp(decryptionKey),
/// info = lp("ring key"), 32)` over the decoded bytes.
///
/// Weakness is judged on the digits that were given: the derived key always looks strong.
pub(super) fn ring_key(
    validation_key: &str,
    decryption_key: &str,
) -> Result<MachineKey, KeyRingError> {
    let validation = strong("validationKey", validation_key, LEAST_LENGTH)?;
    let decryption = strong("decryptionKey", decryption_key, LEAST_DECRYPTION_LENGTH)?;
    let pair = Zeroizing::new(crypto::length_prefixed(&[&validation, &decryption]));
    let secret = HkdfSha256::extract(b"aspnet machineKey v1", &pair)
        .expand(&crypto::length_prefixed(&[b"ring key"]));
    Ok(MachineKey::from_secret(secret))
}

fn strong(name: &str, digits: &str, least: usize) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    if digits.to_ascii_lowercase().contains("autogenerate") {
        return Err(KeyRingError::new(
            KeyRingErrorKind::Malformed,
            format!(
                "{name} is AutoGenerate, which gives every server a key of its own; \
                 generate one pair and give it to all of them"
            ),
        ));
    }
    let bytes = hex::decode(digits).ok_or_else(|| not_hexadecimal(name, digits))?;
    match strength::judge_hex(digits, &bytes, least) {
        Ok(()) => Ok(bytes),
        Err(weakness) => Err(KeyRingError::new(
            KeyRingErrorKind::WeakKey,
            format!("{name} {weakness}; generate a pair of your own"),
        )),
    }
}

/// Digits that do not decode may still be a published sample, and that is the better reason.
fn not_hexadecimal(name: &str, digits: &str) -> KeyRingError {
    if super::samples::is_published_hex(digits) {
        let weakness = strength::Weakness::Published;
        return KeyRingError::new(
            KeyRingErrorKind::WeakKey,
            format!("{name} {weakness}; generate a pair of your own"),
        );
    }
    KeyRingError::new(
        KeyRingErrorKind::Malformed,
        format!("{name} is not an even number of hexadecimal digits"),
    )
}
