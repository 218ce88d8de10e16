//! What to do about a name that does not exist.

use std::collections::BTreeSet;

use super::key::{self, TOP};

/// How a source writes the names of settings.
#[derive(Clone, Copy)]
pub(super) enum Form {
    File,
    Variable,
}

/// The name that was probably meant, or those that there are.
pub(super) fn advice(unknown: &[String], form: Form) -> String {
    let Some((last, above)) = unknown.split_last() else {
        return format!("known names are {}", TOP.join(", "));
    };
    let table = above.join(".");
    let known = children(&table);
    if known.is_empty() {
        return advice(above, form);
    }
    if let Some(near) = nearest(last, &known) {
        return format!("did you mean {}?", form.sibling(&table, near));
    }
    if let Some(name) = elsewhere(unknown, last) {
        return format!("did you mean {}?", form.full(name));
    }
    let known = known.iter().map(|name| form.sibling(&table, name));
    let known: Vec<_> = known.collect();
    format!("known names are {}", known.join(", "))
}

impl Form {
    /// A name as it is written in its table.
    fn sibling(self, table: &str, name: &str) -> String {
        let full = if table.is_empty() {
            name.to_owned()
        } else {
            format!("{table}.{name}")
        };
        match self {
            Self::File => name.to_owned(),
            Self::Variable if key::is_table(&full) => format!("{}__…", key::variable(&full)),
            Self::Variable => key::variable(&full),
        }
    }

    fn full(self, name: &str) -> String {
        match self {
            Self::File => name.to_owned(),
            Self::Variable => key::variable(name),
        }
    }
}

/// The settings and tables directly inside `table`, which is empty for the top.
fn children(table: &str) -> BTreeSet<&'static str> {
    let inside = key::names().filter_map(|name| {
        if table.is_empty() {
            return Some(name);
        }
        name.strip_prefix(table)?.strip_prefix('.')
    });
    inside.filter_map(|rest| rest.split('.').next()).collect()
}

fn nearest<'n>(wanted: &str, names: &BTreeSet<&'n str>) -> Option<&'n str> {
    let distances = names.iter().map(|name| (distance(name, wanted), *name));
    let (_, name) = distances
        .filter(|(distance, _)| *distance <= 1 + wanted.len() / 4)
        .min()?;
    Some(name)
}

/// A setting of that name in another table, or one whose path was joined by single underscores.
fn elsewhere(unknown: &[String], last: &str) -> Option<&'static str> {
    let flat = unknown.join("_");
    key::names()
        .find(|name| name.rsplit('.').next() == Some(last))
        .or_else(|| key::names().find(|name| name.replace('.', "_") == flat))
}

/// The number of single-character edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
