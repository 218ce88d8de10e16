//! What a listing shows of a session, as it stands in `Session-Labels`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use session_core::{Record, Timestamp};

/// The dates and the labels of a record: 8 bytes `created`, 8 bytes `deadline`, both signed
/// milliseconds since the Unix epoch and big-endian, and the labels; all in base64. The server
/// does not look into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) created: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) labels: Bytes,
}

impl Shown {
    /// The text for `record`; none if no listing shows it and it has no labels.
    pub(super) fn text(record: &Record) -> Option<String> {
        if record.principal.is_none() && record.labels.is_empty() {
            return None;
        }
        let created = record.created.as_millis().to_be_bytes();
        let deadline = record.deadline.as_millis().to_be_bytes();
        Some(STANDARD.encode([&created, &deadline, &record.labels[..]].concat()))
    }

    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let bytes = Bytes::from(STANDARD.decode(text).ok()?);
        let (created, rest) = bytes.split_first_chunk()?;
        let (deadline, _) = rest.split_first_chunk()?;
        Some(Self {
            created: Timestamp::from_millis(i64::from_be_bytes(*created)),
            deadline: Timestamp::from_millis(i64::from_be_bytes(*deadline)),
            labels: bytes.slice(16..),
        })
    }
}

#[cfg(test)]
mod tests {
    use session_core::PrincipalKey;

    use super::*;

    fn record(labels: &'static [u8], principal: Option<PrincipalKey>) -> Record {
        Record {
            payload: Bytes::new(),
            labels: Bytes::from_static(labels),
            principal,
            created: Timestamp::from_millis(-1),
            deadline: Timestamp::MAX,
        }
    }

    #[test]
    fn what_is_shown_round_trips() {
        let principal = Some(PrincipalKey::from_bytes([1; 32]));
        for record in [record(b"labels", None), record(b"", principal)] {
            let shown = Shown::parse(Shown::text(&record).unwrap().as_bytes()).unwrap();
            assert_eq!(shown.created, record.created);
            assert_eq!(shown.deadline, record.deadline);
            assert_eq!(shown.labels, record.labels);
        }
        assert_eq!(Shown::text(&record(b"", None)), None);
    }

    #[test]
    fn what_is_too_short_or_no_base64_is_refused() {
        for text in ["", "-", "AAAA", "AAAAAAAAAAAAAAAAAAAA", "{}"] {
            assert_eq!(Shown::parse(text.as_bytes()), None, "{text}");
        }
    }
}
