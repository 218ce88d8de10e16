//! Moving a session to a fresh key, with a tombstone behind it.

use session_core::{EndReason, LeaseUse, Lifetime, Record, Revision, Save, StoreKey};

use super::fault::Fault;
use super::open::Tables;
use super::write::{Fresh, Head, Write, end};

/// What is to become of a session.
#[derive(Debug)]
pub(super) struct Renaming {
    pub(super) from: StoreKey,
    pub(super) to: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

impl Write for Renaming {
    /// None if the new key is taken.
    type Outcome = Option<Save>;
    const IS_END: bool = true;

    fn size(&self) -> usize {
        self.record.size()
    }

    fn write(&self, tables: &Tables<'_>) -> Result<Option<Save>, Fault> {
        let Some(head) = Head::of(&self.from, tables)? else {
            return Ok(Some(Save::Missing));
        };
        let verdict = head.verdict(self.base, self.lease, tables.now);
        if let Some(outcome) = head.outcome(verdict, tables)? {
            return Ok(Some(outcome));
        }
        let fresh = Fresh {
            key: &self.to,
            revision: self.base.next(),
            record: &self.record,
            lifetime: self.lifetime,
            lease_token: head.lease_token.get(),
        };
        if !fresh.put(tables)? {
            return Ok(None);
        }
        end(head.id, EndReason::Renewed, tables)?;
        Ok(Some(Save::Saved(self.base.next())))
    }
}
