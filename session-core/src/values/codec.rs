//! One value: a serde type to MessagePack and back.

use bytes::Bytes;
use rmp_serde::encode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::map::is_one_value;

/// How deep a value may nest. Deeper input is refused, so decoding cannot exhaust the stack.
const MAX_DEPTH: usize = 128;

/// Values up to this size are encoded on the stack, in bytes.
const SMALL: usize = 128;

/// Encodes a value; structs become maps with named fields, so that a rolling deploy with a new
/// field reads what the old version wrote.
///
/// A value that announces more or fewer elements than it has would be read together with its
/// neighbours, so it is refused.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, encode::Error> {
    // Most values are small: one allocation of their exact size.
    let mut small = [0; SMALL];
    let mut rest = &mut small[..];
    let encoded = if encode::write_named(&mut rest, value).is_ok() {
        let left = rest.len();
        Bytes::copy_from_slice(&small[..SMALL - left])
    } else {
        rmp_serde::to_vec_named(value)?.into()
    };
    if !is_one_value(&encoded) {
        let message = "its Serialize does not write what it announces";
        return Err(encode::Error::Syntax(message.to_owned()));
    }
    Ok(encoded)
}

/// Decodes the bytes of one whole value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer)
}
