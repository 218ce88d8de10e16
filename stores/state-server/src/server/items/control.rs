//! Control rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;

use super::budget::{Budget, Full, Purpose};
use crate::server::http::{Condition, Output};
use crate::server::persist::Journal;

/// A control row.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) value: Bytes,
    pub(crate) revision: u64,
}

/// What a write of a row came to.
pub(crate) enum RowSet {
    Written(u64),
    /// The row is not as expected; this is what is there.
    Conflict(Option<Row>),
    Full,
}

/// The control rows. They have no end of life.
#[derive(Default)]
pub(crate) struct Control(Mutex<BTreeMap<Box<[u8]>, Row>>);

impl Control {
    /// What a row costs beside its name and its value, in bytes.
    const FIXED: usize = 128;

    pub(crate) fn get(&self, name: &[u8]) -> Option<Row> {
        self.0.lock().get(name).cloned()
    }

    /// Puts a row in its place that was read from the disk.
    pub(crate) fn restore(&self, name: Box<[u8]>, row: Row, budget: &Budget) -> Result<(), Full> {
        budget.take(Purpose::Items, Self::FIXED + name.len() + row.value.len())?;
        self.0.lock().insert(name, row);
        Ok(())
    }

    pub(crate) fn set(
        &self,
        name: Box<[u8]>,
        condition: Condition,
        value: Bytes,
        budget: &Budget,
        journal: Option<&Journal>,
    ) -> RowSet {
        let mut rows = self.0.lock();
        let current = rows.get(&name);
        let permitted = match (condition, current) {
            (Condition::None, _) | (Condition::New, None) => true,
            (Condition::Revision(revision), Some(row)) => row.revision == revision,
            (Condition::Revision(_), None) | (Condition::New, Some(_)) => false,
        };
        if !permitted {
            return RowSet::Conflict(current.cloned());
        }
        let cost = |row: &Row| {
            // A large one counts by itself.
            let value = if Output::is_large(&row.value) {
                0
            } else {
                row.value.len()
            };
            Self::FIXED + name.len() + value
        };
        let before = current.map_or(0, cost);
        let revision = current.map_or(1, |row| row.revision + 1);
        let row = Row { value, revision };
        if let Err(Full) = budget.resize(before, cost(&row)) {
            return RowSet::Full;
        }
        if let Some(journal) = journal {
            journal.set_row(&name, row.clone());
        }
        rows.insert(name, row);
        RowSet::Written(revision)
    }
}
