//! How rows are written, so that one that was damaged is noticed.

use crate::server::items::{Key, Row};

const SESSION: u8 = b's';
const FOREIGN: u8 = b'f';

/// A key as it stands in a row.
pub(super) fn encode(key: &Key) -> Vec<u8> {
    let (kind, bytes): (u8, &[u8]) = match key {
        Key::Session(bytes) => (SESSION, bytes),
        Key::Foreign(path) => (FOREIGN, path),
    };
    let mut row = Vec::with_capacity(bytes.len() + 1);
    row.push(kind);
    row.extend_from_slice(bytes);
    row
}

/// The key that stands in a row.
pub(super) fn decode(row: &[u8]) -> Option<Key> {
    let (kind, bytes) = row.split_first()?;
    match *kind {
        SESSION => bytes.try_into().ok().map(Key::Session),
        FOREIGN => Some(Key::Foreign(bytes.into())),
        _ => None,
    }
}

/// The sum of what a write puts into an item: revision, idle length and deadline, and the rest.
pub(super) fn content_sum(
    key: &[u8],
    numbers: [i64; 3],
    principal: Option<&[u8]>,
    labels: Option<&[u8]>,
    body: &[u8],
) -> i64 {
    let mut sum = Sum::default();
    sum.add(key);
    for number in numbers {
        sum.add(&number.to_le_bytes());
    }
    for part in [principal, labels] {
        sum.add(&[u8::from(part.is_some())]);
        sum.add(part.unwrap_or_default());
    }
    sum.add(body);
    sum.value()
}

/// The sum of what changes between the writes of an item.
pub(super) fn life_sum(key: &[u8], expires: i64, cookie: i32, is_uninitialised: bool) -> i64 {
    let mut sum = Sum::default();
    sum.add(key);
    sum.add(&expires.to_le_bytes());
    sum.add(&cookie.to_le_bytes());
    sum.add(&[u8::from(is_uninitialised)]);
    sum.value()
}

/// The sum of a control row.
pub(super) fn row_sum(name: &[u8], row: &Row) -> i64 {
    let mut sum = Sum::default();
    sum.add(name);
    sum.add(&row.revision.to_le_bytes());
    sum.add(&row.value);
    sum.value()
}

/// FNV-1a, of 64 bits: against disks, not against people, who could write the whole file anew.
struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    /// Adds a part and its length.
    fn add(&mut self, part: &[u8]) {
        let length = (part.len() as u64).to_le_bytes();
        for byte in length.iter().chain(part) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn value(&self) -> i64 {
        self.0.cast_signed()
    }
}
