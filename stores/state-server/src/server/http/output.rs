//! Writing responses.

use bytes::Bytes;
use session_core::Timestamp;

use super::held::Held;
use crate::server::refusal::Refusal;
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
    pub(super) held: Vec<Held>,
    pub(super) counts: Counts,
}

/// How often something was answered.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) statuses: [u32; Status::ALL.len()],
    pub(crate) refusals: [u32; Refusal::ALL.len()],
}

impl Output {
    /// Bodies from this size on are not copied. An answer may so have one that its item has no
    /// longer; that is why they count against the cap on memory by themselves.
    pub(crate) const LARGE: usize = 32 << 10;
    /// How much is gathered before it is written.
    const FULL: usize = 256 << 10;

    pub(crate) fn is_large(body: &Bytes) -> bool {
        body.len() >= Self::LARGE
    }

    /// Whether it has to be written before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.large.is_some() || self.buffer.len() >= Self::FULL
    }

    /// Begins a response. `time` is the server's, for a client that speaks the extended
    /// protocol.
    pub(crate) fn begin(&mut self, status: Status, time: Option<Timestamp>) -> Response<'_> {
        self.counts.statuses[status as usize] += 1;
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

    /// Writes a response that refuses. With a time, the client speaks the extended protocol and
    /// is told why: for `reason`, if that says more.
    pub(crate) fn refuse(
        &mut self,
        refusal: Refusal,
        time: Option<Timestamp>,
        reason: Option<&str>,
    ) {
        self.counts.refusals[refusal as usize] += 1;
        let mut response = self.begin(refusal.status(), time);
        if time.is_some() {
            let reason = reason.unwrap_or(refusal.reason());
            response.text(header::SESSION_REASON, reason.as_bytes());
        }
        response.finish();
    }

    /// What was answered since the last time this was asked.
    pub(crate) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
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
        if Output::is_large(body) {
            self.0.large = Some(body.clone());
        } else {
            self.0.buffer.extend_from_slice(body);
        }
    }
}
