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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use session_core::Timestamp;

    use super::Output;
    use crate::wire::Status;

    fn answer(out: &mut Output, body: &Bytes, number: u64) {
        let start = out.end();
        out.begin(Status::Ok, None).finish_with(body);
        out.hold_back(start, number, false);
    }

    #[test]
    fn only_what_is_not_written_is_withdrawn() {
        let mut out = Output::default();
        let large = Bytes::from(vec![b'x'; 100_000]);
        for (body, number) in [("a", 0), ("b", 5), ("c", 7), ("d", 6)] {
            answer(&mut out, &Bytes::from_static(body.as_bytes()), number);
        }
        answer(&mut out, &large, 8);
        assert_eq!(out.held_back(), Some(8));
        out.withdraw(6, Timestamp::from_millis(0));
        let text = String::from_utf8(out.buffer.clone()).unwrap();
        let answers: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
        let starts = ["200", "200", "503", "200", "503"];
        for (answer, start) in answers.iter().zip(starts) {
            assert!(answer.starts_with(start), "{text}");
        }
        assert_eq!(answers.len(), starts.len());
        assert!(answers[1].ends_with("\r\n\r\nb") && answers[3].ends_with("\r\n\r\nd"));
        assert!(out.large.is_none());
        assert_eq!(out.held_back(), None);
        let counts = out.take_counts().statuses;
        assert_eq!(counts[Status::Ok as usize], 3);
        assert_eq!(counts[Status::ServiceUnavailable as usize], 2);
    }

    #[test]
    fn a_large_body_stays_with_its_answer() {
        let mut out = Output::default();
        answer(&mut out, &Bytes::from_static(b"a"), 9);
        answer(&mut out, &Bytes::from(vec![b'x'; 100_000]), 0);
        out.withdraw(0, Timestamp::from_millis(0));
        assert!(out.large.is_some());
        assert!(out.buffer.starts_with(b"HTTP/1.1 503"));
    }
}
