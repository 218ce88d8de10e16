//! The bytes that stand under a session's key.
//!
//! | bytes | what |
//! |---|---|
//! | 6 × 8 | revision, expiry, absolute deadline, idle length, lease token, end of the lease; unsigned, big-endian, times in milliseconds of the server's clock |
//! | 1 | 1 if a principal follows, else 0 |
//! | 32 | the principal |
//! | 4 | length of the labels, big-endian |
//! | … | the labels |
//! | rest | the canonical bytes of the record |
//!
//! A tombstone is a revision of zero and one byte with the reason.

use std::time::Duration;

use bytes::{Buf, Bytes};
use session_core::{
    EndReason, Listed, Loaded, PrincipalKey, Record, Revision, StoreKey, Timestamp,
};

/// Fifty years. The server counts in floating point, where longer times would lose milliseconds.
const LONGEST: u64 = 50 * 366 * 24 * 60 * 60 * 1000;

const NUMBERS: usize = 6 * 8;

/// What stands under a key.
#[derive(Debug)]
pub(crate) enum Stored {
    Live(Live),
    Tombstone(EndReason),
}

/// A session as it stands in the server.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) revision: Revision,
    expires: u64,
    idle: u64,
    pub(crate) token: u64,
    pub(crate) record: Record,
}

/// A duration in the milliseconds that scripts work with.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// The part of the value that the client makes.
pub(crate) fn body(record: &Record) -> Vec<u8> {
    let labels = u32::try_from(record.labels.len()).unwrap_or(u32::MAX);
    let length = 1 + PrincipalKey::LENGTH + 4 + record.labels.len() + record.encoded_len();
    let mut out = Vec::with_capacity(length);
    match &record.principal {
        Some(principal) => {
            out.push(1);
            out.extend_from_slice(principal.as_bytes());
        }
        None => out.push(0),
    }
    out.extend_from_slice(&labels.to_be_bytes());
    out.extend_from_slice(&record.labels);
    record.encode(&mut out);
    out
}

/// Reads a value; `None` if it is not one of ours.
pub(crate) fn read(mut value: Bytes) -> Option<Stored> {
    if value.len() == 9 && value[..8] == [0; 8] {
        return reason(value[8]).map(Stored::Tombstone);
    }
    if value.len() <= NUMBERS {
        return None;
    }
    let revision = Revision::new(value.get_u64())?;
    let expires = value.get_u64();
    let _absolute = value.get_u64();
    let idle = value.get_u64();
    let token = value.get_u64();
    let _lease_end = value.get_u64();
    let principal = match value.try_get_u8().ok()? {
        0 => None,
        _ => {
            let mut bytes = [0; PrincipalKey::LENGTH];
            value.try_copy_to_slice(&mut bytes).ok()?;
            Some(PrincipalKey::from_bytes(bytes))
        }
    };
    let length = usize::try_from(value.try_get_u32().ok()?).ok()?;
    if length > value.len() {
        return None;
    }
    let labels = value.split_to(length);
    let record = Record::decode(&value, labels, principal).ok()?;
    Some(Stored::Live(Live {
        revision,
        expires,
        idle,
        token,
        record,
    }))
}

/// The reason with this number.
pub(crate) fn reason(number: u8) -> Option<EndReason> {
    match number {
        1 => Some(EndReason::Renewed),
        2 => Some(EndReason::Destroyed),
        3 => Some(EndReason::Revoked),
        _ => None,
    }
}

/// The number of a reason.
pub(crate) fn number(reason: EndReason) -> u8 {
    match reason {
        EndReason::Renewed => 1,
        EndReason::Destroyed => 2,
        EndReason::Revoked => 3,
    }
}

/// A server's time as the core has it.
pub(crate) fn timestamp(now: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(now).unwrap_or(i64::MAX))
}

impl Live {
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.expires <= now
    }

    fn time_left(&self, now: u64) -> Duration {
        Duration::from_millis(self.expires.saturating_sub(now))
    }

    pub(crate) fn loaded(self, now: u64) -> Loaded {
        Loaded {
            revision: self.revision,
            idle: Duration::from_millis(self.idle),
            time_left: self.time_left(now),
            store_time: timestamp(now),
            record: self.record,
        }
    }

    pub(crate) fn listed(self, key: StoreKey, now: u64) -> Listed {
        Listed {
            key,
            revision: self.revision,
            created: self.record.created,
            deadline: self.record.deadline,
            time_left: self.time_left(now),
            // Not a part of a large value that would stay in memory with it.
            labels: Bytes::copy_from_slice(&self.record.labels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(principal: Option<PrincipalKey>) -> Record {
        Record {
            payload: Bytes::from_static(b"payload"),
            labels: Bytes::from_static(b"labels"),
            principal,
            created: Timestamp::from_millis(5),
            deadline: Timestamp::from_millis(9),
        }
    }

    fn value(record: &Record) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [3u64, 1_000, 2_000, 500, 7, 0] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&body(record));
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for principal in [None, Some(PrincipalKey::from_bytes([4; 32]))] {
            let original = record(principal);
            let Some(Stored::Live(live)) = read(value(&original).into()) else {
                panic!("not read");
            };
            assert_eq!((live.revision.get(), live.token), (3, 7));
            assert!(live.is_expired(1_000) && !live.is_expired(999));
            let loaded = live.loaded(400);
            assert_eq!(loaded.record, original);
            assert_eq!(loaded.time_left, Duration::from_millis(600));
        }
    }

    #[test]
    fn what_is_not_ours_is_noticed() {
        let whole = value(&record(None));
        for end in 0..NUMBERS + 1 + 4 + 6 + 17 {
            assert!(
                read(Bytes::copy_from_slice(&whole[..end])).is_none(),
                "{end}"
            );
        }
        assert!(read(Bytes::from_static(b"\0\0\0\0\0\0\0\0\x04")).is_none());
    }

    #[test]
    fn tombstones_have_their_reason() {
        for reason in [EndReason::Renewed, EndReason::Destroyed, EndReason::Revoked] {
            let mut value = vec![0; 8];
            value.push(number(reason));
            assert!(
                matches!(read(value.into()), Some(Stored::Tombstone(found)) if found == reason)
            );
        }
    }
}
