//! [`ConfigFile`]: a whole configuration, from a file and the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use toml::Table;
use zeroize::Zeroizing;

use super::advice::{Form, advice};
use super::builder::SessionConfigBuilder;
use super::environment::Environment;
use super::error::{ConfigError, Origin, Origins, Problem};
use super::key::{self, Key};
use super::machine_key::{self, MachineKeyConfig};
use super::session::SessionConfig;
use super::session_keys;
use super::source::{self, Entry};
use super::store::{self, StoreConfig};
use super::value::RawValue;

/// A whole configuration: the tables `[session]`, `[store]` and `[machine_key]`.
///
/// Environment variables replace what the file says, see [`Environment`].
///
/// ```
/// use session_core::{ConfigFile, Environment};
///
/// # fn main() -> Result<(), session_core::ConfigError> {
/// let text = r#"
///     [session]
///     app = "shop"
///
///     [store]
///     url = "memory:"
/// "#;
/// let environment = [("SESSION__LOCK__WAIT", "2s")].into_iter().collect();
/// let config = ConfigFile::parse(text, "session.toml", &environment)?;
/// assert_eq!(config.session.lock_wait().as_secs(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConfigFile {
    /// How sessions behave.
    pub session: SessionConfig,
    /// Where they are kept.
    pub store: StoreConfig,
    /// Where the key ring comes from.
    pub machine_key: MachineKeyConfig,
}

impl ConfigFile {
    /// Reads the file at `path`, and this process's environment.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or as for [`ConfigFile::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| ConfigError::unreadable(&name, error))?;
        Self::parse(&text, &name, &Environment::process())
    }

    /// Reads a file's text; errors call the file `name`.
    ///
    /// # Errors
    ///
    /// The text is not TOML, or a name is unknown, or a value has the wrong type, is out of its
    /// range or excludes another one. All of them are reported at once.
    pub fn parse(text: &str, name: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let name: Arc<str> = name.into();
        let entries =
            source::of_text(text, &name).map_err(|problem| ConfigError::new(vec![problem]))?;
        Draft::new(Some(Origin::File(name)), entries, environment).finish()
    }

    /// Takes the three tables out of a table that the application has read itself, so that they
    /// can stand in its own file. What else is in there belongs to the application.
    ///
    /// # Errors
    ///
    /// As for [`ConfigFile::parse`], without lines.
    pub fn from_table(table: &Table, environment: &Environment) -> Result<Self, ConfigError> {
        let mut ours = table.clone();
        ours.retain(|name, _| key::TOP.contains(&name));
        Draft::new(None, source::of_table(ours), environment).finish()
    }
}

/// Settings on their way into a [`ConfigFile`].
struct Draft {
    entries: BTreeMap<String, Entry>,
    origins: Origins,
    problems: Vec<Problem>,
}

impl Draft {
    fn new(whole: Option<Origin>, file: Vec<Entry>, environment: &Environment) -> Self {
        let mut draft = Self {
            entries: BTreeMap::new(),
            origins: Origins {
                whole,
                settings: BTreeMap::new(),
            },
            problems: Vec::new(),
        };
        for entry in file.into_iter().map(Ok).chain(environment.entries()) {
            draft.add(entry);
        }
        draft
    }

    fn add(&mut self, entry: Result<Entry, Problem>) {
        match entry {
            Ok(entry) => {
                let name = entry.name();
                if let Some(origin) = &entry.origin {
                    self.origins.settings.insert(name.clone(), origin.clone());
                }
                self.entries.insert(name, entry);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn finish(mut self) -> Result<ConfigFile, ConfigError> {
        let session = self.fill(session_keys::KEYS, SessionConfigBuilder::unnamed());
        let machine_key = self.fill(machine_key::KEYS, MachineKeyConfig::default());
        let mut store = self.fill(store::KEYS, StoreConfig::default());
        self.take_rest(&mut store);
        let session = self.judge(session.check());
        let machine_key = self.judge(machine_key.check());
        let store = self.judge(store.check().map_err(|problem| vec![problem]));
        match (session, store, machine_key) {
            (Some(session), Some(store), Some(machine_key)) if self.problems.is_empty() => {
                Ok(ConfigFile {
                    session,
                    store: store.with_origins(self.origins),
                    machine_key,
                })
            }
            _ => Err(ConfigError::new(self.problems)),
        }
    }

    /// Moves the entries that `keys` name into `draft`.
    fn fill<D>(&mut self, keys: &[Key<D>], mut draft: D) -> D {
        for key in keys {
            if let Some(entry) = self.entries.remove(key.name) {
                let (filled, result) = key.apply(draft, entry.value);
                draft = filled;
                let problem = result.err().map(|problem| problem.at(entry.origin));
                self.problems.extend(problem);
            }
        }
        draft
    }

    /// What no key names is an option of the store, or a mistake.
    fn take_rest(&mut self, store: &mut StoreConfig) {
        for (_, entry) in std::mem::take(&mut self.entries) {
            let result = match entry.path.as_slice() {
                [top, name, ..] if top == "store" && name != "url" => store.insert(entry),
                _ => Err(unknown(entry)),
            };
            self.problems.extend(result.err());
        }
    }

    /// Takes note of what a check found, unless it follows from what is known already.
    fn judge<T>(&mut self, result: Result<T, Vec<Problem>>) -> Option<T> {
        let problems = match result {
            Ok(checked) => return Some(checked),
            Err(problems) => problems,
        };
        let known = self.problems.len();
        for problem in problems {
            if !problem.follows_from(&self.problems[..known]) {
                self.problems.push(problem.locate(&self.origins));
            }
        }
        None
    }
}

fn unknown(entry: Entry) -> Problem {
    let name = entry.name();
    if key::is_table(&name) {
        let fix = format!("write [{name}] on a line of its own, and its settings below");
        let problem = Problem::new(name, "a value where a table belongs", fix);
        return problem.at(entry.origin);
    }
    let form = match entry.value {
        RawValue::Typed(_) => Form::File,
        RawValue::Text(_) => Form::Variable,
    };
    Problem::new(name, "unknown name", advice(&entry.path, form)).at(entry.origin)
}
