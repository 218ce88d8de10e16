//! One value: a serde type to MessagePack and back.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deep a value may nest. Deeper input is refused, so decoding cannot exhaust the stack.
const MAX_DEPTH: usize = 128;

/// Values up to this size are encoded on the stack, in bytes.
const SMALL: usize = 128;

/// Encodes a value; structs become maps with named fields, so that a rolling deploy with a new
/// field reads what the old version wrote.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, rmp_serde::encode::Error> {
    // Most values are small: one allocation of their exact size.
    let mut small = [0; SMALL];
    let mut rest = &mut small[..];
    if rmp_serde::encode::write_named(&mut rest, value).is_ok() {
        let left = rest.len();
        return Ok(Bytes::copy_from_slice(&small[..SMALL - left]));
    }
    rmp_serde::to_vec_named(value).map(Bytes::from)
}

/// Decodes the bytes of one whole value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer)
}
