//! Memory that counts against the cap as long as somebody holds it.

use std::sync::Arc;

use bytes::Bytes;

use super::items::{Full, Purpose};
use super::state::State;

/// Memory that counts against the cap until this is dropped.
pub(crate) struct Room {
    state: Arc<State>,
    purpose: Purpose,
    bytes: usize,
}

impl Room {
    /// None yet.
    pub(crate) fn empty(state: &Arc<State>, purpose: Purpose) -> Self {
        Self {
            state: Arc::clone(state),
            purpose,
            bytes: 0,
        }
    }

    pub(crate) fn take(state: &Arc<State>, purpose: Purpose, bytes: usize) -> Result<Self, Full> {
        let mut room = Self::empty(state, purpose);
        room.resize(bytes)?;
        Ok(room)
    }

    /// Makes it as large as `bytes`. Less is never refused.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        let budget = &self.state.budget;
        if bytes > self.bytes {
            budget.take(self.purpose, bytes - self.bytes)?;
        } else {
            budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// Bytes that count against the cap on memory as long as somebody has them.
struct Paid(
    Vec<u8>,
    #[expect(dead_code, reason = "what counts is when it goes")] Room,
);

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Room {
    /// Bytes for which this room was made.
    pub(crate) fn fill(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Paid(bytes, self))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.state.budget.give_back(self.bytes);
    }
}
