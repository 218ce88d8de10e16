//! The seam to the crypto library: nothing else in the workspace calls it.

use aws_lc_rs::digest;

/// The operating system's random source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

/// Fills `buffer` with random bytes.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<(), RandomError> {
    aws_lc_rs::rand::fill(buffer).map_err(|_| RandomError)
}

/// `lp(p1)‖lp(p2)‖…`, where `lp(x)` is a u32 big-endian length and then x.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    to_array(&digest::digest(&digest::SHA256, message))
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
        to_array(&context.finish())
    }
}

fn to_array(digest: &digest::Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
