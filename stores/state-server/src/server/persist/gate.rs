//! Answers that are held back until what they tell is on the disk.

use std::sync::Arc;

use super::journal::NotWritten;
use crate::server::http::{Output, Request};
use crate::server::items::{Key, Purpose};
use crate::server::room::Room;
use crate::server::state::State;

impl State {
    /// Holds the answer back that begins at `start`, if what it tells about the item under
    /// `key` has to be on the disk first.
    pub(crate) fn hold_back(
        &self,
        key: &Key,
        request: &Request<'_>,
        start: usize,
        out: &mut Output,
    ) {
        if let Some(journal) = self.journal() {
            out.hold_back(start, journal.needed(key, request.verb), request.extended);
        }
    }

    /// As [`hold_back`](Self::hold_back), for an answer to our own client about the control row
    /// `name`.
    pub(crate) fn hold_back_row(&self, name: &[u8], start: usize, out: &mut Output) {
        if let Some(journal) = self.journal() {
            out.hold_back(start, journal.needed_for_row(name), true);
        }
    }

    /// As [`hold_back`](Self::hold_back), for an answer to our own client that tells of
    /// everything so far.
    pub(crate) fn hold_back_all(&self, start: usize, out: &mut Output) {
        if let Some(journal) = self.journal() {
            out.hold_back(start, journal.last(), true);
        }
    }

    /// Whether a write has to be refused because the disk fails.
    pub(crate) fn has_no_disk(&self) -> bool {
        self.journal().is_some_and(|journal| journal.is_failed())
    }

    /// Waits until everything is on the disk that holds an answer of `out` back; what comes to
    /// nothing is answered 503 instead.
    pub(crate) async fn let_go(self: &Arc<Self>, out: &mut Output) {
        let (Some(journal), Some(number)) = (self.journal(), out.held_back()) else {
            return;
        };
        // It counts against the cap as long as it waits; it is not refused, because it is done.
        let _room = Room::take(self, Purpose::Connections, out.buffer.capacity());
        match journal.written(number).await {
            Ok(()) => out.let_go(),
            Err(NotWritten) => out.withdraw(journal.progress().committed, self.wall()),
        }
    }
}
