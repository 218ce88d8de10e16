//! Removing what has expired, in batches that are over in a moment.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use session_core::{StoreError, Swept, Timestamp};

use super::fault::Fault;
use super::open::Tables;
use super::store::SqliteStore;
use super::write::Write;

/// The most rows that one write removes.
const BATCH: usize = 100;

/// How long other instances leave the sweeping to the one that swept last.
const TURN: Duration = Duration::from_secs(10);

/// Rows that are due are removed, and those that were extended since are put off; only the
/// former count. A sweep by another instance is left alone.
pub(super) async fn sweep(
    store: &Arc<SqliteStore>,
    limit: usize,
) -> Result<Vec<Swept>, StoreError> {
    let mut swept = Vec::new();
    while swept.len() < limit {
        let batch = BATCH.min(limit - swept.len());
        let instance = store.instance;
        let (seen, mut removed) = store.queue.write(Sweeping { instance, batch }).await?;
        swept.append(&mut removed);
        if seen < batch {
            break;
        }
    }
    Ok(swept)
}

#[derive(Debug)]
struct Sweeping {
    instance: i64,
    batch: usize,
}

/// A row that is due.
#[derive(Debug)]
struct Due {
    id: i64,
    expires: Timestamp,
    is_tombstone: bool,
    swept: Swept,
}

impl Write for Sweeping {
    /// How many rows were due, and those that were removed and not tombstones.
    type Outcome = (usize, Vec<Swept>);

    fn write(&self, tables: &Tables<'_>) -> Result<Self::Outcome, Fault> {
        if !self.is_our_turn(tables)? {
            return Ok((0, Vec::new()));
        }
        let mut due = self.due(tables)?;
        due.sort_by_key(|due| due.expires);
        let seen = due.len();
        let mut swept = Vec::new();
        for due in due {
            if due.expires > tables.now {
                tables.execute(&tables.statements.put_off, [due.id])?;
                continue;
            }
            tables.execute(&tables.statements.remove, [due.id])?;
            if !due.is_tombstone {
                swept.push(due.swept);
            }
        }
        Ok((seen, swept))
    }
}

impl Sweeping {
    /// Takes the sweeper's lease, unless another instance has it.
    fn is_our_turn(&self, tables: &Tables<'_>) -> Result<bool, Fault> {
        let sweeper = tables.row(&tables.statements.sweeper, [], |reader| {
            let sweeper: Option<i64> = reader.get(0)?;
            Ok((sweeper, reader.get::<Option<i64>>(1)?.unwrap_or_default()))
        })?;
        let is_of_another = |(sweeper, until): (Option<i64>, i64)| {
            sweeper != Some(self.instance) && until > tables.now.as_millis()
        };
        if sweeper.is_some_and(is_of_another) {
            return Ok(false);
        }
        let until = tables.now.saturating_add(TURN).as_millis();
        tables.execute(&tables.statements.set_sweeper, [self.instance, until])?;
        Ok(true)
    }

    fn due(&self, tables: &Tables<'_>) -> Result<Vec<Due>, Fault> {
        let most = i64::try_from(self.batch).unwrap_or(i64::MAX);
        let values = params![tables.now.as_millis(), most];
        tables.rows(&tables.statements.due, values, |reader| {
            Ok(Due {
                id: reader.get(0)?,
                expires: reader.time(2)?,
                is_tombstone: reader.ended(4)?.is_some(),
                swept: Swept {
                    key: reader.key(1)?,
                    principal: reader.principal(3)?,
                },
            })
        })
    }
}
