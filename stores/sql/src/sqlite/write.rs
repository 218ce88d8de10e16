//! Writes: what each of them does to its row.

mod queue;
mod writer;

use rusqlite::params;
use session_core::{
    Create, EndReason, LeaseToken, LeaseUse, Lifetime, Loaded, PrincipalKey, Record, Revision,
    Save, StoreKey, TOMBSTONE, Timestamp, Touch,
};

use super::fault::Fault;
use super::open::Tables;
use super::row::Reader;
use crate::shared::length::millis;
use crate::shared::reason;

pub(super) use self::queue::Queue;
pub(super) use self::writer::start;

/// A change that is made in one transaction with others.
pub(super) trait Write: Send + 'static {
    type Outcome: Send + 'static;

    /// Whether a power cut must not undo it, whatever the settings say.
    const IS_END: bool = false;

    /// About how many bytes go to the file.
    fn size(&self) -> usize {
        StoreKey::LENGTH
    }

    /// Makes the change. An error undoes the whole transaction.
    fn write(&self, tables: &Tables<'_>) -> Result<Self::Outcome, Fault>;
}

/// A row but for what is large in it.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) id: i64,
    pub(super) revision: Revision,
    pub(super) ended: Option<EndReason>,
    idle: i64,
    expires: Timestamp,
    ends: Timestamp,
    due: Timestamp,
    pub(super) lease_token: LeaseToken,
    pub(super) leased_until: Option<Timestamp>,
    principal: Option<PrincipalKey>,
}

/// What stands in the way of a save or rename.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Free,
    Missing,
    Ended(EndReason),
    Leased,
    Stale,
}

impl Head {
    /// The row of a session or a tombstone, expired or not.
    pub(super) fn of(key: &StoreKey, tables: &Tables<'_>) -> Result<Option<Self>, Fault> {
        let head = |reader: Reader<'_>| {
            Ok(Self {
                id: reader.get(0)?,
                revision: reader.revision(1)?,
                ended: reader.ended(2)?,
                idle: reader.get(3)?,
                expires: reader.time(4)?,
                ends: reader.time(5)?,
                due: reader.time(6)?,
                lease_token: reader.token(7)?,
                leased_until: reader.get::<Option<i64>>(8)?.map(Timestamp::from_millis),
                principal: reader.principal(9)?,
            })
        };
        tables.row(&tables.statements.head, [key.as_bytes()], head)
    }

    /// The row of a live session.
    pub(super) fn live(key: &StoreKey, tables: &Tables<'_>) -> Result<Option<Self>, Fault> {
        let is_live = |head: &Self| head.ended.is_none() && !head.has_expired(tables.now);
        Ok(Self::of(key, tables)?.filter(is_live))
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    /// Whether somebody has the lease.
    pub(super) fn is_leased(&self, now: Timestamp) -> bool {
        self.leased_until.is_some_and(|until| until > now)
    }

    /// Whether this is the token of the lease.
    pub(super) fn is_leased_by(&self, token: LeaseToken, now: Timestamp) -> bool {
        self.is_leased(now) && self.lease_token == token
    }

    pub(super) fn verdict(&self, base: Revision, lease: LeaseUse, now: Timestamp) -> Verdict {
        let may_write = match lease.token() {
            None => !self.is_leased(now),
            Some(token) => self.is_leased_by(token, now),
        };
        match self.ended {
            _ if self.has_expired(now) => Verdict::Missing,
            Some(reason) => Verdict::Ended(reason),
            None if !may_write => Verdict::Leased,
            None if self.revision != base => Verdict::Stale,
            None => Verdict::Free,
        }
    }

    /// The record of the row.
    pub(super) fn loaded(&self, tables: &Tables<'_>) -> Result<Loaded, Fault> {
        let read = |reader: Reader<'_>| reader.loaded(0, tables.now);
        let loaded = tables.row(&tables.statements.record, [self.id], read)?;
        loaded.ok_or_else(|| tables.target.corrupt("a row that went away"))
    }

    /// The outcome of a verdict, unless the way is free.
    pub(super) fn outcome(
        &self,
        verdict: Verdict,
        tables: &Tables<'_>,
    ) -> Result<Option<Save>, Fault> {
        Ok(Some(match verdict {
            Verdict::Free => return Ok(None),
            Verdict::Missing => Save::Missing,
            Verdict::Ended(reason) => Save::Ended(reason),
            Verdict::Leased => Save::Leased,
            Verdict::Stale => Save::Stale(self.loaded(tables)?),
        }))
    }
}

/// Now plus a lifetime: when it expires, and its absolute deadline.
fn times(lifetime: Lifetime, now: Timestamp) -> (i64, i64) {
    let now = now.as_millis();
    let ends = now.saturating_add(millis(lifetime.absolute));
    (now.saturating_add(millis(lifetime.idle)).min(ends), ends)
}

/// A number of the contract as SQLite has it. One that does not fit was never reached.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn content(record: &Record) -> Vec<u8> {
    let mut content = Vec::new();
    record.encode(&mut content);
    content
}

/// A row that is written anew under a key.
#[derive(Debug)]
pub(super) struct Fresh<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) revision: Revision,
    pub(super) record: &'a Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease_token: u64,
}

impl Fresh<'_> {
    /// Puts the row in the place of nothing, or of what has expired, whose tokens then go on
    /// growing. `false` if the key is taken.
    pub(super) fn put(&self, tables: &Tables<'_>) -> Result<bool, Fault> {
        let before = Head::of(self.key, tables)?;
        let (statement, token) = match &before {
            None => (&tables.statements.insert, self.lease_token),
            Some(head) if head.has_expired(tables.now) => {
                let token = self.lease_token.max(head.lease_token.get());
                (&tables.statements.replace, token)
            }
            Some(_) => return Ok(false),
        };
        let (expires, ends) = times(self.lifetime, tables.now);
        let values = params![
            number(self.revision.get()),
            millis(self.lifetime.idle),
            expires,
            ends,
            number(token),
            self.record.principal.as_ref().map(PrincipalKey::as_bytes),
            &self.record.labels[..],
            content(self.record),
            self.key.as_bytes(),
        ];
        tables.execute(statement, values)?;
        Ok(true)
    }
}

/// Ends a session and leaves a tombstone.
pub(super) fn end(id: i64, reason: EndReason, tables: &Tables<'_>) -> Result<(), Fault> {
    let until = tables.now.saturating_add(TOMBSTONE).as_millis();
    let values = params![id, reason::number(reason), until];
    tables.execute(&tables.statements.tombstone, values)?;
    Ok(())
}

/// Adding a fresh session.
#[derive(Debug)]
pub(super) struct Creating {
    pub(super) key: StoreKey,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
}

impl Write for Creating {
    type Outcome = Create;

    fn size(&self) -> usize {
        self.record.size()
    }

    fn write(&self, tables: &Tables<'_>) -> Result<Create, Fault> {
        let fresh = Fresh {
            key: &self.key,
            revision: Revision::FIRST,
            record: &self.record,
            lifetime: self.lifetime,
            lease_token: 0,
        };
        Ok(match fresh.put(tables)? {
            true => Create::Created(Revision::FIRST),
            false => Create::AlreadyExists,
        })
    }
}

/// Replacing a record by compare-and-swap.
#[derive(Debug)]
pub(super) struct Saving {
    pub(super) key: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

impl Write for Saving {
    type Outcome = Save;

    fn size(&self) -> usize {
        self.record.size()
    }

    fn write(&self, tables: &Tables<'_>) -> Result<Save, Fault> {
        let Some(head) = Head::of(&self.key, tables)? else {
            return Ok(Save::Missing);
        };
        let verdict = head.verdict(self.base, self.lease, tables.now);
        if let Some(outcome) = head.outcome(verdict, tables)? {
            return Ok(outcome);
        }
        self.replace(&head, tables)?;
        Ok(Save::Saved(self.base.next()))
    }
}

impl Saving {
    fn replace(&self, head: &Head, tables: &Tables<'_>) -> Result<(), Fault> {
        let (expires, ends) = times(self.lifetime, tables.now);
        let ends = ends.min(head.ends.as_millis());
        let expires = expires.min(ends);
        let revision = number(self.base.next().get());
        let idle = millis(self.lifetime.idle);
        let lease = match self.lease {
            LeaseUse::Release(_) => None,
            LeaseUse::None | LeaseUse::Hold(_) => head.leased_until.map(Timestamp::as_millis),
        };
        let labels = &self.record.labels[..];
        let content = content(&self.record);
        let principal = &self.record.principal;
        // What an index is on is left out where it stays, or the index would be written too.
        if *principal == head.principal && expires >= head.due.as_millis() {
            let values = params![
                head.id, revision, idle, expires, ends, lease, labels, content
            ];
            tables.execute(&tables.statements.save, values)?;
        } else {
            let due = expires.min(head.due.as_millis());
            let principal = principal.as_ref().map(PrincipalKey::as_bytes);
            let values = params![
                head.id, revision, idle, expires, ends, lease, labels, content, due, principal
            ];
            tables.execute(&tables.statements.save_indexed, values)?;
        }
        Ok(())
    }
}

/// Sliding an expiry.
#[derive(Debug)]
pub(super) struct Touching(pub(super) StoreKey);

impl Write for Touching {
    type Outcome = Touch;

    fn write(&self, tables: &Tables<'_>) -> Result<Touch, Fault> {
        let Some(head) = Head::live(&self.0, tables)? else {
            return Ok(Touch::Missing);
        };
        let slid = tables.now.as_millis().saturating_add(head.idle);
        let slid = slid.min(head.ends.as_millis());
        if slid > head.expires.as_millis() {
            tables.execute(&tables.statements.touch, [head.id, slid])?;
        }
        Ok(Touch::Touched)
    }
}

/// Ending a session.
#[derive(Debug)]
pub(super) struct Deleting {
    pub(super) key: StoreKey,
    pub(super) reason: EndReason,
}

impl Write for Deleting {
    type Outcome = bool;
    const IS_END: bool = true;

    fn write(&self, tables: &Tables<'_>) -> Result<bool, Fault> {
        match Head::live(&self.key, tables)? {
            Some(head) => end(head.id, self.reason, tables).map(|()| true),
            None => Ok(false),
        }
    }
}
