//! Creating, saving, renaming and ending sessions of a shard.

use session_core::{
    Create, EndReason, LeaseUse, Lifetime, Revision, Save, StoreError, StoreErrorKind, StoreKey,
};

use crate::budget::Cap;
use crate::content::Content;
use crate::moment::Moment;
use crate::session::Session;
use crate::shard::Shard;
use crate::store::NAME;

/// A write that did not happen.
pub(crate) enum Refusal {
    /// There is no room; the content comes back for another try.
    Full(Cap, Content),
    /// The target of a rename is taken.
    Taken,
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full(cap, _) => cap.into(),
            Refusal::Taken => Self::new(StoreErrorKind::Other, NAME, "the new key is taken"),
        }
    }
}

/// On what a save or rename is based.
#[derive(Clone, Copy)]
pub(crate) struct Basis {
    pub(crate) key: StoreKey,
    pub(crate) revision: Revision,
    pub(crate) lease: LeaseUse,
}

impl Shard {
    pub(crate) fn create(
        &mut self,
        moment: &Moment<'_>,
        key: StoreKey,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<Create, Refusal> {
        self.tidy(moment);
        if !self.is_free(moment, &key) {
            return Ok(Create::AlreadyExists);
        }
        if let Err(cap) = moment.budget.admit(content.cost()) {
            return Err(Refusal::Full(cap, content));
        }
        let session = Session::new(key, content, lifetime, moment.now);
        self.insert(moment, session);
        Ok(Create::Created(Revision::FIRST))
    }

    pub(crate) fn save(
        &mut self,
        moment: &Moment<'_>,
        basis: Basis,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<Save, Refusal> {
        self.tidy(moment);
        if let Some(outcome) = self.obstacle(moment, basis) {
            return Ok(outcome);
        }
        let key = basis.key;
        let Some(session) = self.sessions.get_mut(&key) else {
            return Ok(Save::Missing);
        };
        if let Err(cap) = moment.budget.resize(session.content.cost(), content.cost()) {
            return Err(Refusal::Full(cap, content));
        }
        let after = content.principal().map(|owner| (owner, key));
        let replaced = session.replace(content, lifetime, moment.now);
        let before = replaced.principal().map(|owner| (owner, key));
        moment.index.change(before, after);
        session.finish(basis.lease, moment, &mut self.serial);
        let saved = Save::Saved(session.revision);
        if session.expires < session.due {
            self.reschedule(&key);
        }
        Ok(saved)
    }

    pub(crate) fn rename(
        &mut self,
        moment: &Moment<'_>,
        basis: Basis,
        to: StoreKey,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<Save, Refusal> {
        self.tidy(moment);
        if let Some(outcome) = self.obstacle(moment, basis) {
            return Ok(outcome);
        }
        if !self.is_free(moment, &to) {
            return Err(Refusal::Taken);
        }
        let Some(session) = self.sessions.get(&basis.key) else {
            return Ok(Save::Missing);
        };
        if let Err(cap) = moment.budget.resize(session.content.cost(), content.cost()) {
            return Err(Refusal::Full(cap, content));
        }
        let renewed = session.renewed(to, content, lifetime, moment.now);
        let revision = renewed.revision;
        self.move_to(moment, &basis.key, renewed);
        Ok(Save::Saved(revision))
    }

    /// Puts `renewed` in the place of the session under `from`. Its index entry comes before the
    /// old one goes, so that whoever goes through the index finds one of them.
    fn move_to(&mut self, moment: &Moment<'_>, from: &StoreKey, renewed: Session) {
        self.insert(moment, renewed);
        if let Some(session) = self.detach(moment, from) {
            self.bury(moment, session, EndReason::Renewed);
        }
    }

    pub(crate) fn delete(
        &mut self,
        moment: &Moment<'_>,
        key: &StoreKey,
        reason: EndReason,
    ) -> bool {
        self.clear_expired(moment, key);
        match self.remove(moment, key) {
            Some(session) => {
                self.bury(moment, session, reason);
                true
            }
            None => false,
        }
    }

    /// Leaves a tombstone for a session that was taken out, and tells those who wait for it.
    fn bury(&mut self, moment: &Moment<'_>, session: Session, reason: EndReason) {
        self.tombstones.add(session.key, reason, moment);
        session.end(reason);
    }

    /// What stands in the way of a write: the session is gone, leased, or newer.
    fn obstacle(&mut self, moment: &Moment<'_>, basis: Basis) -> Option<Save> {
        let Some(session) = self.sessions.live_mut(&basis.key, moment.now) else {
            let absence = self.tombstones.reason(&basis.key, moment.now);
            return Some(absence.into_save());
        };
        session.settle_lock(moment, &mut self.serial);
        if !session.permits(basis.lease) {
            return Some(Save::Leased);
        }
        (session.revision != basis.revision).then(|| Save::Stale(session.loaded(moment)))
    }
}
