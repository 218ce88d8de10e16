//! [`StoreConfig`]: which store, and its options.

use std::fmt;

use toml::{Table, Value};

use super::error::{ConfigError, Origins, Problem};
use super::key::{Key, Set};
use super::source::Entry;
use super::value::RawValue;

/// Which store holds the sessions: a URL, and options that the store itself understands.
///
/// An option from the environment (`STORE__POOL__SIZE`) is always text; a store reads numbers
/// and switches from text too, as it does where they stand in the URL.
#[derive(Clone, Default)]
pub struct StoreConfig {
    url: String,
    options: Table,
    origins: Origins,
}

impl StoreConfig {
    /// The store at `url`, such as `memory:` or `redis://127.0.0.1:6379/0`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// The same store with these options.
    #[must_use]
    pub fn with_options(mut self, options: Table) -> Self {
        self.options = options;
        self
    }

    /// The URL, with its password if it has one.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL for people: without what may be a password, which is everything before the host
    /// and in the query.
    #[must_use]
    pub fn shown_url(&self) -> String {
        redacted(&self.url)
    }

    /// Everything else that stands under `[store]`.
    #[must_use]
    pub fn options(&self) -> &Table {
        &self.options
    }

    /// The error for a setting that the store does not take, with the place it came from.
    ///
    /// `setting` is the name below `store`, such as `url` or `pool.size`; `wrong` says what is
    /// wrong with it and `fix` what to write instead. Neither repeats a password.
    pub fn error(
        &self,
        setting: &str,
        wrong: impl Into<String>,
        fix: impl Into<String>,
    ) -> ConfigError {
        let problem = Problem::new(format!("store.{setting}"), wrong, fix);
        ConfigError::new(vec![problem.locate(&self.origins)])
    }

    pub(super) fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    pub(super) fn check(self) -> Result<Self, Problem> {
        if self.url.is_empty() {
            let fix = "write for example url = \"memory:\" or \"redis://127.0.0.1:6379/0\"";
            return Err(Problem::new("store.url", "missing or empty", fix));
        }
        Ok(self)
    }

    /// Takes an option, from the file first and then from the environment, which may reach into
    /// the file's tables.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<(), Problem> {
        let name = entry.name();
        let collision = || {
            let wrong = "a value and a table of the same name";
            Problem::new(name.clone(), wrong, "remove one of them").at(entry.origin.clone())
        };
        let Some((last, tables)) = entry.path[1..].split_last() else {
            return Err(collision());
        };
        let mut table = &mut self.options;
        for part in tables {
            let inner = table.entry(part.as_str());
            let inner = inner.or_insert_with(|| Value::Table(Table::new()));
            table = inner.as_table_mut().ok_or_else(collision)?;
        }
        let value = match entry.value {
            RawValue::Typed(value) => value,
            RawValue::Text(text) => Value::String(text),
        };
        table.insert(last.clone(), value);
        Ok(())
    }
}

/// Without passwords: what stands before the host, in the URL's query and in options is hidden.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<_> = self.options.keys().collect();
        f.debug_struct("StoreConfig")
            .field("url", &self.shown_url())
            .field("options", &options)
            .finish()
    }
}

/// Hides more than passwords rather than less: a password may contain any character.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return "***".to_owned();
    };
    let (slashes, rest) = match rest.strip_prefix("//") {
        Some(rest) => ("//", rest),
        None => ("", rest),
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((before, _)) if before.contains(['?', '#']) => ("", "***"),
        Some((_, place)) => ("***@", place),
        None => ("", rest),
    };
    let (place, query) = match place.split_once(['?', '#']) {
        Some((place, _)) => (place, "?***"),
        None => (place, ""),
    };
    format!("{scheme}:{slashes}{user}{place}{query}")
}

/// The settings of `[store]` that do not belong to the store itself.
pub(super) const KEYS: &[Key<StoreConfig>] = &[Key {
    name: "store.url",
    set: Set::Secret(|store, url| StoreConfig { url, ..store }),
}];
