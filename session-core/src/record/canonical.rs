//! The bytes of a record, as stores that keep one blob per session write them.

use bytes::Bytes;

use super::Record;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::id::PrincipalKey;

/// The version of the layout, its first byte.
const VERSION: u8 = 1;

/// Version, created and deadline.
const HEADER: usize = 1 + 8 + 8;

/// # Canonical bytes
///
/// A store that keeps a session as one blob keeps these bytes; labels and principal stand beside
/// them, because stores list and index by them.
///
/// | bytes | what |
/// |---|---|
/// | 1 | version of the layout, 1 |
/// | 8 | `created`, milliseconds since the Unix epoch, signed, big-endian |
/// | 8 | `deadline`, the same way |
/// | rest | the payload |
impl Record {
    /// How many canonical bytes the record has.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER + self.payload.len()
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        out.push(VERSION);
        out.extend_from_slice(&self.created.as_millis().to_be_bytes());
        out.extend_from_slice(&self.deadline.as_millis().to_be_bytes());
        out.extend_from_slice(&self.payload);
    }

    /// The record of these canonical bytes, with the labels and the principal that were kept
    /// beside them. The payload shares the memory of `bytes`.
    ///
    /// # Errors
    /// [`Cause::Malformed`] if the bytes end before the payload begins,
    /// [`Cause::UnknownVersion`] if they have another layout.
    pub fn decode(
        bytes: &Bytes,
        labels: Bytes,
        principal: Option<PrincipalKey>,
    ) -> Result<Self, Cause> {
        let (&version, rest) = bytes.split_first().ok_or(Cause::Malformed)?;
        if version != VERSION {
            return Err(Cause::UnknownVersion);
        }
        let (created, rest) = rest.split_first_chunk().ok_or(Cause::Malformed)?;
        let (deadline, _) = rest.split_first_chunk().ok_or(Cause::Malformed)?;
        Ok(Self {
            payload: bytes.slice(HEADER..),
            labels,
            principal,
            created: Timestamp::from_millis(i64::from_be_bytes(*created)),
            deadline: Timestamp::from_millis(i64::from_be_bytes(*deadline)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &'static [u8]) -> Record {
        Record {
            payload: Bytes::from_static(payload),
            labels: Bytes::from_static(b"labels"),
            principal: Some(PrincipalKey::from_bytes([7; 32])),
            created: Timestamp::from_millis(-2),
            deadline: Timestamp::from_millis(0x0102),
        }
    }

    fn encoded(record: &Record) -> Bytes {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes.into()
    }

    fn decoded(bytes: &[u8]) -> Result<Record, Cause> {
        Record::decode(&Bytes::copy_from_slice(bytes), Bytes::new(), None)
    }

    #[test]
    fn layout_is_fixed() {
        let expected = [
            &[1][..],
            &[255, 255, 255, 255, 255, 255, 255, 254],
            &[0, 0, 0, 0, 0, 0, 1, 2],
            b"ab",
        ];
        assert_eq!(encoded(&record(b"ab")), expected.concat());
    }

    #[test]
    fn round_trips_with_what_stands_beside_it() {
        for original in [record(b"payload"), record(b"")] {
            let bytes = encoded(&original);
            assert_eq!(bytes.len(), original.encoded_len());
            let again = Record::decode(&bytes, original.labels.clone(), original.principal);
            assert_eq!(again, Ok(original));
        }
    }

    #[test]
    fn extreme_times_round_trip() {
        let original = Record {
            created: Timestamp::from_millis(i64::MIN),
            deadline: Timestamp::MAX,
            ..record(b"x")
        };
        let again = decoded(&encoded(&original)).map(|record| (record.created, record.deadline));
        assert_eq!(again, Ok((original.created, original.deadline)));
    }

    #[test]
    fn a_truncated_header_is_malformed() {
        let bytes = encoded(&record(b""));
        for end in 0..bytes.len() {
            assert_eq!(decoded(&bytes[..end]), Err(Cause::Malformed), "{end}");
        }
    }

    #[test]
    fn another_version_is_unknown() {
        let mut bytes = encoded(&record(b"payload")).to_vec();
        for version in [0, 2, 255] {
            bytes[0] = version;
            assert_eq!(decoded(&bytes), Err(Cause::UnknownVersion));
        }
    }
}
