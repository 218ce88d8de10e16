//! Removing what has expired, in batches that are over in a moment.

use std::sync::Arc;

use session_core::{StoreError, Swept};
use tokio_postgres::types::ToSql;

use super::row::Reader;
use super::store::PostgresStore;

/// The most rows of one statement.
const BATCH: usize = 500;

/// How long, in milliseconds, other instances leave the sweeping to the one that swept last.
const TURN: i64 = 10_000;

/// Rows that are due are removed, and those that were extended since are put off; only the
/// former count. A sweep by another instance is left alone.
pub(super) async fn sweep(
    store: &Arc<PostgresStore>,
    limit: usize,
) -> Result<Vec<Swept>, StoreError> {
    let mut swept = Vec::new();
    while swept.len() < limit {
        let batch = BATCH.min(limit - swept.len());
        let seen = sweep_batch(store, batch, &mut swept).await?;
        if seen < batch {
            break;
        }
    }
    Ok(swept)
}

/// Returns how many rows were due.
async fn sweep_batch(
    store: &Arc<PostgresStore>,
    batch: usize,
    swept: &mut Vec<Swept>,
) -> Result<usize, StoreError> {
    let statement = &store.statements.sweep;
    let rows = i64::try_from(batch).unwrap_or(i64::MAX);
    let parameters: [&(dyn ToSql + Sync); 3] = [&store.instance, &rows, &TURN];
    let answer = store.pooled.insist(statement, &parameters).await?;
    for row in &answer.rows {
        let reader = Reader::new(row, store.target());
        if reader.get(2)? {
            swept.push(Swept {
                key: reader.key(0)?,
                principal: reader.principal(1)?,
            });
        }
    }
    Ok(answer.rows.len())
}
