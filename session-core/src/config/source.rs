//! Settings as they stand in a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::error::{Origin, Problem};
use super::key;
use super::value::RawValue;

/// One setting with its value, not yet known to exist.
pub(super) struct Entry {
    pub(super) path: Vec<String>,
    pub(super) value: RawValue,
    pub(super) origin: Option<Origin>,
}

impl Entry {
    pub(super) fn new(path: Vec<String>, value: RawValue, origin: Option<Origin>) -> Self {
        Self {
            path,
            value,
            origin,
        }
    }

    /// The setting's name. Parts that are not bare keys are quoted, so that `"lock.wait"` is not
    /// taken for `lock.wait`.
    pub(super) fn name(&self) -> String {
        joined(&self.path)
    }
}

/// The settings of a file's text.
pub(super) fn of_text(text: &str, file: &Arc<str>) -> Result<Vec<Entry>, Problem> {
    let syntax = |error| syntax_problem(&error, text, file);
    let table: Table = text.parse().map_err(syntax)?;
    let spanned = DeTable::parse(text).map_err(syntax)?;
    let mut lines = Lines {
        text,
        of: BTreeMap::new(),
    };
    lines.collect(&[], spanned.get_ref());
    let mut entries = of_table(table);
    for entry in &mut entries {
        let line = lines.of.get(&entry.name());
        entry.origin = line.map(|line| Origin::Line(Arc::clone(file), *line));
    }
    Ok(entries)
}

/// The settings of a table that has been read already, without their lines.
pub(super) fn of_table(table: Table) -> Vec<Entry> {
    let mut entries = Vec::new();
    flatten(&[], table, &mut entries);
    entries
}

fn flatten(above: &[String], table: Table, entries: &mut Vec<Entry>) {
    for (name, value) in table {
        let path = [above, &[name]].concat();
        match value {
            Value::Table(inner) if key::is_table(&joined(&path)) => {
                flatten(&path, inner, entries);
            }
            value => entries.push(Entry::new(path, RawValue::Typed(value), None)),
        }
    }
}

struct Lines<'t> {
    text: &'t str,
    of: BTreeMap<String, usize>,
}

impl Lines<'_> {
    fn collect(&mut self, above: &[String], table: &DeTable<'_>) {
        for (name, value) in table {
            let path = [above, &[name.get_ref().to_string()]].concat();
            let line = line_of(self.text, &name.span());
            self.of.insert(joined(&path), line);
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(&path, inner);
            }
        }
    }
}

/// Only the parser's message: what it prints beside it repeats the line, which may hold a secret.
fn syntax_problem(error: &toml::de::Error, text: &str, file: &Arc<str>) -> Problem {
    let origin = match error.span() {
        Some(span) => Origin::Line(Arc::clone(file), line_of(text, &span)),
        None => Origin::File(Arc::clone(file)),
    };
    let message = error.message().trim().replace('\n', ", ");
    Problem::new("", format!("not TOML: {message}"), "correct this line").at(origin)
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().iter().take(span.start);
    1 + before.filter(|byte| **byte == b'\n').count()
}

fn joined(path: &[String]) -> String {
    let parts: Vec<_> = path.iter().map(|part| written(part)).collect();
    parts.join(".")
}

fn written(part: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !part.is_empty() && part.bytes().all(bare) {
        part.to_owned()
    } else {
        format!("{part:?}")
    }
}
