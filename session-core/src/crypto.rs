//! The seam to the crypto library: nothing else in the workspace calls it.

mod random;

use aws_lc_rs::{aead, digest, hkdf, hmac};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use self::random::RandomError;
pub(crate) use self::random::fill_random;
#[cfg(test)]
pub(crate) use self::random::with_source;

/// The length of an AES-256-GCM tag.
pub(crate) const GCM_TAG: usize = 16;

fn system_random(buffer: &mut [u8]) -> Result<(), RandomError> {
    aws_lc_rs::rand::fill(buffer).map_err(|_| RandomError)
}

/// The u32 big-endian length that stands before everything of variable length.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// `lp(p1)‖lp(p2)‖…`, where `lp(x)` is a u32 big-endian length and then x.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        out.extend_from_slice(&length_prefix(part));
        out.extend_from_slice(part);
    }
    out
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
pub(crate) fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    to_array(digest::digest(&digest::SHA256, message).as_ref())
}

/// SHA-256 whose state after a fixed prefix is kept.
pub(crate) struct Sha256Prefix(digest::Context);

impl Sha256Prefix {
    pub(crate) fn new(prefix: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(prefix);
        Self(context)
    }

    pub(crate) fn digest(&self, message: &[u8]) -> [u8; 32] {
        let mut context = self.0.clone();
        context.update(message);
        to_array(context.finish().as_ref())
    }
}

/// HMAC-SHA-256 with the key already absorbed: a short message costs two compressions.
pub(crate) struct HmacSha256(hmac::Key);

impl HmacSha256 {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    pub(crate) fn tag(&self, message: &[u8]) -> [u8; 32] {
        to_array(hmac::sign(&self.0, message).as_ref())
    }
}

/// HMAC-SHA-512 with the key already absorbed.
pub(crate) struct HmacSha512(hmac::Key);

impl HmacSha512 {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA512, key))
    }

    /// The tag of the parts, one after the other.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        Zeroizing::new(to_array(context.sign().as_ref()))
    }
}

/// A pseudorandom key of HKDF-SHA-256, from which other keys are expanded.
pub(crate) struct HkdfSha256(hkdf::Prk);

impl HkdfSha256 {
    pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret))
    }

    pub(crate) fn expand<const N: usize>(&self, info: &[u8]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 32, "HKDF-SHA-256 yields at most 255 blocks") };
        let mut out = Zeroizing::new([0; N]);
        let info = [info];
        let expanded = self.0.expand(&info, OutputLength(N));
        match expanded.and_then(|okm| okm.fill(out.as_mut_slice())) {
            Ok(()) => out,
            // A key of zeros must never leave this function, and the length is in range.
            Err(_) => unreachable!("HKDF-SHA-256 failed for {N} bytes"),
        }
    }
}

struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

/// A key that encrypts one message, so that its nonce may be zero.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct OneTimeKey([u8; 32]);

/// AES-256-GCM refused: a tag that does not fit, or a message beyond the cipher's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CipherError;

impl OneTimeKey {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Encrypts in place and returns the tag.
    pub(crate) fn seal(self, aad: &[u8], message: &mut [u8]) -> Result<[u8; GCM_TAG], CipherError> {
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(zero_nonce(), aead::Aad::from(aad), message)
            .map_err(|_| CipherError)?;
        Ok(to_array(tag.as_ref()))
    }

    /// Decrypts into `plaintext`, which has the ciphertext's length and is wiped on failure.
    pub(crate) fn open(
        self,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), CipherError> {
        let opened = self.cipher()?.open_separate_gather(
            zero_nonce(),
            aead::Aad::from(aad),
            ciphertext,
            tag,
            plaintext,
        );
        opened.map_err(|_| {
            plaintext.zeroize();
            CipherError
        })
    }

    fn cipher(&self) -> Result<aead::LessSafeKey, CipherError> {
        aead::UnboundKey::new(&aead::AES_256_GCM, &self.0)
            .map(aead::LessSafeKey::new)
            .map_err(|_| CipherError)
    }
}

fn zero_nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN])
}

fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests;
