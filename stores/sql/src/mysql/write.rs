//! Creates, saves, touches and deletes.

use std::sync::Arc;

use mysql_async::Params;
use session_core::{
    Create, EndReason, LeaseUse, Lifetime, Load, Loaded, Record, Revision, Save, StoreKey, Touch,
};

use super::dial::Deadline;
use super::fault::Fault;
use super::pool::{Answer, Request};
use super::row::Reader;
use super::store::Inner;
use crate::shared::length::millis;
use crate::shared::reason;

/// What is to become of a session.
pub(super) struct Saving {
    pub(super) key: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

impl Inner {
    pub(super) async fn create(
        &self,
        key: StoreKey,
        record: &Record,
        lifetime: Lifetime,
    ) -> Result<Create, Fault> {
        let deadline = self.deadline();
        let values = created(&key, record, lifetime, true);
        let created = Create::Created(Revision::FIRST);
        let first = self.ask(&self.statements.create, values, deadline).await?;
        if !first.is_duplicate {
            return Ok(created);
        }
        let values = self::created(&key, record, lifetime, false);
        let statement = &self.statements.replace;
        let second = self.ask(statement, values, deadline).await?;
        if second.found() {
            return Ok(created);
        }
        let uncertain = first.uncertain || second.uncertain;
        match uncertain && self.is_there(&key, Revision::FIRST, record).await? {
            true => Ok(created),
            false => Ok(Create::AlreadyExists),
        }
    }

    pub(super) async fn save(&self, saving: &Saving) -> Result<Save, Fault> {
        let deadline = self.deadline();
        let statement = match saving.lease {
            LeaseUse::None => &self.statements.save.free,
            LeaseUse::Hold(_) => &self.statements.save.hold,
            LeaseUse::Release(_) => &self.statements.save.release,
        };
        let mut uncertain = false;
        let outcome = loop {
            let answer = self.ask(statement, saved(saving), deadline).await?;
            uncertain |= answer.uncertain;
            if answer.found() {
                break Save::Saved(saving.base.next());
            }
            let verdict = self.verdict(&saving.key, saving.base, saving.lease, deadline);
            if let Some(outcome) = verdict.await? {
                break outcome;
            }
        };
        if matches!(saving.lease, LeaseUse::Release(_)) {
            self.turns.wake(&saving.key);
        }
        // The lost attempt may have given the lease back as well.
        let refused = matches!(outcome, Save::Stale(_) | Save::Leased);
        let next = saving.base.next();
        if uncertain && refused && self.is_there(&saving.key, next, &saving.record).await? {
            return Ok(Save::Saved(next));
        }
        Ok(outcome)
    }

    /// Why a write found nothing; none if it would find something now.
    pub(super) async fn verdict(
        &self,
        key: &StoreKey,
        base: Revision,
        lease: LeaseUse,
        deadline: Deadline,
    ) -> Result<Option<Save>, Fault> {
        let answer = self.look(key, deadline).await?;
        let Some(row) = answer.row() else {
            return Ok(Some(Save::Missing));
        };
        let reader = Reader::new(row, self.target());
        if let Some(reason) = reader.ended(0)? {
            return Ok(Some(Save::Ended(reason)));
        }
        let now = reader.number(4)?;
        let is_leased = reader.optional(8)?.is_some_and(|until| until > now);
        let is_free = match lease.token() {
            None => !is_leased,
            Some(token) => is_leased && reader.token(9)? == token,
        };
        if !is_free {
            return Ok(Some(Save::Leased));
        }
        let loaded = reader.loaded(1)?;
        if loaded.revision != base {
            return Ok(Some(Save::Stale(loaded)));
        }
        match self.dialer.left(deadline).is_zero() {
            true => Err(self.target().contended()),
            false => Ok(None),
        }
    }

    pub(super) async fn touch(&self, key: &StoreKey) -> Result<Touch, Fault> {
        let parameters = (key.as_bytes().as_slice(),);
        let deadline = self.deadline();
        let answer = self
            .ask(&self.statements.touch, parameters, deadline)
            .await?;
        Ok(match answer.found() {
            true => Touch::Touched,
            false => Touch::Missing,
        })
    }

    pub(super) async fn delete(&self, key: &StoreKey, reason: EndReason) -> Result<bool, Fault> {
        let parameters = (reason::number(reason), key.as_bytes().as_slice());
        let deadline = self.deadline();
        let statement = &self.statements.delete;
        let answer = self.ask(statement, parameters, deadline).await?;
        self.turns.wake(key);
        if answer.uncertain && !answer.found() {
            return Ok(self.load(key).await? == Load::Ended(reason));
        }
        Ok(answer.found())
    }

    /// Whether what is there is what a write, whose answer was lost, wrote.
    pub(super) async fn is_there(
        &self,
        key: &StoreKey,
        revision: Revision,
        record: &Record,
    ) -> Result<bool, Fault> {
        let is_ours = |loaded: Loaded| loaded.revision == revision && loaded.record == *record;
        Ok(match self.load(key).await? {
            Load::Found(loaded) => is_ours(loaded),
            _ => false,
        })
    }

    pub(super) async fn ask(
        &self,
        statement: &Arc<str>,
        parameters: impl Into<Params>,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        let request = Request::Statement(Arc::clone(statement), parameters.into());
        self.pool.insist(&request, deadline).await
    }
}

/// The parameters of a create: the key stands first in one statement, and last in the other.
fn created(key: &StoreKey, record: &Record, lifetime: Lifetime, first: bool) -> Params {
    let idle = millis(lifetime.idle);
    let ends = millis(lifetime.absolute);
    let expires = idle.min(ends);
    let (principal, labels, content) = bytes(record);
    let key = key.as_bytes().as_slice();
    match first {
        true => (
            key, idle, expires, ends, expires, principal, labels, content,
        )
            .into(),
        false => (
            idle, expires, ends, expires, principal, labels, content, key,
        )
            .into(),
    }
}

fn saved(saving: &Saving) -> Params {
    let idle = millis(saving.lifetime.idle);
    let ends = millis(saving.lifetime.absolute);
    let expires = idle.min(ends);
    let (principal, labels, content) = bytes(&saving.record);
    let key = saving.key.as_bytes().as_slice();
    let base = base(saving.base);
    match token(saving.lease) {
        None => (
            idle, expires, expires, ends, principal, labels, content, key, base,
        )
            .into(),
        Some(token) => (
            idle, expires, expires, ends, principal, labels, content, key, base, token,
        )
            .into(),
    }
}

/// Principal, labels and canonical bytes of a record.
pub(super) fn bytes(record: &Record) -> (Option<&[u8]>, &[u8], Vec<u8>) {
    let mut content = Vec::new();
    record.encode(&mut content);
    let principal = record.principal.as_ref();
    let principal = principal.map(|principal| principal.as_bytes().as_slice());
    (principal, &record.labels, content)
}

/// The base as it is compared. A number that does not fit was never reached.
pub(super) fn base(base: Revision) -> i64 {
    i64::try_from(base.get()).unwrap_or(i64::MAX)
}

/// The token as it is compared.
pub(super) fn token(lease: LeaseUse) -> Option<i64> {
    let number = |token: session_core::LeaseToken| i64::try_from(token.get());
    lease.token().map(|token| number(token).unwrap_or(i64::MAX))
}
