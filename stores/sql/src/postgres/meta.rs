//! Control rows.

use std::sync::Arc;

use bytes::Bytes;
use session_core::{MetaRow, MetaSet, Revision, StoreError};
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::pool::Answer;
use super::row::Reader;
use super::store::PostgresStore;

pub(super) async fn compare_and_set(
    store: &Arc<PostgresStore>,
    name: &str,
    expected: Option<Revision>,
    value: &Bytes,
) -> Result<MetaSet, StoreError> {
    // A number that does not fit was never reached.
    let number = expected.map(|version| i64::try_from(version.get()).unwrap_or(i64::MAX));
    let bytes = value.as_ref();
    loop {
        let statement = &store.statements.meta_set;
        let parameters: [&(dyn ToSql + Sync); 3] = [&name, &number, &bytes];
        let answer = store.pooled.insist(statement, &parameters).await?;
        let outcome = outcome(store, &answer, expected)?;
        match outcome {
            MetaSet::Conflict(Some(row)) if answer.uncertain && is_ours(&row, expected, value) => {
                return Ok(MetaSet::Written(row.version));
            }
            // Somebody added the row while we did.
            MetaSet::Conflict(None) if expected.is_none() => {}
            outcome => return Ok(outcome),
        }
    }
}

fn outcome(
    store: &PostgresStore,
    answer: &Answer,
    expected: Option<Revision>,
) -> Result<MetaSet, Fault> {
    let Some(row) = answer.row() else {
        return Err(store.target().corrupt("a write without an answer"));
    };
    let reader = Reader::new(row, store.target());
    if reader.get::<Option<i64>>(0)?.is_some() {
        let written = expected.map_or(Revision::FIRST, Revision::next);
        return Ok(MetaSet::Written(written));
    }
    if reader.get::<Option<i64>>(1)?.is_none() {
        return Ok(MetaSet::Conflict(None));
    }
    Ok(MetaSet::Conflict(Some(MetaRow {
        version: reader.revision(1)?,
        value: reader.bytes(2)?,
    })))
}

/// Whether an attempt whose answer was lost has written this.
fn is_ours(row: &MetaRow, expected: Option<Revision>, value: &Bytes) -> bool {
    row.version == expected.map_or(Revision::FIRST, Revision::next) && row.value == *value
}
