//! One machine key: its secret, its text form, and the keys derived from it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::hex::{self, Hex};
use super::samples;
use super::strength::{self, LEAST_LENGTH, Weakness};
use crate::crypto::{self, HkdfSha256, RandomError};

const PREFIX: &str = "sk1_";

/// What a derived key is made for: an application and the purposes in it.
pub(super) struct Purpose<'a> {
    pub(super) app: &'a str,
    pub(super) path: &'a [&'a str],
}

impl Purpose<'_> {
    fn info(&self) -> Vec<u8> {
        let mut parts = vec![b"purpose".as_slice(), self.app.as_bytes()];
        parts.extend(self.path.iter().map(|part| part.as_bytes()));
        crypto::length_prefixed(&parts)
    }
}

/// The id of a key, computed from its secret and written as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid([u8; Self::LENGTH]);

impl Kid {
    /// The length in bytes.
    pub const LENGTH: usize = 8;

    /// A key id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// A key id from its 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        hex::decode_lower(digits).map(Self)
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

/// A machine key: 32 secret bytes, and everything that is derived from them.
///
/// Its text form is `sk1_`, 43 characters of base64url, an underscore, and eight hexadecimal
/// check digits, so that a paste error is noticed and secret scanners have a prefix to look for.
/// The key cannot be cloned or printed by accident; [`MachineKey::to_text`] is the one way out.
pub struct MachineKey {
    secret: Zeroizing<[u8; Self::LENGTH]>,
    derivation: HkdfSha256,
    kid: Kid,
}

impl MachineKey {
    /// The length of the secret in bytes.
    pub const LENGTH: usize = 32;

    /// A fresh key from the operating system's random source.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn generate() -> Result<Self, RandomError> {
        let mut secret = Zeroizing::new([0; Self::LENGTH]);
        crypto::fill_random(secret.as_mut_slice())?;
        Ok(Self::from_secret(secret))
    }

    /// The key that a text of the form `sk1_…` stands for.
    ///
    /// # Errors
    ///
    /// The text is malformed, its check digits do not fit, or the key is weak: fewer than 32
    /// bytes, guessable, or published somewhere.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let key = Self::decode(text)?;
        key.refuse_weak()?;
        Ok(key)
    }

    /// Reads the text form without judging the key's strength.
    pub(super) fn decode(text: &str) -> Result<Self, KeyRingError> {
        let body = checked_body(text)?;
        let decoded = URL_SAFE_NO_PAD.decode(body).map(Zeroizing::new);
        let bytes = decoded.map_err(|_| malformed("holds characters that are not base64url"))?;
        let length = bytes.len();
        if length < Self::LENGTH {
            let least = LEAST_LENGTH;
            return Err(weak(Weakness::Short { length, least }));
        }
        let mut secret = Zeroizing::new([0; Self::LENGTH]);
        if length > Self::LENGTH {
            return Err(malformed("is longer than 43 characters of base64url"));
        }
        secret.copy_from_slice(&bytes);
        Ok(Self::from_secret(secret))
    }

    pub(super) fn from_secret(secret: Zeroizing<[u8; Self::LENGTH]>) -> Self {
        let derivation = HkdfSha256::extract(b"session machine key v1", secret.as_slice());
        let kid = derivation.expand::<{ Kid::LENGTH }>(&crypto::length_prefixed(&[b"key id"]));
        Self {
            secret,
            kid: Kid(*kid),
            derivation,
        }
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// The text form. Whoever has it can forge sessions.
    #[must_use]
    pub fn to_text(&self) -> KeyText {
        let mut text = Zeroizing::new(String::with_capacity(56));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(self.secret.as_slice(), &mut text);
        let check = check_digits(&text);
        text.push('_');
        text.push_str(&check);
        KeyText(text)
    }

    pub(super) fn refuse_weak(&self) -> Result<(), KeyRingError> {
        if samples::is_published_kid(&self.kid.0) {
            return Err(weak(Weakness::Published));
        }
        strength::judge(self.secret.as_slice(), LEAST_LENGTH).map_err(weak)
    }

    /// `K(p1, p2, …)` of an application.
    pub(super) fn derive(&self, purpose: &Purpose<'_>) -> Zeroizing<[u8; 64]> {
        self.derivation.expand(&purpose.info())
    }
}

impl fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// The text form of a machine key, wiped when dropped.
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// The text, `sk1_…`. Whoever has it can forge sessions.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(..)")
    }
}

/// The base64url characters of a text whose check digits fit.
fn checked_body(text: &str) -> Result<&str, KeyRingError> {
    let Some(rest) = text.strip_prefix(PREFIX) else {
        return Err(match samples::is_published_hex(text) {
            true => weak(Weakness::Published),
            false => malformed("does not begin with sk1_"),
        });
    };
    let Some((body, digits)) = rest.rsplit_once('_') else {
        return Err(malformed(
            "has no check digits at its end; it was cut short",
        ));
    };
    if digits.len() != 8 || hex::decode_lower::<4>(digits).is_none() {
        return Err(malformed(
            "does not end in an underscore and eight lower-case check digits; it was cut short",
        ));
    }
    let covered = &text[..text.len() - digits.len() - 1];
    if !crypto::constant_time_eq(check_digits(covered).as_bytes(), digits.as_bytes()) {
        return Err(KeyRingError::new(
            KeyRingErrorKind::Check,
            "the key token's check digits do not fit: a character was lost or changed; copy it again",
        ));
    }
    Ok(body)
}

/// The first four bytes of SHA-256 over the text.
fn check_digits(text: &str) -> String {
    Hex(&crypto::sha256(text.as_bytes())[..4]).to_string()
}

fn malformed(what: &str) -> KeyRingError {
    let form = "a key token is sk1_, 43 characters of base64url, an underscore and 8 check digits";
    KeyRingError::new(
        KeyRingErrorKind::Malformed,
        format!("the key token {what}; {form}"),
    )
}

fn weak(weakness: Weakness) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::WeakKey,
        format!("the key {weakness}; make a key of your own with `sessionctl key new`"),
    )
}

#[cfg(test)]
mod tests {
    use super::{KeyRingErrorKind, MachineKey, check_digits};

    fn kind(text: &str) -> KeyRingErrorKind {
        MachineKey::parse(text).unwrap_err().kind()
    }

    fn with_check(head: &str) -> String {
        format!("{head}_{}", check_digits(head))
    }

    #[test]
    fn a_key_survives_its_text_form() {
        let key = MachineKey::generate().unwrap();
        let text = key.to_text();
        assert_eq!(text.as_str().len(), 56);
        let parsed = MachineKey::parse(text.as_str()).unwrap();
        assert_eq!(parsed.kid(), key.kid());
        assert_eq!(*parsed.secret, *key.secret);
    }

    #[test]
    fn every_changed_or_missing_character_is_noticed() {
        let text = MachineKey::generate().unwrap().to_text();
        let text = text.as_str();
        for position in 0..text.len() {
            assert!(
                MachineKey::parse(&text[..position]).is_err(),
                "cut at {position}"
            );
            for bit in 0..7 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(
                    MachineKey::parse(&changed).is_err(),
                    "bit {bit} of {position}"
                );
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(kind(""), KeyRingErrorKind::Malformed);
        assert_eq!(kind("sk2_AAAA_00000000"), KeyRingErrorKind::Malformed);
        let article = "1234567890123456789012345678901234567890AAAAAAAAAA";
        assert_eq!(kind(article), KeyRingErrorKind::WeakKey);
        assert_eq!(kind("sk1_AAAA_00000000"), KeyRingErrorKind::Check);
        assert_eq!(kind(&with_check("sk1_AAAA")), KeyRingErrorKind::WeakKey);
        let zeros = with_check(&format!("sk1_{}", "A".repeat(43)));
        assert_eq!(kind(&zeros), KeyRingErrorKind::WeakKey);
        let long = with_check(&format!("sk1_{}", "A".repeat(44)));
        assert_eq!(kind(&long), KeyRingErrorKind::Malformed);
        let spare_bits = with_check(&format!("sk1_{}B", "A".repeat(42)));
        assert_eq!(kind(&spare_bits), KeyRingErrorKind::Malformed);
    }

    #[test]
    fn s29_neither_key_nor_text_can_be_printed() {
        let key = MachineKey::generate().unwrap();
        let text = key.to_text();
        let shown = format!("{key:?} {text:?}");
        assert!(!shown.contains(&text.as_str()[4..47]));
        assert!(shown.contains(&key.kid().to_string()));
    }

    #[test]
    fn s32_no_key_without_random_bytes() {
        let generated =
            crate::crypto::with_source(|_| Err(crate::RandomError), MachineKey::generate);
        assert!(generated.is_err());
    }
}
