//! What rows mean in the words of the contract.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::FromSql;
use session_core::{
    EndReason, LeaseToken, Loaded, PrincipalKey, Record, Revision, StoreKey, Timestamp,
};

use super::fault::{Fault, Target};
use crate::shared::reason;

/// A row and the file that it is from.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    row: &'a Row<'a>,
    target: &'a Target,
}

impl<'a> Reader<'a> {
    pub(super) fn new(row: &'a Row<'a>, target: &'a Target) -> Self {
        Self { row, target }
    }

    /// A column in the type that it was declared with.
    pub(super) fn get<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        let failed = |error| self.target.failed(&error);
        self.row.get(column).map_err(failed)
    }

    fn blob(&self, column: usize) -> Result<Option<&'a [u8]>, Fault> {
        let value = self.row.get_ref(column);
        let value = value.map_err(|error| self.target.failed(&error))?;
        let wrong = |_| self.corrupt("a column of another type");
        value.as_blob_or_null().map_err(wrong)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Bytes, Fault> {
        let blob = self.blob(column)?;
        Ok(Bytes::copy_from_slice(blob.unwrap_or_default()))
    }

    /// A record with what stands beside it, in the columns from `first` on.
    pub(super) fn loaded(&self, first: usize, now: Timestamp) -> Result<Loaded, Fault> {
        Ok(Loaded {
            revision: self.revision(first)?,
            idle: self.length(first + 1)?,
            time_left: self.time(first + 2)?.since(now),
            store_time: now,
            record: self.record(first + 3)?,
        })
    }

    fn record(&self, first: usize) -> Result<Record, Fault> {
        let principal = self.principal(first)?;
        self.decoded(self.bytes(first + 1)?, self.bytes(first + 2)?, principal)
    }

    /// The record of labels and canonical bytes, or of their header.
    pub(super) fn decoded(
        &self,
        labels: Bytes,
        content: Bytes,
        principal: Option<PrincipalKey>,
    ) -> Result<Record, Fault> {
        Record::decode(&content, labels, principal)
            .map_err(|cause| self.corrupt(&format!("a record that is {cause}")))
    }

    pub(super) fn revision(&self, column: usize) -> Result<Revision, Fault> {
        let number: i64 = self.get(column)?;
        let revision = u64::try_from(number).ok().and_then(Revision::new);
        revision.ok_or_else(|| self.corrupt("a revision that is not positive"))
    }

    pub(super) fn principal(&self, column: usize) -> Result<Option<PrincipalKey>, Fault> {
        let wrong = |_| self.corrupt("a principal that has not 32 bytes");
        let blob = self.blob(column)?;
        blob.map(|bytes| {
            bytes
                .try_into()
                .map(PrincipalKey::from_bytes)
                .map_err(wrong)
        })
        .transpose()
    }

    pub(super) fn key(&self, column: usize) -> Result<StoreKey, Fault> {
        let bytes = self.blob(column)?.unwrap_or_default();
        let wrong = |_| self.corrupt("a key that has not 32 bytes");
        bytes.try_into().map(StoreKey::from_bytes).map_err(wrong)
    }

    pub(super) fn token(&self, column: usize) -> Result<LeaseToken, Fault> {
        let number: i64 = self.get(column)?;
        let token = u64::try_from(number).map(LeaseToken::new);
        token.map_err(|_| self.corrupt("a lease token that is negative"))
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
        self.get(column).map(Timestamp::from_millis)
    }

    pub(super) fn length(&self, column: usize) -> Result<Duration, Fault> {
        let millis: i64 = self.get(column)?;
        Ok(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    }

    pub(super) fn corrupt(&self, what: &str) -> Fault {
        self.target.corrupt(what)
    }
}
