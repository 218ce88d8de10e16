//! [`Environment`]: settings from environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::error::{Origin, Problem};
use super::key;
use super::source::Entry;
use super::value::RawValue;

/// Environment variables, of which a configuration takes those that belong to it.
///
/// A variable is named after the setting's path in the file, in upper case and joined by two
/// underscores: `session.lock.wait` is `SESSION__LOCK__WAIT`. It replaces the file's value.
/// Collect one from pairs of name and value in tests; [`Environment::process`] is the real one.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// No variables at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// This process's variables, as they are now.
    #[must_use]
    pub fn process() -> Self {
        std::env::vars_os().collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry, Problem>> {
        self.0.iter().map(|(name, value)| entry(name, value))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let named = variables
            .into_iter()
            .map(|(name, value)| (name.into().to_string_lossy().into_owned(), value.into()));
        Self(named.filter(|(name, _)| is_ours(name)).collect())
    }
}

/// Names only: the values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is_ours(name: &str) -> bool {
    key::TOP.iter().any(|table| {
        name.strip_prefix(&key::variable(table))
            .is_some_and(|rest| rest.starts_with("__"))
    })
}

fn entry(name: &str, value: &OsString) -> Result<Entry, Problem> {
    let origin = Origin::Variable(name.to_owned());
    let path: Vec<_> = name
        .to_ascii_lowercase()
        .split("__")
        .map(str::to_owned)
        .collect();
    let problem = |wrong: &str, fix: String| Problem::new(path.join("."), wrong, fix);
    let upper = name.to_ascii_uppercase();
    if upper != name {
        let fix = format!("write {upper}");
        return Err(problem("the variable's name is not in upper case", fix).at(origin));
    }
    if path.iter().any(String::is_empty) {
        let fix = "join the parts of a name by exactly two".to_owned();
        return Err(problem("too many underscores", fix).at(origin));
    }
    let Some(text) = value.to_str() else {
        let fix = "write it in UTF-8".to_owned();
        return Err(problem("the variable's value is not UTF-8", fix).at(origin));
    };
    let value = RawValue::Text(text.to_owned());
    Ok(Entry::new(path, value, Some(origin)))
}
