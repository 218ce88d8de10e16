//! The signed session id that a client holds.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key::{Kid, Purpose};
use super::ring::Ring;
use super::schedule::Schedule;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::crypto::{self, HmacSha256};
use crate::id::SessionId;

const VERSION: u8 = 1;
const ID_AT: usize = 1 + Kid::LENGTH;
const TAG_AT: usize = ID_AT + SessionId::LENGTH;
const LENGTH: usize = TAG_AT + 16;
const TEXT_LENGTH: usize = LENGTH / 3 * 4;

/// What carries a token; it is part of the key, so that a token of one carrier is junk in
/// another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier<'a> {
    /// The cookie of this name.
    Cookie(&'a str),
    /// The header of this name, in any case.
    Header(&'a str),
}

/// Signs and verifies the tokens of one application and carrier.
///
/// `token = 0x01 ‖ kid(8) ‖ id(32) ‖ tag(16)`, 76 characters of unpadded base64url. The message
/// `0x01‖kid‖id` fits one block of the hash, so that a tag costs two compressions.
pub(crate) struct TokenKeys(Schedule<HmacSha256>);

/// An id whose token was verified. Only [`TokenKeys::verify`] makes one.
pub(crate) struct VerifiedId {
    id: SessionId,
    kid: Kid,
    resign: bool,
}

impl VerifiedId {
    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn into_id(self) -> SessionId {
        self.id
    }

    /// The key that signed the token.
    #[cfg(test)]
    pub(crate) fn kid(&self) -> Kid {
        self.kid
    }

    /// Whether another key seals by now, so that a fresh token is due at the next write.
    pub(crate) fn resign(&self) -> bool {
        self.resign
    }
}

impl fmt::Debug for VerifiedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedId")
            .field("kid", &self.kid)
            .field("resign", &self.resign)
            .finish_non_exhaustive()
    }
}

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) cause: Cause,
    /// The key that the token names; a token without a readable one is malformed.
    pub(crate) kid: Option<Kid>,
}

impl Rejected {
    fn unreadable(cause: Cause) -> Self {
        Self { cause, kid: None }
    }
}

impl TokenKeys {
    pub(crate) fn derive(ring: &Ring, app: &str, carrier: Carrier<'_>) -> Self {
        let lower_case;
        let (kind, name) = match carrier {
            Carrier::Cookie(name) => ("cookie", name),
            Carrier::Header(name) => {
                lower_case = name.to_ascii_lowercase();
                ("header", lower_case.as_str())
            }
        };
        let path = &["session id", kind, name];
        let purpose = Purpose { app, path };
        Self(ring.derive(&purpose, |key| HmacSha256::new(key)))
    }

    /// The token of an id, under the key that seals at `now`.
    pub(crate) fn sign(&self, id: &SessionId, now: Timestamp) -> Token {
        let sealing = self.0.sealing(now);
        let mut bytes = Zeroizing::new([0; LENGTH]);
        bytes[0] = VERSION;
        bytes[1..ID_AT].copy_from_slice(sealing.kid.as_bytes());
        bytes[ID_AT..TAG_AT].copy_from_slice(id.as_bytes());
        let tag = sealing.key.tag(&bytes[..TAG_AT]);
        bytes[TAG_AT..].copy_from_slice(&tag[..LENGTH - TAG_AT]);
        Token::encode(&bytes)
    }

    /// The id in a token that one of the keys open at `now` signed.
    pub(crate) fn verify(&self, token: &[u8], now: Timestamp) -> Result<VerifiedId, Rejected> {
        let bytes = decode(token).ok_or(Rejected::unreadable(Cause::Malformed))?;
        if bytes[0] != VERSION {
            return Err(Rejected::unreadable(Cause::UnknownVersion));
        }
        let kid = Kid::from_bytes(part(&bytes[1..ID_AT]));
        let rejected = |cause| Rejected {
            cause,
            kid: Some(kid),
        };
        let signing = self.0.opening(kid, now).map_err(rejected)?;
        let tag = signing.key.tag(&bytes[..TAG_AT]);
        if !crypto::constant_time_eq(&tag[..LENGTH - TAG_AT], &bytes[TAG_AT..]) {
            return Err(rejected(Cause::BadSignature));
        }
        Ok(VerifiedId {
            id: SessionId::from_bytes(part(&bytes[ID_AT..TAG_AT])),
            kid,
            resign: kid != self.0.sealing(now).kid,
        })
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKeys(..)")
    }
}

/// Decodes nineteen groups of four characters, with no spare bits and no padding. Every request
/// goes through here, and a general decoder takes twice as long.
fn decode(token: &[u8]) -> Option<Zeroizing<[u8; LENGTH]>> {
    let text: &[u8; TEXT_LENGTH] = token.try_into().ok()?;
    let mut bytes = Zeroizing::new([0; LENGTH]);
    let mut seen = 0;
    for (group, out) in text
        .as_chunks::<4>()
        .0
        .iter()
        .zip(bytes.as_chunks_mut::<3>().0)
    {
        let word = group.iter().fold(0_u32, |word, character| {
            let sextet = SEXTETS[usize::from(*character)];
            seen |= sextet;
            word << 6 | u32::from(sextet)
        });
        out.copy_from_slice(&word.to_be_bytes()[1..]);
    }
    (seen != NOT_BASE64URL).then_some(bytes)
}

/// What stands in [`SEXTETS`] for a character outside the alphabet. No sextet has its bits.
const NOT_BASE64URL: u8 = u8::MAX;

/// The six bits that a character of base64url (RFC 4648, section 5) stands for.
static SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut sextets = [NOT_BASE64URL; 256];
    let mut value = 0;
    while value < 64 {
        sextets[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    sextets
}

fn part<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

/// A token as it is sent to the client: a bearer secret of 76 characters.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Token([u8; TEXT_LENGTH]);

impl Token {
    fn encode(bytes: &[u8; LENGTH]) -> Self {
        let mut text = [0; TEXT_LENGTH];
        // 57 bytes are 76 characters exactly, so the slice always fits.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests;
