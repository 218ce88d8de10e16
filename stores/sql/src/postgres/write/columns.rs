//! Rows turned into columns, as `unnest` takes them.

use session_core::Record;
use tokio_postgres::types::ToSql;

use crate::shared::gather::Row;

/// One array for each parameter.
pub(in crate::postgres) struct Columns<'a>(Vec<Column<'a>>);

type Column<'a> = Box<dyn ToSql + Send + Sync + 'a>;

impl<'a> Columns<'a> {
    pub(super) fn new(columns: Vec<Column<'a>>) -> Self {
        Self(columns)
    }

    pub(super) fn append(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }

    /// As the driver takes them.
    pub(in crate::postgres) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        fn parameter<'b>(column: &'b Column<'_>) -> &'b (dyn ToSql + Sync) {
            &**column
        }
        self.0.iter().map(parameter).collect()
    }
}

/// The keys of rows.
pub(super) fn keys<R: Row>(rows: &[R]) -> Vec<Vec<u8>> {
    let key = |row: &R| row.key().as_bytes().to_vec();
    rows.iter().map(key).collect()
}

/// Principals, labels and canonical bytes of records.
pub(super) fn records<'a>(records: impl Iterator<Item = &'a Record>) -> Columns<'a> {
    let mut principals = Vec::new();
    let mut labels = Vec::new();
    let mut contents = Vec::new();
    for record in records {
        let (principal, label, content) = bytes(record);
        principals.push(principal);
        labels.push(label);
        contents.push(content);
    }
    Columns::new(vec![
        Box::new(principals),
        Box::new(labels),
        Box::new(contents),
    ])
}

/// Principal, labels and canonical bytes of a record.
pub(super) fn bytes(record: &Record) -> (Option<&[u8]>, &[u8], Vec<u8>) {
    let mut content = Vec::new();
    record.encode(&mut content);
    let principal = record.principal.as_ref();
    let principal = principal.map(|principal| principal.as_bytes().as_slice());
    (principal, &record.labels, content)
}
