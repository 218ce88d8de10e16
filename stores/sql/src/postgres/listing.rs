//! The sessions of a principal: listed by pages in the order of their keys, and ended in batches.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use session_core::{
    Cursor, Listed, Page, PrincipalKey, Record, StoreError, StoreErrorKind, StoreKey,
};

use super::NAME;
use super::fault::Fault;
use super::row::Reader;
use super::store::PostgresStore;

const PAGE: usize = 100;

pub(super) async fn list(
    store: &PostgresStore,
    principal: PrincipalKey,
    after: Option<Cursor>,
) -> Result<Page, StoreError> {
    let after = after.as_ref().map_or(&[][..], Cursor::as_bytes);
    if !after.is_empty() && after.len() != StoreKey::LENGTH {
        let problem = "a cursor that another store made";
        return Err(StoreError::new(StoreErrorKind::Other, NAME, problem));
    }
    // One more shows whether there is another page.
    let mut sessions = store.reads.list(&principal, after, PAGE as i64 + 1).await?;
    let more = sessions.len() > PAGE;
    sessions.truncate(PAGE);
    let last = sessions.last().filter(|_| more);
    let next = last.map(|last| Cursor::new(Bytes::copy_from_slice(last.key.as_bytes())));
    Ok(Page { sessions, next })
}

/// A row of the listing.
pub(super) fn listed(reader: Reader<'_>) -> Result<Listed, Fault> {
    let expires: SystemTime = reader.get(2)?;
    let now: SystemTime = reader.get(3)?;
    let header = reader.bytes(5)?;
    let record = Record::decode(&header, reader.bytes(4)?, None)
        .map_err(|cause| reader.corrupt(&format!("a record that is {cause}")))?;
    Ok(Listed {
        key: reader.key(0)?,
        revision: reader.revision(1)?,
        labels: record.labels,
        created: record.created,
        deadline: record.deadline,
        time_left: expires.duration_since(now).unwrap_or(Duration::ZERO),
    })
}

/// Ends sessions until a pass sees none that is live. A pass that sees one and cannot end it has
/// met a rename: the next one sees it under its new key.
pub(super) async fn delete_all(
    store: &Arc<PostgresStore>,
    principal: PrincipalKey,
    except: Option<StoreKey>,
) -> Result<u64, StoreError> {
    let principal = principal.as_bytes().as_slice();
    let except = except.as_ref().map(|key| key.as_bytes().as_slice());
    let mut ended = 0;
    loop {
        let statement = &store.statements.delete_all;
        let answer = store
            .pooled
            .insist(statement, &[&principal, &except])
            .await?;
        let Some(row) = answer.row() else {
            return Ok(ended);
        };
        let reader = Reader::new(row, store.target());
        let count: i64 = reader.get(0)?;
        ended += u64::try_from(count).unwrap_or(0);
        if !reader.get::<bool>(1)? {
            return Ok(ended);
        }
    }
}
