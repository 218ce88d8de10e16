//! The sessions of a principal: listed by pages in the order of their keys, and ended in batches.

use bytes::Bytes;
use rusqlite::params;
use session_core::{
    Cursor, EndReason, Listed, Page, PrincipalKey, StoreError, StoreErrorKind, StoreKey,
};

use super::NAME;
use super::fault::Fault;
use super::open::Tables;
use super::row::Reader;
use super::store::SqliteStore;
use super::write::{Write, end};

const PAGE: usize = 100;

/// The most sessions that one write ends.
const BATCH: i64 = 100;

pub(super) async fn list(
    store: &SqliteStore,
    principal: PrincipalKey,
    after: Option<Cursor>,
) -> Result<Page, StoreError> {
    let after = after.map_or_else(Vec::new, |cursor| cursor.as_bytes().to_vec());
    if !after.is_empty() && after.len() != StoreKey::LENGTH {
        let problem = "a cursor that another store made";
        return Err(StoreError::new(StoreErrorKind::Other, NAME, problem));
    }
    let page = move |tables: &Tables<'_>| page(&principal, &after, tables);
    Ok(store.reads.aside(page).await?)
}

fn page(principal: &PrincipalKey, after: &[u8], tables: &Tables<'_>) -> Result<Page, Fault> {
    // One more shows whether there is another page.
    let values = params![
        principal.as_bytes(),
        after,
        tables.now.as_millis(),
        PAGE as i64 + 1
    ];
    let read = |reader: Reader<'_>| listed(reader, tables);
    let mut sessions = tables.rows(&tables.statements.list, values, read)?;
    let more = sessions.len() > PAGE;
    sessions.truncate(PAGE);
    let last = sessions.last().filter(|_| more);
    let next = last.map(|last| Cursor::new(Bytes::copy_from_slice(last.key.as_bytes())));
    Ok(Page { sessions, next })
}

fn listed(reader: Reader<'_>, tables: &Tables<'_>) -> Result<Listed, Fault> {
    let record = reader.decoded(reader.bytes(3)?, reader.bytes(4)?, None)?;
    Ok(Listed {
        key: reader.key(0)?,
        revision: reader.revision(1)?,
        labels: record.labels,
        created: record.created,
        deadline: record.deadline,
        time_left: reader.time(2)?.since(tables.now),
    })
}

/// Ends sessions until a pass finds none that is live.
pub(super) async fn delete_all(
    store: &SqliteStore,
    principal: PrincipalKey,
    except: Option<StoreKey>,
) -> Result<u64, StoreError> {
    let mut all = 0;
    loop {
        let ended = store.queue.write(Revoking { principal, except }).await?;
        for key in &ended {
            store.turns.wake(key);
        }
        all += ended.len() as u64;
        if ended.is_empty() {
            return Ok(all);
        }
    }
}

#[derive(Debug)]
struct Revoking {
    principal: PrincipalKey,
    except: Option<StoreKey>,
}

impl Write for Revoking {
    type Outcome = Vec<StoreKey>;
    const IS_END: bool = true;

    fn write(&self, tables: &Tables<'_>) -> Result<Vec<StoreKey>, Fault> {
        let except = self.except.as_ref().map(StoreKey::as_bytes);
        let now = tables.now.as_millis();
        let values = params![self.principal.as_bytes(), now, except, BATCH];
        let theirs = tables.rows(&tables.statements.theirs, values, |reader| {
            Ok((reader.get(0)?, reader.key(1)?))
        })?;
        for (id, _) in &theirs {
            end(*id, EndReason::Revoked, tables)?;
        }
        Ok(theirs.into_iter().map(|(_, key)| key).collect())
    }
}
