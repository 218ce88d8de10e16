//! Putting a MessagePack map together in one pass.

use rmp::encode::write_str_len;

/// The longest announcement of a string.
const STRING_HEAD: usize = 5;

/// A map that is being written.
pub(super) struct Splice {
    out: Vec<u8>,
    /// How many entries it has so far.
    count: u32,
    head: Head,
}

/// How the number of entries is announced. It is not known before the end, and its place is
/// kept by how many there can be at most.
#[derive(Clone, Copy)]
enum Head {
    Fix = 1,
    Map16 = 3,
    Map32 = 5,
}

impl Splice {
    /// A map of at most `most` entries, whose keys and values have about `size` bytes.
    pub(super) fn new(most: usize, size: usize) -> Self {
        let head = match most {
            0..16 => Head::Fix,
            16..0x1_0000 => Head::Map16,
            _ => Head::Map32,
        };
        let heads = head as usize + most.min(64) * STRING_HEAD;
        let mut out = Vec::with_capacity(heads + size);
        out.resize(head as usize, 0);
        Self {
            out,
            count: 0,
            head,
        }
    }

    /// Adds an entry that is encoded already.
    pub(super) fn keep(&mut self, encoded: &[u8]) {
        self.out.extend_from_slice(encoded);
        self.count += 1;
    }

    /// Adds a key and its encoded value.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
        // Writing into a vector does not fail.
        let _ = write_str_len(&mut self.out, length);
        self.out.extend_from_slice(key);
        self.out.extend_from_slice(value);
        self.count += 1;
    }

    /// The map's bytes, in a buffer of exactly their size.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let [first, second, third, fourth] = self.count.to_be_bytes();
        let head: &[u8] = match self.head {
            Head::Fix => &[0x80 | fourth],
            Head::Map16 => &[0xde, third, fourth],
            Head::Map32 => &[0xdf, first, second, third, fourth],
        };
        self.out[..head.len()].copy_from_slice(head);
        self.out.shrink_to_fit();
        self.out
    }
}
