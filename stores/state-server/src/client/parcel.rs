//! [`Parcel`]: a record that leaves its server.

use std::time::Duration;

use bytes::Bytes;
use session_core::Cause;

/// What a parcel begins with, where a record has the version of its layout.
const MARK: u8 = 0xf0;

/// The mark and the idle length.
const HEADER: usize = 1 + 8;

/// The body of an item whose record is on its way to another server: the mark, the record's idle
/// length (8 bytes, milliseconds, big-endian), and its canonical bytes. The item is one revision
/// above the record.
///
/// An item that has become a parcel never becomes a session again: it only ends. So whoever
/// comes across one may go on with the move, and a client that knows nothing of it finds no
/// record there that it could write to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) idle: Duration,
    /// The canonical bytes of the record.
    pub(super) record: Bytes,
}

impl Parcel {
    /// Whether `body` is a parcel and no record.
    pub(super) fn is_one(body: &[u8]) -> bool {
        body.first() == Some(&MARK)
    }

    /// Whether `body` only takes its key, for an instant, so that it can be ended.
    pub(super) fn is_reservation(body: &[u8]) -> bool {
        Self::is_one(body) && body.len() == HEADER
    }

    pub(super) fn read(body: &Bytes) -> Result<Self, Cause> {
        let idle = body.get(1..HEADER).and_then(|idle| idle.try_into().ok());
        let idle = u64::from_be_bytes(idle.ok_or(Cause::Malformed)?);
        Ok(Self {
            idle: Duration::from_millis(idle),
            record: body.slice(HEADER..),
        })
    }

    /// The header of a parcel; the record's bytes follow.
    pub(super) fn header(idle: Duration) -> [u8; HEADER] {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let mut header = [MARK; HEADER];
        header[1..].copy_from_slice(&idle.to_be_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use session_core::{Record, Timestamp};

    use super::*;

    #[test]
    fn a_parcel_holds_a_record_and_is_none() {
        let record = Record {
            payload: Bytes::from_static(b"payload"),
            labels: Bytes::new(),
            principal: None,
            created: Timestamp::from_millis(1),
            deadline: Timestamp::MAX,
        };
        let idle = Duration::from_millis(1_234_567);
        let mut body = Parcel::header(idle).to_vec();
        record.encode(&mut body);
        let body = Bytes::from(body);
        assert!(Parcel::is_one(&body) && !Parcel::is_reservation(&body));
        assert!(Parcel::is_reservation(&Parcel::header(idle)));
        assert!(Record::decode(&body, Bytes::new(), None).is_err());
        let parcel = Parcel::read(&body).unwrap();
        assert_eq!(parcel.idle, idle);
        assert!(!Parcel::is_one(&parcel.record));
        let unpacked = Record::decode(&parcel.record, Bytes::new(), None).unwrap();
        assert_eq!(unpacked, record);
    }

    #[test]
    fn what_is_cut_short_is_no_parcel() {
        for length in 0..HEADER {
            let body = Bytes::copy_from_slice(&Parcel::header(Duration::ZERO)[..length]);
            assert_eq!(Parcel::read(&body), Err(Cause::Malformed));
        }
    }
}
