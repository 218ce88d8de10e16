//! Writes that were asked again because the answer to them was lost: what came of the first.

use session_core::{Create, EndReason, Load, Record, Revision, Save, StoreError, StoreKey};

use super::store::PostgresStore;

impl PostgresStore {
    /// A create that found its key taken, perhaps by itself.
    pub(super) async fn settle_create(
        &self,
        key: &StoreKey,
        record: &Record,
        outcome: Create,
    ) -> Result<Create, StoreError> {
        let first = Revision::FIRST;
        Ok(match self.reads.load(key).await? {
            Load::Found(loaded) if loaded.revision == first && loaded.record == *record => {
                Create::Created(first)
            }
            _ => outcome,
        })
    }

    /// A save that was refused, perhaps because it had been done: it made the base stale and may
    /// have given the lease back.
    ///
    /// If others have written since, nobody can tell whether this one did, and saying that the
    /// base is stale would have its change made twice.
    pub(super) async fn settle_save(
        &self,
        key: &StoreKey,
        base: Revision,
        record: &Record,
        outcome: Save,
    ) -> Result<Save, StoreError> {
        let next = base.next();
        let (revision, is_ours) = match &outcome {
            Save::Stale(theirs) => (theirs.revision, theirs.record == *record),
            Save::Leased => match self.reads.load(key).await? {
                Load::Found(loaded) => (loaded.revision, loaded.record == *record),
                _ => return Ok(outcome),
            },
            _ => return Ok(outcome),
        };
        if revision == next && is_ours {
            Ok(Save::Saved(next))
        } else if revision <= next {
            Ok(outcome)
        } else {
            Err(self.target().doubtful().into())
        }
    }

    /// A delete that found no live session, perhaps because it had ended it.
    pub(super) async fn settle_delete(
        &self,
        key: &StoreKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        Ok(self.reads.load(key).await? == Load::Ended(reason))
    }
}
