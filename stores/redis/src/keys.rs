//! The names of keys, and their slots.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use session_core::{PrincipalKey, Route, StoreKey};

use crate::slots::slot;

/// Makes the names of keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

/// A key in the server, and the slot it lies in.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) bytes: Vec<u8>,
    pub(crate) slot: u16,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// `s:{route}rest`, the route in four hexadecimal digits: the sessions of a route share a
    /// slot.
    pub(crate) fn session(&self, key: &StoreKey) -> Name {
        let (route, rest) = key.as_bytes().split_at(2);
        let tag = tag(route);
        let mut name = String::with_capacity(self.prefix.len() + 48);
        name.push_str(&self.prefix);
        name.push_str("s:{");
        name.extend(tag.iter().copied().map(char::from));
        name.push('}');
        BASE64_URL_SAFE_NO_PAD.encode_string(rest, &mut name);
        Name {
            bytes: name.into_bytes(),
            slot: slot(&tag),
        }
    }

    /// The index of a principal.
    pub(crate) fn index(&self, principal: &PrincipalKey) -> Name {
        let mut name = format!("{}p:", self.prefix);
        BASE64_URL_SAFE_NO_PAD.encode_string(principal.as_bytes(), &mut name);
        Name::whole(name)
    }

    /// A control row.
    pub(crate) fn control(&self, name: &str) -> Name {
        Name::whole(format!("{}m:{name}", self.prefix))
    }
}

impl Name {
    fn whole(name: String) -> Self {
        let slot = slot(hashed(name.as_bytes()));
        let bytes = name.into_bytes();
        Self { bytes, slot }
    }
}

/// The slot of the sessions of a route.
pub(crate) fn slot_of(route: Route) -> u16 {
    slot(&tag(route.as_bytes()))
}

fn tag(route: &[u8]) -> [u8; 4] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |byte: u8| DIGITS[usize::from(byte & 15)];
    let [first, second] = [route[0], route[1]];
    [
        digit(first >> 4),
        digit(first),
        digit(second >> 4),
        digit(second),
    ]
}

/// The part of a key that its slot is made of: what stands in the first braces, if anything.
fn hashed(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else {
        return key;
    };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_a_route_share_a_slot() {
        let keys = Keys::new("shop:");
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&[0x1a, 0x2b]);
        let one = keys.session(&StoreKey::from_bytes(bytes));
        bytes[31] = 0;
        let other = keys.session(&StoreKey::from_bytes(bytes));
        assert!(one.bytes.starts_with(b"shop:s:{1a2b}"));
        assert_ne!(one.bytes, other.bytes);
        assert_eq!(one.slot, other.slot);
        assert_eq!(one.slot, slot(hashed(&one.bytes)));
    }

    #[test]
    fn hash_tags_are_those_of_the_specification() {
        for (key, part) in [
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("plain", "plain"),
        ] {
            assert_eq!(hashed(key.as_bytes()), part.as_bytes());
        }
    }
}
