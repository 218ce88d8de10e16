//! Writing responses.

use std::ops::Range;

use bytes::Bytes;
use session_core::Timestamp;

use crate::wire::{COMMON_HEADERS, Status, header, push_decimal};

/// What goes to a client, in order. The responses to requests that came together are written
/// together.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) buffer: Vec<u8>,
    /// A large body, which comes after the buffer and is not copied into it. Nothing can be
    /// added before it is written.
    pub(crate) large: Option<Bytes>,
    /// The responses that have to wait for the disk; without a disk none.
    held: Vec<Held>,
    statuses: [u32; Status::ALL.len()],
}

/// A response that must not go out before the change with this number is on the disk.
struct Held {
    /// Where it stands in the buffer.
    place: Range<usize>,
    number: u64,
    extended: bool,
}

impl Output {
    /// Why a response is withdrawn.
    pub(crate) const NO_DISK: &str = "the server's disk fails";

    /// Bodies from this size on are not copied.
    const LARGE: usize = 32 << 10;
    /// How much is gathered before it is written.
    const FULL: usize = 256 << 10;

    /// Whether it has to be written before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.large.is_some() || self.buffer.len() >= Self::FULL
    }

    /// Begins a response. `time` is the server's, for a client that speaks the extended
    /// protocol.
    pub(crate) fn begin(&mut self, status: Status, time: Option<Timestamp>) -> Response<'_> {
        self.statuses[status as usize] += 1;
        self.buffer.extend_from_slice(status.line().as_bytes());
        self.buffer.extend_from_slice(COMMON_HEADERS.as_bytes());
        let mut response = Response(self);
        if let Some(time) = time {
            response.text(header::SESSION_PROTOCOL, crate::wire::PROTOCOL.as_bytes());
            let time = u64::try_from(time.as_millis()).unwrap_or(0);
            response.number(header::SESSION_TIME, time);
        }
        response
    }

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

    /// Puts a 503 in the place of each response that has waited for a change after `written`.
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
            let time = held.extended.then_some(time);
            let mut response = self.begin(Status::ServiceUnavailable, time);
            if held.extended {
                response.text(header::SESSION_REASON, Self::NO_DISK.as_bytes());
            }
            response.finish();
        }
        self.buffer.extend_from_slice(&old[at..]);
    }

    /// Takes a response back that was counted.
    fn uncount(&mut self, response: &[u8]) {
        let line = |status: &&Status| response.starts_with(status.line().as_bytes());
        if let Some(status) = Status::ALL.iter().find(line) {
            self.statuses[*status as usize] -= 1;
        }
    }

    /// The statuses that were answered since the last time this was asked.
    pub(crate) fn take_statuses(&mut self) -> [u32; Status::ALL.len()] {
        std::mem::take(&mut self.statuses)
    }
}

/// A response whose headers are being written.
pub(crate) struct Response<'a>(&'a mut Output);

impl Response<'_> {
    pub(crate) fn text(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.field(name, |buffer| buffer.extend_from_slice(value))
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.field(name, |buffer| push_decimal(buffer, value))
    }

    /// A header whose value `write` appends.
    pub(crate) fn field(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let buffer = &mut self.0.buffer;
        buffer.extend_from_slice(name.as_bytes());
        buffer.extend_from_slice(b": ");
        write(buffer);
        buffer.extend_from_slice(b"\r\n");
        self
    }

    /// Ends the response without a body.
    pub(crate) fn finish(&mut self) {
        self.number(header::CONTENT_LENGTH, 0);
        self.0.buffer.extend_from_slice(b"\r\n");
    }

    /// Ends the response with a body.
    pub(crate) fn finish_with(&mut self, body: &Bytes) {
        self.number(header::CONTENT_LENGTH, body.len() as u64);
        self.0.buffer.extend_from_slice(b"\r\n");
        if body.len() < Output::LARGE {
            self.0.buffer.extend_from_slice(body);
        } else {
            self.0.large = Some(body.clone());
        }
    }
}
