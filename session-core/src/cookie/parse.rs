//! Reading `Cookie` headers, byte for byte.
//!
//! Names are never decoded and nothing but ASCII space and tab around a pair is skipped, so that
//! no look-alike (`%5F_Host-session`, a Unicode space before the name, another case) passes for
//! the cookie that browsers protect.

#[cfg(test)]
mod tests;

use std::fmt;

const MAX_BYTES: usize = 16 * 1024;
const MAX_PAIRS: usize = 64;
/// How many tokens of one name are looked at, in cookies or in headers.
pub(crate) const MAX_CANDIDATES: usize = 4;

/// The values of every cookie called `name` in the given `Cookie` header lines, in their order.
///
/// Quotes around a value are part of the value: we never write any.
///
/// # Errors
///
/// More than 16 KiB of header, 64 pairs or 4 cookies of that name.
pub(crate) fn candidates<'a>(
    header_lines: impl Iterator<Item = &'a [u8]>,
    name: &[u8],
) -> Result<Candidates<'a>, HeaderTooLarge> {
    let mut scan = Scan {
        name,
        bytes: 0,
        pairs: 0,
        found: Candidates::default(),
    };
    for line in header_lines {
        scan.line(line)?;
    }
    Ok(scan.found)
}

/// Up to four values that a request sent under one name.
///
/// The values are tokens, that is bearer secrets, so `Debug` shows their number only.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Candidates<'a> {
    values: [&'a [u8]; MAX_CANDIDATES],
    length: usize,
}

impl<'a> Candidates<'a> {
    pub(crate) fn as_slice(&self) -> &[&'a [u8]] {
        &self.values[..self.length]
    }

    fn push(&mut self, value: &'a [u8]) -> Result<(), HeaderTooLarge> {
        let free = self.values.get_mut(self.length);
        *free.ok_or(HeaderTooLarge::Candidates)? = value;
        self.length += 1;
        Ok(())
    }
}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidates({})", self.length)
    }
}

/// Which limit a request's `Cookie` headers exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderTooLarge {
    Bytes,
    Pairs,
    Candidates,
}

impl fmt::Display for HeaderTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "more than {MAX_BYTES} bytes of Cookie header"),
            Self::Pairs => write!(f, "more than {MAX_PAIRS} cookies"),
            Self::Candidates => write!(f, "more than {MAX_CANDIDATES} session cookies"),
        }
    }
}

impl std::error::Error for HeaderTooLarge {}

struct Scan<'a, 'n> {
    name: &'n [u8],
    bytes: usize,
    pairs: usize,
    found: Candidates<'a>,
}

impl<'a> Scan<'a, '_> {
    fn line(&mut self, line: &'a [u8]) -> Result<(), HeaderTooLarge> {
        self.bytes = self.bytes.saturating_add(line.len());
        if self.bytes > MAX_BYTES {
            return Err(HeaderTooLarge::Bytes);
        }
        let mut rest = line;
        loop {
            let end = position_of_semicolon(rest).unwrap_or(rest.len());
            self.pair(trimmed(&rest[..end]))?;
            match rest.get(end + 1..) {
                Some(next) => rest = next,
                None => return Ok(()),
            }
        }
    }

    fn pair(&mut self, pair: &'a [u8]) -> Result<(), HeaderTooLarge> {
        if pair.is_empty() {
            return Ok(());
        }
        self.pairs += 1;
        if self.pairs > MAX_PAIRS {
            return Err(HeaderTooLarge::Pairs);
        }
        match value_of(pair, self.name) {
            Some(value) => self.found.push(value),
            None => Ok(()),
        }
    }
}

fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    pair.strip_prefix(name)?.strip_prefix(b"=")
}

fn trimmed(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
        pair = rest;
    }
    pair
}

/// Looks at eight bytes at a time, because every request's whole `Cookie` header goes through.
fn position_of_semicolon(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if let Some(offset) = semicolon_in(u64::from_le_bytes(*word)) {
            return Some(index * 8 + offset);
        }
    }
    let offset = tail.iter().position(|byte| *byte == b';')?;
    Some(words.len() * 8 + offset)
}

/// The lowest byte of `word` that is a semicolon, by the usual test for a zero byte. A borrow can
/// only make bytes above the first hit look like one.
fn semicolon_in(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    const SEMICOLONS: u64 = u64::from_ne_bytes([b';'; 8]);
    let difference = word ^ SEMICOLONS;
    let hits = difference.wrapping_sub(ONES) & !difference & HIGH_BITS;
    (hits != 0).then(|| hits.trailing_zeros() as usize / 8)
}
