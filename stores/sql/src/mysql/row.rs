//! What rows mean in the words of the contract.

use std::time::Duration;

use bytes::Bytes;
use mysql_async::{Row, Value};
use session_core::{
    EndReason, LeaseToken, Loaded, PrincipalKey, Record, Revision, StoreKey, Timestamp,
};

use super::fault::{Fault, Target};
use crate::shared::reason;

/// A row and who sent it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    row: &'a Row,
    target: &'a Target,
}

impl<'a> Reader<'a> {
    pub(super) fn new(row: &'a Row, target: &'a Target) -> Self {
        Self { row, target }
    }

    fn value(&self, column: usize) -> Result<&'a Value, Fault> {
        let missing = || self.corrupt("a column that is not there");
        self.row.as_ref(column).ok_or_else(missing)
    }

    /// A number, which stands as text in the answer to a statement that was not prepared.
    pub(super) fn optional(&self, column: usize) -> Result<Option<i64>, Fault> {
        let number = match self.value(column)? {
            Value::NULL => return Ok(None),
            Value::Int(number) => Some(*number),
            Value::UInt(number) => i64::try_from(*number).ok(),
            Value::Bytes(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok()),
            _ => None,
        };
        let wrong = || self.corrupt("a column that is no number");
        number.map(Some).ok_or_else(wrong)
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, Fault> {
        let wrong = || self.corrupt("a column without its number");
        self.optional(column)?.ok_or_else(wrong)
    }

    pub(super) fn is_true(&self, column: usize) -> Result<bool, Fault> {
        Ok(self.optional(column)?.is_some_and(|number| number != 0))
    }

    fn slice(&self, column: usize) -> Result<Option<&'a [u8]>, Fault> {
        match self.value(column)? {
            Value::NULL => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(self.corrupt("a column that has no bytes")),
        }
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Bytes, Fault> {
        let bytes = self.slice(column)?.unwrap_or_default();
        Ok(Bytes::copy_from_slice(bytes))
    }

    /// A record with what stands beside it, in the columns from `first` on.
    pub(super) fn loaded(&self, first: usize) -> Result<Loaded, Fault> {
        let idle = self.number(first + 1)?;
        Ok(Loaded {
            revision: self.revision(first)?,
            idle: millis(idle),
            time_left: millis(self.number(first + 2)? - self.number(first + 3)?),
            store_time: self.time(first + 3)?,
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
        let number = u64::try_from(self.number(column)?).ok();
        let revision = number.and_then(Revision::new);
        revision.ok_or_else(|| self.corrupt("a revision that is not positive"))
    }

    pub(super) fn principal(&self, column: usize) -> Result<Option<PrincipalKey>, Fault> {
        let wrong = |_| self.corrupt("a principal that has not 32 bytes");
        let principal = |bytes: &[u8]| bytes.try_into().map(PrincipalKey::from_bytes);
        let bytes = self.slice(column)?;
        bytes.map(principal).transpose().map_err(wrong)
    }

    pub(super) fn key(&self, column: usize) -> Result<StoreKey, Fault> {
        let bytes = self.slice(column)?.unwrap_or_default();
        let wrong = |_| self.corrupt("a key that has not 32 bytes");
        bytes.try_into().map(StoreKey::from_bytes).map_err(wrong)
    }

    pub(super) fn token(&self, column: usize) -> Result<LeaseToken, Fault> {
        let wrong = |_| self.corrupt("a lease token that is negative");
        let number = u64::try_from(self.number(column)?).map_err(wrong)?;
        Ok(LeaseToken::new(number))
    }

    /// Why the session ended, if it did.
    pub(super) fn ended(&self, column: usize) -> Result<Option<EndReason>, Fault> {
        let wrong = || self.corrupt("a reason of an end that is unknown");
        let reason = |number| i16::try_from(number).ok().and_then(reason::reason);
        let number = self.optional(column)?;
        number
            .map(|number| reason(number).ok_or_else(wrong))
            .transpose()
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, Fault> {
        self.number(column).map(Timestamp::from_millis)
    }

    pub(super) fn corrupt(&self, what: &str) -> Fault {
        self.target.corrupt(what)
    }
}

/// So many milliseconds, none if the number is negative.
pub(super) fn millis(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}
