//! The sessions of a principal: showing and ending them.

use session_core::{Cursor, EndReason, Page, PrincipalKey, StoreError, StoreErrorKind, StoreKey};

use crate::store::{MemoryStore, NAME};

/// The most sessions that a page has.
const PAGE: usize = 100;

impl MemoryStore {
    pub(crate) fn page(
        &self,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let mut after = after.map(position).transpose()?;
        let mut page = Page::default();
        loop {
            let keys = self.index.keys(principal, after, PAGE);
            for key in &keys {
                let listed = self.at(key, |shard, moment| shard.listed(moment, key, principal));
                page.sessions.extend(listed);
                if page.sessions.len() == PAGE {
                    page.next = Some(Cursor::new(key.as_bytes().to_vec()));
                    return Ok(page);
                }
            }
            if keys.len() < PAGE {
                return Ok(page);
            }
            after = keys.last().copied();
        }
    }

    /// Ends the sessions of a principal. A session that is renewed between the look into the
    /// index and the delete is found under its new key in the next round.
    pub(crate) fn end_all(&self, principal: PrincipalKey, except: Option<StoreKey>) -> u64 {
        let mut ended = 0;
        loop {
            let keys = self.index.keys(principal, None, usize::MAX);
            let mut found = false;
            for key in keys.iter().filter(|key| except != Some(**key)) {
                if let Some(was_live) = self.end_unless_foreign(principal, key) {
                    found = true;
                    ended += u64::from(was_live);
                }
            }
            if !found {
                return ended;
            }
        }
    }

    /// Ends a session that may be a principal's and returns whether it was live; `None` if it
    /// is somebody else's.
    fn end_unless_foreign(&self, principal: PrincipalKey, key: &StoreKey) -> Option<bool> {
        self.at(key, |shard, moment| {
            let owner = shard
                .sessions
                .get(key)
                .map(|session| session.content.principal());
            let foreign = owner.is_some_and(|owner| owner != Some(principal));
            (!foreign).then(|| shard.delete(moment, key, EndReason::Revoked))
        })
    }
}

fn position(cursor: Cursor) -> Result<StoreKey, StoreError> {
    let bytes = cursor.as_bytes().try_into();
    bytes.map(StoreKey::from_bytes).map_err(|_| {
        let message = "the cursor is not one of this store";
        StoreError::new(StoreErrorKind::Other, NAME, message)
    })
}
