//! A record as it is kept: payload, labels and principal in one exact allocation.

use bytes::Bytes;
use session_core::{PrincipalKey, Record, StoreError, StoreErrorKind, Timestamp};

use crate::session::Session;
use crate::store::NAME;

/// A record's contents.
///
/// The bytes are copied on the way in, because the caller's may be a slice of a larger buffer
/// that they would keep alive; on the way out they are shared.
pub(crate) struct Content {
    /// Payload, labels, and the principal if there is one.
    body: Bytes,
    payload_end: u32,
    labels_end: u32,
    created: Timestamp,
    deadline: Timestamp,
}

impl Content {
    /// What a session costs beside its body: itself, its place in the table and in the expiry
    /// order, and what the allocator adds.
    const FIXED: usize = size_of::<Session>() + 120;
    /// What a place in the principal index costs.
    const INDEXED: usize = 80;

    pub(crate) fn new(record: &Record) -> Result<Self, StoreError> {
        let Ok(labels_end) = u32::try_from(record.size()) else {
            let message = "a record has 4 GiB at most";
            return Err(StoreError::new(StoreErrorKind::TooLarge, NAME, message));
        };
        let principal = record.principal.as_ref().map(PrincipalKey::as_bytes);
        let principal = principal.map_or(&[][..], |bytes| &bytes[..]);
        let mut body = Vec::with_capacity(record.size() + principal.len());
        body.extend_from_slice(&record.payload);
        body.extend_from_slice(&record.labels);
        body.extend_from_slice(principal);
        Ok(Self {
            body: Bytes::from(body),
            payload_end: labels_end - record.labels.len() as u32,
            labels_end,
            created: record.created,
            deadline: record.deadline,
        })
    }

    /// The memory that a session with this content takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        let has_principal = (self.labels_end as usize) < self.body.len();
        let indexed = if has_principal { Self::INDEXED } else { 0 };
        Self::FIXED + indexed + self.body.len()
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            payload: self.part(0, self.payload_end),
            labels: self.labels(),
            principal: self.principal(),
            created: self.created,
            deadline: self.deadline,
        }
    }

    pub(crate) fn labels(&self) -> Bytes {
        self.part(self.payload_end, self.labels_end)
    }

    pub(crate) fn principal(&self) -> Option<PrincipalKey> {
        let bytes = self.body[self.labels_end as usize..].try_into().ok()?;
        Some(PrincipalKey::from_bytes(bytes))
    }

    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }

    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadline
    }

    fn part(&self, start: u32, end: u32) -> Bytes {
        if start == end {
            return Bytes::new();
        }
        self.body.slice(start as usize..end as usize)
    }
}
