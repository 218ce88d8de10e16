//! A record as it is kept: payload and labels in one exact allocation.

use bytes::Bytes;
use session_core::{PrincipalKey, Record, Timestamp};

use crate::session::Session;

/// A record's contents.
///
/// The bytes are copied on the way in, because the caller's may be a slice of a larger buffer
/// that they would keep alive; on the way out they are shared.
pub(crate) struct Content {
    body: Bytes,
    payload_length: usize,
    principal: Option<Box<PrincipalKey>>,
    created: Timestamp,
    deadline: Timestamp,
}

impl Content {
    /// What a session costs beside its body: itself, its place in the table and in the expiry
    /// order, and what the allocator adds.
    const FIXED: usize = size_of::<Session>() + 120;
    /// What a principal costs, with its place in the index.
    const PRINCIPAL: usize = 140;

    pub(crate) fn new(record: &Record) -> Self {
        let mut body = Vec::with_capacity(record.size());
        body.extend_from_slice(&record.payload);
        body.extend_from_slice(&record.labels);
        Self {
            body: Bytes::from(body),
            payload_length: record.payload.len(),
            principal: record.principal.map(Box::new),
            created: record.created,
            deadline: record.deadline,
        }
    }

    /// The memory that a session with this content takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        let principal = self.principal.as_ref().map_or(0, |_| Self::PRINCIPAL);
        Self::FIXED + principal + self.body.len()
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            payload: self.payload(),
            labels: self.labels(),
            principal: self.principal(),
            created: self.created,
            deadline: self.deadline,
        }
    }

    pub(crate) fn labels(&self) -> Bytes {
        if self.payload_length == self.body.len() {
            return Bytes::new();
        }
        self.body.slice(self.payload_length..)
    }

    pub(crate) fn principal(&self) -> Option<PrincipalKey> {
        self.principal.as_deref().copied()
    }

    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }

    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadline
    }

    fn payload(&self) -> Bytes {
        if self.payload_length == self.body.len() {
            return self.body.clone();
        }
        self.body.slice(..self.payload_length)
    }
}
