//! Responses: the status and the header fields that we know, without an allocation per field.

use std::time::Duration;

use bytes::Bytes;
use session_core::{EndReason, PrincipalKey, Revision, Timestamp};

use super::shown::Shown;
use crate::wire::{PROTOCOL, header, parse_decimal, parse_etag, parse_hex};

/// A response.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The server speaks our extensions.
    pub(super) extended: bool,
    pub(super) revision: Option<Revision>,
    /// The idle length that the server keeps.
    pub(super) idle: Option<Duration>,
    pub(super) time_left: Option<Duration>,
    pub(super) server_time: Option<Timestamp>,
    pub(super) lock_cookie: Option<u64>,
    /// How long somebody has had the lock, in seconds.
    pub(super) lock_age: Option<u64>,
    pub(super) ended: Option<EndReason>,
    pub(super) principal: Option<PrincipalKey>,
    pub(super) labels: Bytes,
    /// Where a listing goes on.
    pub(super) next: Option<Bytes>,
    pub(super) count: Option<u64>,
    /// Why the server refuses, in its words.
    pub(super) reason: Option<String>,
    pub(super) body: Bytes,
}

/// The head of a response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) reply: Reply,
    /// The bytes of the head itself.
    pub(super) length: usize,
    pub(super) body_length: usize,
}

/// What is no response, and in what way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Reads the head that `bytes` begin with; none if its end has not arrived.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    if let [0x15 | 0x16, 3, ..] = bytes {
        return Err(Malformed("the server speaks TLS, and we do not"));
    }
    let mut lines = Lines { bytes, at: 0 };
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let mut head = Head {
        reply: Reply {
            status: status(first)?,
            ..Reply::default()
        },
        length: 0,
        body_length: 0,
    };
    loop {
        match lines.next() {
            None => return Ok(None),
            Some([]) => break,
            Some(line) => field(line, &mut head)?,
        }
    }
    head.length = lines.at;
    Ok(Some(head))
}

/// The complete lines of a head, without their ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += length + 1;
        let line = &rest[..length];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// The status of `HTTP/1.1 200 OK`, and of the bare `200 OK` that existing servers send.
fn status(line: &[u8]) -> Result<u16, Malformed> {
    let bare = match line.strip_prefix(b"HTTP/1.") {
        Some(rest) => rest.get(2..).unwrap_or_default(),
        None => line,
    };
    match *bare {
        [a, b, c] | [a, b, c, b' ', ..] => parse_decimal(&[a, b, c])
            .and_then(|status| u16::try_from(status).ok())
            .ok_or(Malformed("no status line")),
        _ => Err(Malformed("no status line")),
    }
}

fn field(line: &[u8], head: &mut Head) -> Result<(), Malformed> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.ok_or(Malformed("a header line without a colon"))?);
    let value = value[1..].trim_ascii();
    let reply = &mut head.reply;
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is(header::CONTENT_LENGTH) {
        let length = parse_decimal(value).and_then(|length| usize::try_from(length).ok());
        head.body_length = length.ok_or(Malformed("a Content-Length that is no number"))?;
    } else if is(header::ETAG) {
        reply.revision = parse_etag(value).and_then(Revision::new);
    } else if name.len() > 8 && name[..8].eq_ignore_ascii_case(b"session-") {
        session_field(name, value, reply)?;
    } else if is(header::LOCK_COOKIE) || is(header::LOCK_COOKIE_ALIAS) {
        reply.lock_cookie = parse_decimal(value);
    } else if is(header::LOCK_AGE) {
        reply.lock_age = parse_decimal(value);
    }
    Ok(())
}

fn session_field(name: &[u8], value: &[u8], reply: &mut Reply) -> Result<(), Malformed> {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is(header::SESSION_PROTOCOL) {
        reply.extended = value == PROTOCOL.as_bytes();
    } else if is(header::SESSION_TTL) {
        reply.idle = parse_decimal(value).map(Duration::from_millis);
    } else if is(header::SESSION_LEFT) {
        reply.time_left = parse_decimal(value).map(Duration::from_millis);
    } else if is(header::SESSION_TIME) {
        let millis = parse_decimal(value).and_then(|millis| i64::try_from(millis).ok());
        reply.server_time = millis.map(Timestamp::from_millis);
    } else if is(header::SESSION_ENDED) {
        reply.ended = Some(reason(value).ok_or(Malformed("an unknown Session-Ended"))?);
    } else if is(header::SESSION_PRINCIPAL) {
        let principal = parse_hex(value).ok_or(Malformed("a Session-Principal that is no hash"))?;
        reply.principal = Some(PrincipalKey::from_bytes(principal));
    } else if is(header::SESSION_LABELS) {
        let shown = Shown::parse(value).ok_or(Malformed("Session-Labels that are not ours"))?;
        reply.labels = shown.labels;
    } else if is(header::SESSION_NEXT) {
        reply.next = Some(Bytes::copy_from_slice(value));
    } else if is(header::SESSION_COUNT) {
        reply.count = parse_decimal(value);
    } else if is(header::SESSION_REASON) {
        reply.reason = Some(printable(value));
    }
    Ok(())
}

/// The visible part of what a server says, for an error message.
fn printable(value: &[u8]) -> String {
    const LONGEST: usize = 200;
    let visible = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ';
    let bytes = value.iter().filter(visible).take(LONGEST);
    bytes.map(|byte| char::from(*byte)).collect()
}

fn reason(value: &[u8]) -> Option<EndReason> {
    [EndReason::Renewed, EndReason::Destroyed, EndReason::Revoked]
        .into_iter()
        .find(|reason| reason.as_str().as_bytes() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        parse_head(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn full_and_bare_status_lines_are_read() {
        for (line, status) in [
            ("HTTP/1.1 200 OK", 200),
            ("HTTP/1.0 404 Not Found", 404),
            ("HTTP/1.1 423", 423),
            ("200 OK", 200),
            ("412", 412),
        ] {
            assert_eq!(head(&format!("{line}\r\n\r\n")).reply.status, status);
        }
    }

    #[test]
    fn what_is_no_status_line_is_refused() {
        for line in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 OK",
            "2000 OK",
            "-20 OK",
            "+ERR",
            "20",
        ] {
            let parsed = parse_head(format!("{line}\r\n\r\n").as_bytes());
            assert!(parsed.is_err(), "{line}");
        }
    }

    #[test]
    fn known_fields_are_read_whatever_their_case() {
        let text = "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 5\r\netag:\"7\"\r\nsession-protocol:  1\r\n\
                    Session-Ttl: 1200000\r\nLockCookie: 3\r\nX-Other: y\r\n\r\nhello";
        let head = head(text);
        assert_eq!(head.body_length, 5);
        assert_eq!(&text.as_bytes()[head.length..], b"hello");
        assert!(head.reply.extended);
        assert_eq!(head.reply.revision, Revision::new(7));
        assert_eq!(head.reply.idle, Some(Duration::from_secs(1_200)));
        assert_eq!(head.reply.lock_cookie, Some(3));
    }

    #[test]
    fn a_reason_is_shown_without_what_could_confuse_a_log() {
        let text = format!(
            "400 Bad Request\r\nSession-Reason: no\x1b[31m {}\r\n\r\n",
            "x".repeat(999)
        );
        let reason = head(&text).reply.reason.unwrap();
        assert!(reason.starts_with("no[31m xxx"), "{reason}");
        assert_eq!(reason.len(), 200);
    }

    #[test]
    fn a_head_without_its_end_is_not_there_yet() {
        let text = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n";
        for end in 0..text.len() {
            assert!(parse_head(&text[..end]).unwrap().is_none(), "{end}");
        }
    }

    /// An alert has no line end, so the rest would be waited for.
    #[test]
    fn an_alert_of_tls_is_known_at_once() {
        let alert = parse_head(&[0x15, 3, 3, 0, 2, 2, 22]);
        assert!(alert.unwrap_err().0.contains("TLS"));
    }

    #[test]
    fn lengths_that_are_no_numbers_are_refused() {
        for length in ["", "-1", "+1", "1 2", "0x1", "99999999999999999999"] {
            let text = format!("200 OK\r\nContent-Length: {length}\r\n\r\n");
            assert!(parse_head(text.as_bytes()).is_err(), "{length}");
        }
    }
}
