//! [`Kept`]: what lies on a foreign server under a session's key.

use std::time::Duration;

use bytes::{Buf, Bytes};
use session_core::{EndReason, Loaded, PrincipalKey, Record, Revision, Timestamp};

/// What every body of ours begins with, and the version of the layout.
const MARK: [u8; 2] = [b'S', 1];

/// What lies on a foreign server under a session's key. That server keeps bytes and a timeout,
/// so everything else stands in the bytes, and a lock of the server is held while they are read,
/// changed and written back. Numbers are big-endian; times are signed milliseconds since the
/// Unix epoch by the clock of whoever wrote them.
///
/// | bytes | what |
/// |---|---|
/// | 2 | `S` and the version of the layout, 1 |
/// | 1 | 0 live; the reason of an ended one: 1 renewed, 2 destroyed, 3 revoked |
///
/// Of an ended session there follows until when it is known that it has ended (8). Of a live one:
///
/// | bytes | what |
/// |---|---|
/// | 8 | a number that its creator drew, by which he knows that it is his |
/// | 8 | revision |
/// | 8 | token of the last lease |
/// | 8 | when that lease ends |
/// | 8 | idle length in milliseconds |
/// | 8 | when the session expires if nobody touches it |
/// | 8 | the absolute deadline |
/// | 1 | 1 if it has a principal, and then 32 bytes of that |
/// | 4 | length of the labels, and the labels |
/// | rest | the canonical bytes of the record |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Live(Live),
    Ended(EndReason, Timestamp),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) creator: u64,
    pub(super) revision: Revision,
    pub(super) token: u64,
    pub(super) leased_until: Timestamp,
    pub(super) idle: Duration,
    pub(super) expires: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) record: Record,
}

impl Live {
    /// The session as a caller sees it.
    pub(super) fn loaded(&self, now: Timestamp) -> Loaded {
        Loaded {
            record: self.record.clone(),
            revision: self.revision,
            idle: self.idle,
            time_left: self.expires.since(now),
            store_time: now,
        }
    }
}

impl Kept {
    /// How long the server has to keep it, from `now` on.
    pub(super) fn time_left(&self, now: Timestamp) -> Duration {
        match self {
            Self::Live(live) => live.expires.since(now),
            Self::Ended(_, until) => until.since(now),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MARK.to_vec();
        match self {
            Self::Ended(reason, until) => {
                out.push(number(*reason));
                push_time(&mut out, *until);
            }
            Self::Live(live) => {
                out.push(0);
                live.encode(&mut out);
            }
        }
        out
    }

    /// `None` if the bytes are not ours.
    pub(super) fn decode(mut body: Bytes) -> Option<Self> {
        if body.split_to_checked(2)? != MARK[..] {
            return None;
        }
        match body.try_get_u8().ok()? {
            0 => Live::decode(body).map(Self::Live),
            reason => Some(Self::Ended(reason_of(reason)?, time(&mut body)?)),
        }
    }
}

impl Live {
    fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.creator, self.revision.get(), self.token] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        push_time(out, self.leased_until);
        let idle = u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX);
        out.extend_from_slice(&idle.to_be_bytes());
        push_time(out, self.expires);
        push_time(out, self.deadline);
        out.push(u8::from(self.record.principal.is_some()));
        if let Some(principal) = &self.record.principal {
            out.extend_from_slice(principal.as_bytes());
        }
        let labels = u32::try_from(self.record.labels.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&labels.to_be_bytes());
        out.extend_from_slice(&self.record.labels);
        self.record.encode(out);
    }

    fn decode(mut body: Bytes) -> Option<Self> {
        let creator = body.try_get_u64().ok()?;
        let revision = Revision::new(body.try_get_u64().ok()?)?;
        let token = body.try_get_u64().ok()?;
        let leased_until = time(&mut body)?;
        let idle = Duration::from_millis(body.try_get_u64().ok()?);
        let expires = time(&mut body)?;
        let deadline = time(&mut body)?;
        let principal = match body.try_get_u8().ok()? {
            0 => None,
            _ => {
                let bytes = body.split_to_checked(32)?;
                Some(PrincipalKey::from_bytes(bytes[..].try_into().ok()?))
            }
        };
        let length = usize::try_from(body.try_get_u32().ok()?).ok()?;
        let labels = body.split_to_checked(length)?;
        Some(Self {
            creator,
            revision,
            token,
            leased_until,
            idle,
            expires,
            deadline,
            record: Record::decode(&body, labels, principal).ok()?,
        })
    }
}

/// [`Bytes::split_to`] for lengths that somebody else wrote.
trait SplitTo: Sized {
    fn split_to_checked(&mut self, length: usize) -> Option<Self>;
}

impl SplitTo for Bytes {
    fn split_to_checked(&mut self, length: usize) -> Option<Self> {
        (length <= self.len()).then(|| self.split_to(length))
    }
}

fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend_from_slice(&time.as_millis().to_be_bytes());
}

fn time(body: &mut Bytes) -> Option<Timestamp> {
    body.try_get_i64().ok().map(Timestamp::from_millis)
}

fn number(reason: EndReason) -> u8 {
    match reason {
        EndReason::Renewed => 1,
        EndReason::Destroyed => 2,
        EndReason::Revoked => 3,
    }
}

fn reason_of(number: u8) -> Option<EndReason> {
    [EndReason::Renewed, EndReason::Destroyed, EndReason::Revoked]
        .into_iter()
        .find(|reason| self::number(*reason) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(principal: Option<PrincipalKey>) -> Kept {
        Kept::Live(Live {
            creator: 1,
            revision: Revision::new(2).unwrap(),
            token: 3,
            leased_until: Timestamp::from_millis(4),
            idle: Duration::from_millis(5),
            expires: Timestamp::from_millis(6),
            deadline: Timestamp::MAX,
            record: Record {
                payload: Bytes::from_static(b"payload"),
                labels: Bytes::from_static(b"labels"),
                principal,
                created: Timestamp::from_millis(7),
                deadline: Timestamp::from_millis(8),
            },
        })
    }

    #[test]
    fn what_is_kept_comes_back() {
        for kept in [
            live(None),
            live(Some(PrincipalKey::from_bytes([9; 32]))),
            Kept::Ended(EndReason::Renewed, Timestamp::from_millis(1)),
            Kept::Ended(EndReason::Destroyed, Timestamp::from_millis(2)),
            Kept::Ended(EndReason::Revoked, Timestamp::MAX),
        ] {
            let body = Bytes::from(kept.encode());
            assert_eq!(Kept::decode(body), Some(kept));
        }
    }

    #[test]
    fn what_is_cut_short_or_not_ours_is_refused() {
        let body = Bytes::from(live(None).encode());
        for length in 0..body.len() - b"payload".len() {
            assert_eq!(Kept::decode(body.slice(..length)), None, "{length}");
        }
        for body in [&b"S\x02"[..], b"S\x01\x09\0\0\0\0\0\0\0\0", b"\x01\0\0"] {
            assert_eq!(Kept::decode(Bytes::from_static(body)), None);
        }
    }
}
