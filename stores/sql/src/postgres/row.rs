//! What rows mean in the words of the contract.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use session_core::{
    EndReason, LeaseToken, Loaded, PrincipalKey, Record, Revision, StoreKey, Timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::{Fault, Target};
use crate::shared::reason;

/// A row and who sent it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) row: &'a Row,
    pub(super) target: &'a Target,
}

impl<'a> Reader<'a> {
    pub(super) fn new(row: &'a Row, target: &'a Target) -> Self {
        Self { row, target }
    }

    /// A column in the type that it was declared with.
    pub(super) fn get<T: FromSql<'a>>(&self, column: usize) -> Result<T, Fault> {
        let corrupt = |_| self.corrupt("a column of another type");
        self.row.try_get(column).map_err(corrupt)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Bytes, Fault> {
        self.get(column).map(Bytes::copy_from_slice)
    }

    /// A record with what stands beside it, in the columns from `first` on.
    pub(super) fn loaded(&self, first: usize) -> Result<Loaded, Fault> {
        let expires: SystemTime = self.get(first + 2)?;
        let now: SystemTime = self.get(first + 3)?;
        let idle: i64 = self.get(first + 1)?;
        Ok(Loaded {
            revision: self.revision(first)?,
            idle: Duration::from_millis(u64::try_from(idle).unwrap_or(0)),
            time_left: expires.duration_since(now).unwrap_or_default(),
            store_time: timestamp(now),
            record: self.record(first)?,
        })
    }

    fn record(&self, first: usize) -> Result<Record, Fault> {
        let principal = self.principal(first + 4)?;
        let labels = self.bytes(first + 5)?;
        let content = self.bytes(first + 6)?;
        Record::decode(&content, labels, principal)
            .map_err(|cause| self.corrupt(&format!("a record that is {cause}")))
    }

    pub(super) fn revision(&self, column: usize) -> Result<Revision, Fault> {
        let number: i64 = self.get(column)?;
        let revision = u64::try_from(number).ok().and_then(Revision::new);
        revision.ok_or_else(|| self.corrupt("a revision that is not positive"))
    }

    pub(super) fn principal(&self, column: usize) -> Result<Option<PrincipalKey>, Fault> {
        let bytes: Option<&[u8]> = self.get(column)?;
        let wrong = |_| self.corrupt("a principal that has not 32 bytes");
        bytes
            .map(|bytes| {
                bytes
                    .try_into()
                    .map(PrincipalKey::from_bytes)
                    .map_err(wrong)
            })
            .transpose()
    }

    pub(super) fn key(&self, column: usize) -> Result<StoreKey, Fault> {
        let bytes: &[u8] = self.get(column)?;
        let wrong = |_| self.corrupt("a key that has not 32 bytes");
        bytes.try_into().map(StoreKey::from_bytes).map_err(wrong)
    }

    pub(super) fn token(&self, column: usize) -> Result<Option<LeaseToken>, Fault> {
        let number: Option<i64> = self.get(column)?;
        let wrong = |_| self.corrupt("a lease token that is negative");
        let token = number.map(u64::try_from).transpose().map_err(wrong)?;
        Ok(token.map(LeaseToken::new))
    }

    /// Why the session ended, if it did.
    pub(super) fn ended(&self, column: usize) -> Result<Option<EndReason>, Fault> {
        let number: Option<i16> = self.get(column)?;
        let wrong = || self.corrupt("a reason of an end that is unknown");
        number
            .map(|number| reason::reason(number).ok_or_else(wrong))
            .transpose()
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, Fault> {
        self.get(column).map(timestamp)
    }

    pub(super) fn corrupt(&self, what: &str) -> Fault {
        self.target.corrupt(what)
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let epoch = Timestamp::default();
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => epoch.saturating_add(since),
        Err(before) => epoch.saturating_sub(before.duration()),
    }
}
