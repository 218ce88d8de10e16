//! What answers mean in the words of the contract.

use bytes::Bytes;
use session_core::{
    Acquire, Cause, Create, EndReason, Extend, LeaseToken, Load, Loaded, MetaRow, MetaSet, Record,
    Revision, Save, StoreError, StoreErrorKind, Timestamp, Touch,
};

use super::NAME;
use super::address::Address;
use super::parcel::Parcel;
use super::reply::Reply;

/// An answer and whose it is.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) server: &'a Address,
    pub(super) reply: Reply,
}

impl Answer<'_> {
    /// Whether the session is not here, but may be elsewhere.
    pub(super) fn is_miss(&self) -> bool {
        match self.reply.status {
            404 => true,
            410 => self.reply.ended == Some(EndReason::Renewed),
            _ => false,
        }
    }

    pub(super) fn create(self) -> Result<Create, StoreError> {
        match self.reply.status {
            200 | 201 => Ok(Create::Created(Revision::FIRST)),
            // A tombstone is a taken key as well.
            410 | 412 => Ok(Create::AlreadyExists),
            _ => Err(self.unexpected("PUT")),
        }
    }

    pub(super) fn load(self) -> Result<Load, StoreError> {
        match self.reply.status {
            200 => Ok(Load::Found(self.loaded()?)),
            404 => Ok(Load::Absent),
            410 => Ok(Load::Ended(self.reason()?)),
            _ => Err(self.unexpected("GET")),
        }
    }

    pub(super) fn save(self) -> Result<Save, StoreError> {
        match self.reply.status {
            200 | 201 => {
                let revision = self.reply.revision;
                let revision = revision.ok_or_else(|| self.corrupt("an answer without ETag"))?;
                Ok(Save::Saved(revision))
            }
            404 => Ok(Save::Missing),
            410 => Ok(Save::Ended(self.reason()?)),
            412 => Ok(Save::Stale(self.loaded()?)),
            423 => Ok(Save::Leased),
            409 => {
                let problem = "the key that the session is to be renamed to is taken";
                Err(self.error(StoreErrorKind::Other, problem))
            }
            _ => Err(self.unexpected("PUT or MOVE")),
        }
    }

    pub(super) fn touch(&self) -> Result<Touch, StoreError> {
        match self.reply.status {
            200 => Ok(Touch::Touched),
            404 | 410 => Ok(Touch::Missing),
            _ => Err(self.unexpected("HEAD")),
        }
    }

    pub(super) fn delete(&self) -> Result<bool, StoreError> {
        match self.reply.status {
            200 => Ok(true),
            404 | 410 => Ok(false),
            _ => Err(self.unexpected("DELETE")),
        }
    }

    pub(super) fn acquire(self) -> Result<Acquire, StoreError> {
        match self.reply.status {
            200 => {
                let cookie = self.reply.lock_cookie;
                let cookie = cookie.ok_or_else(|| self.corrupt("a lock without LockCookie"))?;
                Ok(Acquire::Acquired(LeaseToken::new(cookie), self.loaded()?))
            }
            404 => Ok(Acquire::Absent),
            410 => Ok(Acquire::Ended(self.reason()?)),
            423 => Ok(Acquire::Busy),
            _ => Err(self.unexpected("GET to acquire")),
        }
    }

    pub(super) fn extend(&self) -> Result<Extend, StoreError> {
        match self.reply.status {
            200 => Ok(Extend::Extended),
            404 | 410 | 423 => Ok(Extend::Lost),
            _ => Err(self.unexpected("HEAD to extend")),
        }
    }

    pub(super) fn release(&self) -> Result<bool, StoreError> {
        match self.reply.status {
            200 => Ok(true),
            404 | 410 | 423 => Ok(false),
            _ => Err(self.unexpected("GET to release")),
        }
    }

    pub(super) fn delete_all(&self) -> Result<u64, StoreError> {
        match (self.reply.status, self.reply.count) {
            (200, Some(count)) => Ok(count),
            (200, None) => Err(self.corrupt("an answer without a count")),
            (404, _) => Ok(0),
            _ => Err(self.unexpected("DELETE of a principal")),
        }
    }

    pub(super) fn meta_get(self) -> Result<Option<MetaRow>, StoreError> {
        match self.reply.status {
            200 => Ok(Some(self.row()?)),
            404 => Ok(None),
            _ => Err(self.unexpected("GET of a control row")),
        }
    }

    pub(super) fn meta_set(self) -> Result<MetaSet, StoreError> {
        match self.reply.status {
            200 | 201 => {
                let version = self.reply.revision;
                let version = version.ok_or_else(|| self.corrupt("an answer without ETag"))?;
                Ok(MetaSet::Written(version))
            }
            404 => Ok(MetaSet::Conflict(None)),
            412 => Ok(MetaSet::Conflict(Some(self.row()?))),
            _ => Err(self.unexpected("PUT of a control row")),
        }
    }

    fn loaded(self) -> Result<Loaded, StoreError> {
        if Parcel::is_one(&self.reply.body) {
            let problem = "the session moves to another server, because the list of servers has \
                           changed; give this process the new one in store.url";
            return Err(self.error(StoreErrorKind::Refused, problem));
        }
        let body = self.reply.body.clone();
        self.decoded(&body)
    }

    /// The record of a session that may be moved.
    pub(super) fn current(self) -> Result<Loaded, StoreError> {
        match self.reply.status {
            200 | 412 => self.loaded(),
            _ => Err(self.unexpected("PUT or GET of a session to be moved")),
        }
    }

    /// The record in a parcel, at the revision and with the idle length that it had, and the
    /// revision of the parcel.
    pub(super) fn parcel(self) -> Result<(Loaded, Revision), StoreError> {
        let parcel = Parcel::read(&self.reply.body);
        let parcel = parcel.map_err(|cause| self.undecodable(cause))?;
        let mut loaded = self.decoded(&parcel.record)?;
        let revision = loaded.revision;
        let before = Revision::new(revision.get() - 1);
        loaded.revision = before.ok_or_else(|| self.corrupt("a parcel at the first revision"))?;
        loaded.idle = parcel.idle;
        Ok((loaded, revision))
    }

    fn decoded(&self, body: &Bytes) -> Result<Loaded, StoreError> {
        let reply = &self.reply;
        let (Some(revision), Some(idle), Some(time_left), Some(store_time)) = (
            reply.revision,
            reply.idle,
            reply.time_left,
            reply.server_time,
        ) else {
            return Err(self.corrupt("a record without revision, lifetimes or time"));
        };
        let record = Record::decode(body, reply.labels.clone(), reply.principal);
        Ok(Loaded {
            record: record.map_err(|cause| self.undecodable(cause))?,
            revision,
            idle,
            time_left,
            store_time,
        })
    }

    fn row(self) -> Result<MetaRow, StoreError> {
        let version = self.reply.revision;
        let version = version.ok_or_else(|| self.corrupt("a control row without ETag"))?;
        Ok(MetaRow {
            value: self.reply.body,
            version,
        })
    }

    fn reason(&self) -> Result<EndReason, StoreError> {
        let reason = self.reply.ended;
        reason.ok_or_else(|| self.corrupt("an ended session without its reason"))
    }

    fn undecodable(&self, cause: Cause) -> StoreError {
        let problem = "a record that is not in our format; is an ASP.NET farm using the same keys?";
        self.corrupt(problem).with_source(cause)
    }

    pub(super) fn corrupt(&self, problem: &str) -> StoreError {
        self.error(StoreErrorKind::Corrupt, problem)
    }

    pub(super) fn error(&self, kind: StoreErrorKind, problem: &str) -> StoreError {
        StoreError::new(kind, NAME, format!("{}: {problem}", self.server))
    }

    /// What a status means that is no outcome of the operation.
    pub(super) fn unexpected(&self, verb: &str) -> StoreError {
        let (kind, problem) = match self.reply.status {
            400 => (StoreErrorKind::Other, "the server does not understand"),
            401 => (StoreErrorKind::Refused, "the server demands a token"),
            408 => (
                StoreErrorKind::TimedOut,
                "the request took the server too long to read",
            ),
            413 => (
                StoreErrorKind::TooLarge,
                "the record is larger than the server takes; look at its --max-item-bytes",
            ),
            429 => (
                StoreErrorKind::Unavailable,
                "the server has too many connections or waiters",
            ),
            503 => (
                StoreErrorKind::Unavailable,
                "the server takes no requests now",
            ),
            507 => (
                StoreErrorKind::Full,
                "the server has reached its memory cap; look at its --max-memory",
            ),
            _ => (StoreErrorKind::Corrupt, "an answer outside of the protocol"),
        };
        let status = self.reply.status;
        let reason = self.reply.reason.as_deref().unwrap_or("no reason given");
        self.error(
            kind,
            &format!("{problem} (status {status} to {verb}: {reason})"),
        )
    }

    /// The server's clock.
    pub(super) fn ping(&self) -> Result<Timestamp, StoreError> {
        match self.reply.status {
            200 => {
                let time = self.reply.server_time;
                time.ok_or_else(|| self.corrupt("an answer without the server's time"))
            }
            _ => Err(self.unexpected("GET of the ping")),
        }
    }

    /// The lines of a listing, and whether there are more.
    pub(super) fn listing(self) -> Result<(Bytes, bool), StoreError> {
        match self.reply.status {
            200 => Ok((self.reply.body, self.reply.next.is_some())),
            404 => Ok((Bytes::new(), false)),
            _ => Err(self.unexpected("GET of a principal")),
        }
    }
}
