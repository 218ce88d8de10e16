//! Responses: the status and the header fields that we know, without an allocation per field.

use std::time::Duration;

use bytes::Bytes;
use session_core::{EndReason, PrincipalKey, Revision, Timestamp};

use super::shown::Shown;
use crate::wire::{DRAINING, PROTOCOL, header, line_end, parse_decimal, parse_etag, parse_hex};

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
    pub(super) rare: Option<Box<Rare>>,
    pub(super) body: Bytes,
}

/// What few answers have. It has a place of its own because answers are handed on many times.
#[derive(Debug, Default)]
pub(super) struct Rare {
    principal: Option<PrincipalKey>,
    labels: Bytes,
    next: Option<Bytes>,
    count: Option<u64>,
    reason: Option<String>,
}

impl Reply {
    pub(super) fn principal(&self) -> Option<PrincipalKey> {
        self.rare.as_ref()?.principal
    }

    pub(super) fn labels(&self) -> Bytes {
        let labels = self.rare.as_ref().map(|rare| rare.labels.clone());
        labels.unwrap_or_default()
    }

    /// Where a listing goes on.
    pub(super) fn next(&self) -> Option<&Bytes> {
        self.rare.as_ref()?.next.as_ref()
    }

    pub(super) fn count(&self) -> Option<u64> {
        self.rare.as_ref()?.count
    }

    /// Why the server refuses, in its words.
    pub(super) fn reason(&self) -> Option<&str> {
        self.rare.as_ref()?.reason.as_deref()
    }

    /// Whether the server is about to stop and has not done what it was asked.
    pub(super) fn is_draining(&self) -> bool {
        self.status == 503 && self.reason() == Some(DRAINING)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
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
        let start = self.at;
        let mut end = line_end(self.bytes, start)?;
        loop {
            let length = match self.bytes.get(end..)? {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => {
                    end = line_end(self.bytes, end + 1)?;
                    continue;
                }
            };
            self.at = end + length;
            return Some(&self.bytes[start..end]);
        }
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

/// A header that means something to us.
#[derive(Clone, Copy)]
enum Field {
    ContentLength,
    Revision,
    LockCookie,
    LockAge,
    Protocol,
    Idle,
    TimeLeft,
    ServerTime,
    Ended,
    Principal,
    Labels,
    Next,
    Count,
    Reason,
}

/// Those that most answers have come first.
const FIELDS: [(&str, Field); 15] = [
    (header::CONTENT_LENGTH, Field::ContentLength),
    (header::ETAG, Field::Revision),
    (header::SESSION_PROTOCOL, Field::Protocol),
    (header::SESSION_TIME, Field::ServerTime),
    (header::SESSION_TTL, Field::Idle),
    (header::SESSION_LEFT, Field::TimeLeft),
    (header::LOCK_COOKIE, Field::LockCookie),
    (header::LOCK_COOKIE_ALIAS, Field::LockCookie),
    (header::LOCK_AGE, Field::LockAge),
    (header::SESSION_ENDED, Field::Ended),
    (header::SESSION_PRINCIPAL, Field::Principal),
    (header::SESSION_LABELS, Field::Labels),
    (header::SESSION_NEXT, Field::Next),
    (header::SESSION_COUNT, Field::Count),
    (header::SESSION_REASON, Field::Reason),
];

impl Field {
    /// The header of a line, if it is known, and its value. Our own server writes the names as
    /// we do, so that is tried first.
    fn of(line: &[u8]) -> Result<(Option<Self>, &[u8]), Malformed> {
        let is_own =
            |text: &str| line.get(text.len()) == Some(&b':') && line.starts_with(text.as_bytes());
        if let Some((text, field)) = FIELDS.iter().find(|(text, _)| is_own(text)) {
            return Ok((Some(*field), &line[text.len() + 1..]));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or(Malformed("a header line without a colon"))?;
        let is_name = |text: &str| text.as_bytes().eq_ignore_ascii_case(&line[..colon]);
        let known = FIELDS.iter().find(|(text, _)| is_name(text));
        Ok((known.map(|(_, field)| *field), &line[colon + 1..]))
    }
}

fn field(line: &[u8], head: &mut Head) -> Result<(), Malformed> {
    let (Some(field), value) = Field::of(line)? else {
        return Ok(());
    };
    let value = value.trim_ascii();
    let reply = &mut head.reply;
    match field {
        Field::ContentLength => {
            let length = parse_decimal(value).and_then(|length| usize::try_from(length).ok());
            head.body_length = length.ok_or(Malformed("a Content-Length that is no number"))?;
        }
        Field::Revision => reply.revision = parse_etag(value).and_then(Revision::new),
        Field::LockCookie => reply.lock_cookie = parse_decimal(value),
        Field::LockAge => reply.lock_age = parse_decimal(value),
        Field::Protocol => reply.extended = value == PROTOCOL.as_bytes(),
        Field::Idle => reply.idle = parse_decimal(value).map(Duration::from_millis),
        Field::TimeLeft => reply.time_left = parse_decimal(value).map(Duration::from_millis),
        Field::ServerTime => {
            let millis = parse_decimal(value).and_then(|millis| i64::try_from(millis).ok());
            reply.server_time = millis.map(Timestamp::from_millis);
        }
        Field::Ended => {
            reply.ended = Some(reason(value).ok_or(Malformed("an unknown Session-Ended"))?);
        }
        rare => rare_field(rare, value, reply.rare_mut())?,
    }
    Ok(())
}

fn rare_field(field: Field, value: &[u8], rare: &mut Rare) -> Result<(), Malformed> {
    match field {
        Field::Principal => {
            let principal = parse_hex(value);
            let principal = principal.ok_or(Malformed("a Session-Principal that is no hash"))?;
            rare.principal = Some(PrincipalKey::from_bytes(principal));
        }
        Field::Labels => {
            let shown = Shown::parse(value).ok_or(Malformed("Session-Labels that are not ours"))?;
            rare.labels = shown.labels;
        }
        Field::Next => rare.next = Some(Bytes::copy_from_slice(value)),
        Field::Count => rare.count = parse_decimal(value),
        Field::Reason => rare.reason = Some(printable(value)),
        _ => {}
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
        let head = head(&text);
        let reason = head.reply.reason().unwrap();
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
