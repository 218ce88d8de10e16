//! The sessions of a principal: listed by pages in the order of their keys, and ended in batches.

use bytes::Bytes;
use session_core::{
    Cursor, Listed, Page, PrincipalKey, Record, StoreError, StoreErrorKind, StoreKey,
};

use super::NAME;
use super::fault::Fault;
use super::pool::Request;
use super::row::{Reader, millis};
use super::store::Inner;

const PAGE: usize = 100;

impl Inner {
    pub(super) async fn list(
        &self,
        principal: &PrincipalKey,
        after: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        let after = after.map_or(&[][..], Cursor::as_bytes);
        if !after.is_empty() && after.len() != StoreKey::LENGTH {
            let problem = "a cursor that another store made";
            return Err(StoreError::new(StoreErrorKind::Other, NAME, problem));
        }
        // One more shows whether there is another page.
        let mut sessions = self.listed(principal, after, PAGE + 1).await?;
        let more = sessions.len() > PAGE;
        sessions.truncate(PAGE);
        let last = sessions.last().filter(|_| more);
        let next = last.map(|last| Cursor::new(Bytes::copy_from_slice(last.key.as_bytes())));
        Ok(Page { sessions, next })
    }

    /// Ends sessions until a pass sees none that is live. A pass that sees one and cannot end it
    /// has met a rename: the next one sees it under its new key.
    pub(super) async fn delete_all(
        &self,
        principal: &PrincipalKey,
        except: Option<&StoreKey>,
    ) -> Result<u64, Fault> {
        let principal = principal.as_bytes().as_slice();
        let except = except.map(|key| key.as_bytes().as_slice());
        let mut ended = 0;
        loop {
            let deadline = self.deadline();
            let statement = &self.statements.theirs;
            let answer = self.ask(statement, (principal, except), deadline).await?;
            let keys = keys(self, &answer)?;
            if keys.is_empty() {
                return Ok(ended);
            }
            let request = Request::Text(self.statements.revoke(&keys, principal));
            let answer = self.pool.insist(&request, deadline).await?;
            ended += answer.count(0);
            for key in &keys {
                self.turns.wake(key);
            }
        }
    }
}

/// The first column of an answer.
pub(super) fn keys(store: &Inner, answer: &super::pool::Answer) -> Result<Vec<StoreKey>, Fault> {
    let key = |row| Reader::new(row, store.target()).key(0);
    answer.rows(0).iter().map(key).collect()
}

/// A row of the listing.
pub(super) fn listed(reader: Reader<'_>) -> Result<Listed, Fault> {
    let header = reader.bytes(5)?;
    let record = Record::decode(&header, reader.bytes(4)?, None)
        .map_err(|cause| reader.corrupt(&format!("a record that is {cause}")))?;
    Ok(Listed {
        key: reader.key(0)?,
        revision: reader.revision(1)?,
        labels: record.labels,
        created: record.created,
        deadline: record.deadline,
        time_left: millis(reader.number(2)? - reader.number(3)?),
    })
}
