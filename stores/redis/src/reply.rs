//! What the answers of scripts mean.

use bytes::Bytes;
use redis::Value;
use session_core::{EndReason, PrincipalKey, StoreError, StoreErrorKind};

use crate::NAME;
use crate::value::{Live, Stored, read, reason};

/// The answer of a script, whose numbers are those of `base.lua`.
#[derive(Debug)]
pub(crate) enum Reply {
    Missing,
    /// Done; and whom the session belonged to, if the index of another is to be put right.
    Done(Option<PrincipalKey>),
    Leased,
    /// The principal is another and the index has not been written.
    Unlisted,
    Taken,
    Ended(EndReason),
    /// The server's time and the session as it is.
    Current(u64, Live),
    /// How many milliseconds the lease of somebody else lasts.
    Busy(u64),
}

impl Reply {
    pub(crate) fn read(answers: Vec<Value>) -> Result<Self, StoreError> {
        match answers.into_iter().next() {
            Some(Value::Int(number)) => Self::number(number),
            Some(Value::BulkString(bytes)) => {
                let principal = bytes.as_slice().try_into().map_err(|_| foreign())?;
                Ok(Self::Done(Some(PrincipalKey::from_bytes(principal))))
            }
            Some(Value::Array(parts)) => Self::parts(parts),
            _ => Err(foreign()),
        }
    }

    fn number(number: i64) -> Result<Self, StoreError> {
        match number {
            0 => Ok(Self::Missing),
            1 => Ok(Self::Done(None)),
            2 => Ok(Self::Leased),
            3 => Ok(Self::Unlisted),
            5 => Ok(Self::Taken),
            _ => {
                let number = u8::try_from(number - 16).map_err(|_| foreign())?;
                reason(number).map(Self::Ended).ok_or_else(foreign)
            }
        }
    }

    fn parts(parts: Vec<Value>) -> Result<Self, StoreError> {
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next()) {
            (Some(Value::Int(left)), None) => {
                Ok(Self::Busy(u64::try_from(left).unwrap_or_default()))
            }
            (Some(Value::Int(now)), Some(Value::BulkString(value))) => {
                match read(Bytes::from(value)) {
                    Some(Stored::Live(live)) => {
                        Ok(Self::Current(u64::try_from(now).unwrap_or_default(), live))
                    }
                    _ => Err(foreign()),
                }
            }
            _ => Err(foreign()),
        }
    }
}

/// What a plain read of a key found.
#[derive(Debug)]
pub(crate) enum Found {
    Absent,
    Ended(EndReason),
    /// The server's time and the session.
    Live(u64, Live),
}

/// Reads the answers to `GET` (or `GETRANGE`) and `TIME`.
pub(crate) fn found(answers: Vec<Value>) -> Result<Found, StoreError> {
    let mut answers = answers.into_iter();
    let value = match answers.next() {
        Some(Value::Nil) => return Ok(Found::Absent),
        Some(Value::BulkString(bytes)) if bytes.is_empty() => return Ok(Found::Absent),
        Some(Value::BulkString(bytes)) => Bytes::from(bytes),
        _ => return Err(foreign()),
    };
    let now = answers.next().as_ref().and_then(time).ok_or_else(foreign)?;
    match read(value).ok_or_else(foreign)? {
        Stored::Tombstone(reason) => Ok(Found::Ended(reason)),
        Stored::Live(live) if live.is_expired(now) => Ok(Found::Absent),
        Stored::Live(live) => Ok(Found::Live(now, live)),
    }
}

/// The milliseconds of an answer to `TIME`.
pub(crate) fn time(answer: &Value) -> Option<u64> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let number = |part: &Value| match part {
        Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    let (seconds, micros) = (number(parts.first()?)?, number(parts.get(1)?)?);
    Some(seconds * 1_000 + micros / 1_000)
}

/// Something stands there that we have not written.
pub(crate) fn foreign() -> StoreError {
    let message = "a value under one of our keys is not ours; does another program, or a newer \
                   version of this one, use the same store.key_prefix?";
    StoreError::new(StoreErrorKind::Corrupt, NAME, message)
}
