//! Control rows.

use bytes::Bytes;
use rusqlite::params;
use session_core::{MetaRow, MetaSet, Revision};

use super::fault::Fault;
use super::open::Tables;
use super::write::Write;

/// Reads a control row.
pub(super) fn row(name: &str, tables: &Tables<'_>) -> Result<Option<MetaRow>, Fault> {
    tables.row(&tables.statements.meta_get, [name], |reader| {
        Ok(MetaRow {
            version: reader.revision(0)?,
            value: reader.bytes(1)?,
        })
    })
}

/// Writing a control row by compare-and-swap.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) expected: Option<Revision>,
    pub(super) value: Bytes,
}

impl Write for Setting {
    type Outcome = MetaSet;

    fn size(&self) -> usize {
        self.value.len()
    }

    fn write(&self, tables: &Tables<'_>) -> Result<MetaSet, Fault> {
        let current = row(&self.name, tables)?;
        if current.as_ref().map(|row| row.version) != self.expected {
            return Ok(MetaSet::Conflict(current));
        }
        let (statement, written) = match self.expected {
            None => (&tables.statements.meta_add, Revision::FIRST),
            Some(version) => (&tables.statements.meta_change, version.next()),
        };
        tables.execute(statement, params![self.name, &self.value[..]])?;
        Ok(MetaSet::Written(written))
    }
}
