//! The MessagePack map that holds all values, read by walking it.
//!
//! Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

use bytes::Bytes;
use rmp::Marker;

use super::key::is_reserved;
use super::splice::Splice;

/// An encoded map from strings to values, checked once when it is made.
#[derive(Clone, Default)]
pub(crate) struct Map {
    /// The whole map; empty for the empty map.
    bytes: Bytes,
    /// How many entries it has.
    len: u32,
    /// Where the first entry begins.
    start: usize,
}

/// The bytes are not one map with string keys and whole values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Map {
    /// Takes the bytes as a map if that is what they are, to the last byte.
    pub(crate) fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let mut walk = Walk::new(&bytes);
        let len = walk.map_len()?;
        let start = walk.position;
        for _ in 0..len {
            std::str::from_utf8(walk.string()?).map_err(|_| Malformed)?;
            walk.value()?;
        }
        if walk.position != bytes.len() {
            return Err(Malformed);
        }
        Ok(Self { bytes, len, start })
    }

    /// Takes the bytes that this process encoded itself, without walking them.
    pub(crate) fn trusted(bytes: Bytes) -> Result<Self, Malformed> {
        let mut walk = Walk::new(&bytes);
        let len = walk.map_len()?;
        let start = walk.position;
        Ok(Self { bytes, len, start })
    }

    /// The entries in order; a value as its encoded bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut walk = self.walk();
        // The bytes were checked or are our own, so no step fails.
        (0..self.len).map_while(move |_| Some((walk.string().ok()?, walk.value().ok()?)))
    }

    /// The keys in order, each with its whole encoded entry.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut walk = self.walk();
        (0..self.len).map_while(move |_| {
            let start = walk.position;
            let key = walk.string().ok()?;
            walk.value().ok()?;
            Some((key, &walk.bytes[start..walk.position]))
        })
    }

    /// The beginning of a map with the entries of this one and up to `more` others, whose keys
    /// and values have `size` bytes.
    pub(super) fn splice(&self, more: usize, size: usize) -> Splice {
        let most = usize::try_from(self.len).unwrap_or(usize::MAX);
        Splice::new(most + more, self.bytes.len() + size)
    }

    fn walk(&self) -> Walk<'_> {
        Walk {
            bytes: &self.bytes,
            position: self.start,
        }
    }

    /// The value of `key`. Reserved keys come first, so nobody walks the values to find that
    /// there is none of them.
    pub(crate) fn get(&self, key: &str) -> Option<Bytes> {
        let key = key.as_bytes();
        let is_past = |name: &[u8]| is_reserved(key) && !is_reserved(name);
        let mut entries = self.iter().take_while(|(name, _)| !is_past(name));
        let (_, value) = entries.find(|(name, _)| *name == key)?;
        Some(self.bytes.slice_ref(value))
    }
}

/// Whether the bytes are one whole value and nothing else.
pub(super) fn is_one_value(bytes: &[u8]) -> bool {
    let walked = Walk::new(bytes).value();
    walked.is_ok_and(|value| value.len() == bytes.len())
}

/// By its first byte, the size of a value whose first byte tells it, and 0 for others.
static SCALAR_SIZES: [u8; 256] = scalar_sizes();

const fn scalar_sizes() -> [u8; 256] {
    let mut sizes = [0; 256];
    let mut byte = 0_u8;
    loop {
        sizes[byte as usize] = match Marker::from_u8(byte) {
            Marker::FixPos(_) | Marker::FixNeg(_) => 1,
            Marker::Null | Marker::True | Marker::False => 1,
            Marker::U8 | Marker::I8 => 2,
            Marker::U16 | Marker::I16 => 3,
            Marker::U32 | Marker::I32 | Marker::F32 => 5,
            Marker::U64 | Marker::I64 | Marker::F64 => 9,
            Marker::FixStr(length) => 1 + length,
            _ => 0,
        };
        if byte == u8::MAX {
            return sizes;
        }
        byte += 1;
    }
}

/// A position in MessagePack bytes.
struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.position.checked_add(count).ok_or(Malformed)?;
        let taken = self.bytes.get(self.position..end).ok_or(Malformed)?;
        self.position = end;
        Ok(taken)
    }

    fn peek(&self) -> Option<Marker> {
        self.bytes.get(self.position).copied().map(Marker::from_u8)
    }

    fn marker(&mut self) -> Result<Marker, Malformed> {
        let byte = *self.bytes.get(self.position).ok_or(Malformed)?;
        self.position += 1;
        Ok(Marker::from_u8(byte))
    }

    /// A big-endian length of `N` bytes.
    fn length<const N: usize>(&mut self) -> Result<usize, Malformed> {
        let bytes = self.bytes[self.position..].first_chunk::<N>();
        let bytes = bytes.ok_or(Malformed)?;
        self.position += N;
        let join = |length, byte: &u8| length << 8 | usize::from(*byte);
        Ok(bytes.iter().fold(0, join))
    }

    fn map_len(&mut self) -> Result<u32, Malformed> {
        let len = match self.marker()? {
            Marker::FixMap(len) => usize::from(len),
            Marker::Map16 => self.length::<2>()?,
            Marker::Map32 => self.length::<4>()?,
            _ => return Err(Malformed),
        };
        u32::try_from(len).map_err(|_| Malformed)
    }

    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        // Nearly all keys are short.
        if let Some(Marker::FixStr(len)) = self.peek() {
            self.position += 1;
            return self.take(usize::from(len));
        }
        let len = match self.marker()? {
            Marker::FixStr(len) => usize::from(len),
            Marker::Str8 => self.length::<1>()?,
            Marker::Str16 => self.length::<2>()?,
            Marker::Str32 => self.length::<4>()?,
            _ => return Err(Malformed),
        };
        self.take(len)
    }

    /// Passes over one value, however deep, without recursion.
    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.position;
        // Nearly all values are scalars whose first byte tells their size.
        let size = self
            .bytes
            .get(start)
            .map_or(0, |byte| SCALAR_SIZES[usize::from(*byte)]);
        if size > 0 {
            return self.take(usize::from(size));
        }
        let mut open = 1_usize;
        while open > 0 {
            open = open - 1 + self.scalar_or_children()?;
            // Each value has a byte at least, so a declared count beyond the rest is a lie.
            if open > self.bytes.len() - self.position {
                return Err(Malformed);
            }
        }
        Ok(&self.bytes[start..self.position])
    }

    /// Passes over a marker and what belongs to it; returns how many values follow inside it.
    fn scalar_or_children(&mut self) -> Result<usize, Malformed> {
        let (skip, children) = match self.marker()? {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                (0, 0)
            }
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::FixStr(len) => (usize::from(len), 0),
            Marker::Str8 | Marker::Bin8 => (self.length::<1>()?, 0),
            Marker::Str16 | Marker::Bin16 => (self.length::<2>()?, 0),
            Marker::Str32 | Marker::Bin32 => (self.length::<4>()?, 0),
            Marker::FixExt1 => (2, 0),
            Marker::FixExt2 => (3, 0),
            Marker::FixExt4 => (5, 0),
            Marker::FixExt8 => (9, 0),
            Marker::FixExt16 => (17, 0),
            Marker::Ext8 => (self.length::<1>()? + 1, 0),
            Marker::Ext16 => (self.length::<2>()? + 1, 0),
            Marker::Ext32 => (self.length::<4>()? + 1, 0),
            Marker::FixArray(len) => (0, usize::from(len)),
            Marker::Array16 => (0, self.length::<2>()?),
            Marker::Array32 => (0, self.length::<4>()?),
            Marker::FixMap(len) => (0, 2 * usize::from(len)),
            Marker::Map16 => (0, 2 * self.length::<2>()?),
            Marker::Map32 => (0, 2 * self.length::<4>()?),
            Marker::Reserved => return Err(Malformed),
        };
        self.take(skip)?;
        Ok(children)
    }
}
