//! Moving a session to a fresh key, with a tombstone behind it.

use session_core::{LeaseUse, Lifetime, Load, Record, Revision, Save, StoreKey};

use super::dial::Deadline;
use super::fault::Fault;
use super::pool::{Answer, Request};
use super::statements::Moved;
use super::store::Inner;
use super::write::{base, bytes, token};
use crate::shared::length::millis;

/// What is to become of a session.
pub(super) struct Renaming {
    pub(super) from: StoreKey,
    pub(super) to: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

/// Which statement of the transaction says whether the session was moved.
const LEFT_BEHIND: usize = 1;

impl Inner {
    pub(super) async fn rename(&self, renaming: &Renaming) -> Result<Save, Fault> {
        if renaming.from.route() != renaming.to.route() || renaming.from == renaming.to {
            return Err(self.target().taken());
        }
        let deadline = self.deadline();
        let (outcome, uncertain) = self.move_on(renaming, deadline).await?;
        self.turns.wake(&renaming.from);
        if uncertain && matches!(outcome, Save::Ended(_)) && self.is_ours(renaming).await? {
            return Ok(Save::Saved(renaming.base.next()));
        }
        Ok(outcome)
    }

    /// The outcome, and whether an attempt before it may have been done as well.
    async fn move_on(
        &self,
        renaming: &Renaming,
        deadline: Deadline,
    ) -> Result<(Save, bool), Fault> {
        let mut uncertain = false;
        loop {
            let answer = self.try_to_move(renaming, deadline).await?;
            uncertain |= answer.uncertain;
            if answer.is_duplicate {
                self.make_room(renaming, deadline).await?;
                continue;
            }
            if answer.count(LEFT_BEHIND) > 0 {
                return Ok((Save::Saved(renaming.base.next()), uncertain));
            }
            let verdict = self.verdict(&renaming.from, renaming.base, renaming.lease, deadline);
            if let Some(outcome) = verdict.await? {
                return Ok((outcome, uncertain));
            }
        }
    }

    async fn try_to_move(&self, renaming: &Renaming, deadline: Deadline) -> Result<Answer, Fault> {
        let (principal, labels, content) = bytes(&renaming.record);
        let text = self.statements.rename(&Moved {
            from: renaming.from.as_bytes(),
            to: renaming.to.as_bytes(),
            base: base(renaming.base),
            token: token(renaming.lease),
            idle: millis(renaming.lifetime.idle),
            absolute: millis(renaming.lifetime.absolute),
            principal,
            labels,
            content,
        });
        let request = Request::Transaction(text, 4);
        self.pool.insist(&request, deadline).await
    }

    /// Removes an expired session from the new key. Anything else there means that the key is
    /// not fresh.
    async fn make_room(&self, renaming: &Renaming, deadline: Deadline) -> Result<(), Fault> {
        let parameters = (renaming.to.as_bytes().as_slice(),);
        let statement = &self.statements.remove;
        match self.ask(statement, parameters, deadline).await?.found() {
            true => Ok(()),
            false => Err(self.target().taken()),
        }
    }

    /// Whether an attempt whose answer was lost has moved the session.
    async fn is_ours(&self, renaming: &Renaming) -> Result<bool, Fault> {
        let load = self.load(&renaming.to).await?;
        Ok(matches!(load, Load::Found(loaded)
            if loaded.revision == renaming.base.next() && loaded.record == renaming.record))
    }
}
