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
