//! The names of settings: one table for files and the environment.

use std::path::PathBuf;
use std::time::Duration;

use cookie::SameSite;
use zeroize::Zeroizing;

use super::error::{Fault, Problem};
use super::value::RawValue;
use super::{machine_key, session_keys, store};
use crate::transport::Transport;

/// One setting: its name, and how a draft of type `D` takes its value.
pub(super) struct Key<D> {
    /// The path in a file, such as `session.lock.wait`.
    pub(super) name: &'static str,
    pub(super) set: Set<D>,
}

/// The type of a setting, with its setter.
pub(super) enum Set<D> {
    Text(fn(D, String) -> D),
    Path(fn(D, PathBuf) -> D),
    Flag(fn(D, bool) -> D),
    Duration(fn(D, Duration) -> D),
    Size(fn(D, usize) -> D),
    SameSite(fn(D, SameSite) -> D),
    Transport(fn(D, Transport) -> D),
    /// Text that no error shows.
    Secret(fn(D, String) -> D),
    Secrets(fn(D, Vec<Zeroizing<String>>) -> D),
}

impl<D> Key<D> {
    /// The draft with `value`, or as it was and the reason.
    pub(super) fn apply(&self, draft: D, value: RawValue) -> (D, Result<(), Problem>) {
        let shown = (!self.is_secret()).then(|| value.shown());
        let (draft, result) = self.set.apply(draft, value);
        let problem = |fault| Problem::from_fault(self.name, fault).value(shown);
        (draft, result.map_err(problem))
    }

    fn is_secret(&self) -> bool {
        matches!(self.set, Set::Secret(_) | Set::Secrets(_))
    }
}

impl<D> Set<D> {
    fn apply(&self, draft: D, value: RawValue) -> (D, Result<(), Fault>) {
        match self {
            Self::Text(set) | Self::Secret(set) => assign(draft, *set, value.text()),
            Self::Path(set) => assign(draft, *set, value.path()),
            Self::Flag(set) => assign(draft, *set, value.flag()),
            Self::Duration(set) => assign(draft, *set, value.duration()),
            Self::Size(set) => assign(draft, *set, value.size()),
            Self::SameSite(set) => assign(draft, *set, value.same_site()),
            Self::Transport(set) => assign(draft, *set, value.transport()),
            Self::Secrets(set) => assign(draft, *set, value.secrets()),
        }
    }
}

fn assign<D, T>(draft: D, set: fn(D, T) -> D, value: Result<T, Fault>) -> (D, Result<(), Fault>) {
    match value {
        Ok(value) => (set(draft, value), Ok(())),
        Err(fault) => (draft, Err(fault)),
    }
}

/// The tables that may stand at the top of a configuration.
pub(super) const TOP: [&str; 3] = ["session", "store", "machine_key"];

/// The names of all settings.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let session = session_keys::KEYS.iter().map(|key| key.name);
    let store = store::KEYS.iter().map(|key| key.name);
    let machine_key = machine_key::KEYS.iter().map(|key| key.name);
    session.chain(store).chain(machine_key)
}

/// Whether `name` is that of a table with settings in it.
pub(super) fn is_table(name: &str) -> bool {
    names().any(|known| table_of(known).is_some_and(|table| is_inside(table, name)))
}

fn is_inside(table: &str, outer: &str) -> bool {
    table
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn table_of(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(table, _)| table)
}

/// The environment variable of a setting: `session.lock.wait` is `SESSION__LOCK__WAIT`.
pub(super) fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('.', "__")
}

/// How a source writes the names of settings.
#[derive(Clone, Copy)]
pub(super) enum Form {
    File,
    Variable,
}

impl Form {
    /// The name as it is written beside its siblings.
    fn short(self, name: &str) -> String {
        match self {
            Self::File => last_part(name).to_owned(),
            Self::Variable => variable(name),
        }
    }

    fn full(self, name: &str) -> String {
        match self {
            Self::File => name.to_owned(),
            Self::Variable => variable(name),
        }
    }
}

/// What to do about a name that does not exist.
pub(super) fn advice(unknown: &str, form: Form) -> String {
    match closest(unknown) {
        Some(name) if table_of(name) == table_of(unknown) => {
            format!("did you mean {}?", form.short(name))
        }
        Some(name) => format!("did you mean {}?", form.full(name)),
        None => format!("known names are {}", siblings(unknown, form).join(", ")),
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn closest(unknown: &str) -> Option<&'static str> {
    let wanted = last_part(unknown);
    let in_table = names().filter(|name| table_of(name) == table_of(unknown));
    let near = in_table
        .map(|name| (distance(last_part(name), wanted), name))
        .filter(|(distance, _)| *distance <= 1 + wanted.len() / 4)
        .min();
    let elsewhere = || names().find(|name| last_part(name) == wanted);
    near.map(|(_, name)| name).or_else(elsewhere)
}

/// What may stand where `unknown` does: settings of the same table, or else the top tables.
fn siblings(unknown: &str, form: Form) -> Vec<String> {
    let table = table_of(unknown);
    let known: Vec<_> = names()
        .filter(|name| table_of(name) == table)
        .map(|name| form.short(name))
        .collect();
    if known.is_empty() {
        return TOP.map(|name| form.full(name)).to_vec();
    }
    known
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
