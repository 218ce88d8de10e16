//! The head of a request: request line and headers, as they stand in the buffer.

use super::field::{Field, Fields};
use super::scan::line_end;
use crate::server::refusal::Refusal;
use crate::wire::parse_decimal;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Put,
    Delete,
    Head,
    Move,
    Other,
}

/// The head of a request. Nothing is copied; everything points into the buffer.
pub(crate) struct Head<'a> {
    pub(crate) verb: Verb,
    pub(crate) target: &'a [u8],
    pub(crate) fields: Fields<'a>,
    /// The length of the head in bytes, with its blank line.
    pub(crate) length: usize,
    /// The length of the body in bytes.
    pub(crate) body: Option<u64>,
}

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) head: usize,
    pub(crate) target: usize,
    pub(crate) headers: usize,
}

/// Why there is no head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// The rest has not come yet.
    Incomplete,
    /// It cannot be read, or where it ends is not certain; the reason in words.
    Unreadable(&'static str),
    /// A cap is in the way.
    Refused(Refusal),
}

use NoHead::{Incomplete, Refused, Unreadable};

impl<'a> Head<'a> {
    /// Reads the head at the beginning of `buffer`.
    pub(crate) fn parse(buffer: &'a [u8], limits: HeadLimits) -> Result<Self, NoHead> {
        let all_there = buffer.len() >= limits.head;
        let parsed = Self::parse_within(&buffer[..buffer.len().min(limits.head)], limits);
        match parsed {
            Err(Incomplete) if all_there => Err(Refused(Refusal::Head)),
            parsed => parsed,
        }
    }

    fn parse_within(buffer: &'a [u8], limits: HeadLimits) -> Result<Self, NoHead> {
        let (line, mut at) = next_line(buffer, 0)?;
        let (verb, target) = request_line(line, limits)?;
        let mut fields = Fields::default();
        for _ in 0..=limits.headers {
            let (line, next) = next_line(buffer, at)?;
            at = next;
            if line.is_empty() {
                let body = framing(&fields)?;
                return Ok(Self {
                    verb,
                    target,
                    fields,
                    length: at,
                    body,
                });
            }
            header(line, &mut fields)?;
        }
        Err(Refused(Refusal::Headers))
    }
}

/// The line that begins at `start`, and where the next one begins.
fn next_line(buffer: &[u8], start: usize) -> Result<(&[u8], usize), NoHead> {
    let end = line_end(buffer, start).ok_or(Incomplete)?;
    match buffer.get(end..) {
        Some([b'\r', b'\n', ..]) => Ok((&buffer[start..end], end + 2)),
        Some([b'\r']) => Err(Incomplete),
        Some([b'\n', ..]) => Err(Unreadable("a line ends in a bare LF")),
        _ => Err(Unreadable("a control character")),
    }
}

fn request_line(line: &[u8], limits: HeadLimits) -> Result<(Verb, &[u8]), NoHead> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(verb), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Unreadable("no request line"));
    };
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") || target.is_empty() || !is_token(verb) {
        return Err(Unreadable("no request line"));
    }
    if target.len() > limits.target {
        return Err(Refused(Refusal::Target));
    }
    let verb = match verb {
        b"GET" => Verb::Get,
        b"PUT" => Verb::Put,
        b"DELETE" => Verb::Delete,
        b"HEAD" => Verb::Head,
        b"MOVE" => Verb::Move,
        _ => Verb::Other,
    };
    Ok((verb, target))
}

fn header<'a>(line: &'a [u8], fields: &mut Fields<'a>) -> Result<(), NoHead> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.ok_or(Unreadable("a header without colon"))?);
    if let Some(field) = Field::named(name) {
        fields.add(field, value[1..].trim_ascii());
        return Ok(());
    }
    match is_token(name) {
        true => Ok(()),
        false => Err(Unreadable("the name of a header, or a folded line")),
    }
}

/// The length of the body, if that is certain.
fn framing(fields: &Fields<'_>) -> Result<Option<u64>, NoHead> {
    if fields.get(Field::TransferEncoding).is_some() {
        return Err(Unreadable("Transfer-Encoding is not understood"));
    }
    if fields.is_contradictory(Field::ContentLength) {
        return Err(Unreadable("two lengths"));
    }
    let Some(length) = fields.get(Field::ContentLength) else {
        return Ok(None);
    };
    match parse_decimal(length) {
        Some(length) => Ok(Some(length)),
        None => Err(Unreadable("an unreadable length")),
    }
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
