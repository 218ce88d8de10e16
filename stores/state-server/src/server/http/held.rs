//! Responses that wait for the disk.

use std::ops::Range;

use session_core::Timestamp;

use super::output::Output;
use crate::server::refusal::Refusal;
use crate::wire::Status;

/// A response that must not go out before the change with this number is on the disk.
pub(super) struct Held {
    /// Where it stands in the buffer.
    place: Range<usize>,
    number: u64,
    extended: bool,
}

impl Output {
    /// Where the next response begins.
    pub(crate) fn end(&self) -> usize {
        self.buffer.len()
    }

    /// Holds what was written since `start` back until the change `number` is on the disk; 0 is
    /// no change.
    pub(crate) fn hold_back(&mut self, start: usize, number: u64, extended: bool) {
        let place = start..self.end();
        if number > 0 && !place.is_empty() {
            self.held.push(Held {
                place,
                number,
                extended,
            });
        }
    }

    /// The change that all responses together have to wait for.
    pub(crate) fn held_back(&self) -> Option<u64> {
        self.held.iter().map(|held| held.number).max()
    }

    /// Everything is on the disk.
    pub(crate) fn let_go(&mut self) {
        self.held.clear();
    }

    /// Puts a refusal in the place of each response that has waited for a change after
    /// `written`.
    pub(crate) fn withdraw(&mut self, written: u64, time: Timestamp) {
        let old = std::mem::take(&mut self.buffer);
        let mut at = 0;
        for held in std::mem::take(&mut self.held) {
            if held.number <= written {
                continue;
            }
            self.buffer.extend_from_slice(&old[at..held.place.start]);
            self.uncount(&old[held.place.clone()]);
            at = held.place.end;
            // Nothing comes after a large body, so it is this response's.
            self.large.take_if(|_| at == old.len());
            self.refuse(Refusal::Disk, held.extended.then_some(time), None);
        }
        self.buffer.extend_from_slice(&old[at..]);
    }

    /// Takes a response back that was counted.
    fn uncount(&mut self, response: &[u8]) {
        let is_its = |status: &&Status| response.starts_with(status.line().as_bytes());
        if let Some(status) = Status::ALL.iter().find(is_its) {
            self.counts.statuses[*status as usize] -= 1;
        }
    }
}
