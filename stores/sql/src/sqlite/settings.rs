//! Where the file is and how it is used: the URL and the options of `[store]`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, ConfigError, StoreConfig, SystemClock};
use tokio::runtime::Handle;

use super::open::Opener;
use super::store::SqliteStore;
use crate::shared::names::{self, Names};
use crate::shared::options;

/// When an acknowledged write is safe from a power cut or a crash of the operating system.
///
/// A crash of the process alone loses nothing that was acknowledged, whatever this says. Ends of
/// sessions and renewals are on the disk before their answer, whatever this says: a power cut
/// does not bring a logout back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// When it is answered. Writes that come together share one flush of the disk.
    #[default]
    Full,
    /// About a second later. A power cut loses the creates, saves and touches of the last second
    /// or so, although they were answered; nothing is ever damaged.
    Normal,
}

impl Synchronous {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "normal" => Some(Self::Normal),
            _ => None,
        }
    }
}

/// The settings that every connection goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Absolute, so that a change of the working directory changes nothing.
    pub(super) file: PathBuf,
    pub(super) names: Names,
    pub(super) create: bool,
    pub(super) synchronous: Synchronous,
    pub(super) readers: usize,
    pub(super) operation_timeout: Duration,
    /// The clock that sessions live by.
    pub(super) clock: Arc<dyn Clock>,
}

/// Where the file is and how it is used.
#[derive(Clone, Debug)]
pub struct SqliteStoreBuilder {
    settings: Settings,
    runtime: Handle,
}

impl SqliteStoreBuilder {
    /// Whether the store makes the file and the tables where there are none. Default no: a
    /// wrong path is then an error, not an empty store. The folder must be there.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.settings.create = create;
        self
    }

    /// When an acknowledged write is safe. Default [`Synchronous::Full`].
    #[must_use]
    pub fn synchronous(mut self, when: Synchronous) -> Self {
        self.settings.synchronous = when;
        self
    }

    /// How many connections for reading are kept open, from 1 to 64, and how many reads may wait
    /// for the disk at a time. Default 8. Reads of what is in memory run in place, each on
    /// whichever connection is free.
    #[must_use]
    pub fn readers(mut self, count: usize) -> Self {
        self.settings.readers = count.clamp(1, 64);
        self
    }

    /// How long an operation may take, waiting for other processes included. Default 2 s.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// The clock that sessions live by. Default the machine's, which every process that uses the
    /// file shares; they must all have the same.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// The store. The file is opened when it is first used.
    #[must_use]
    pub fn build(self) -> SqliteStore {
        let (opener, runtime) = self.opener();
        SqliteStore::new(opener, runtime)
    }

    pub(super) fn opener(self) -> (Opener, Handle) {
        (Opener::new(self.settings), self.runtime)
    }

    /// Reads URL and options.
    pub(super) fn read(config: &StoreConfig) -> Result<Self, ConfigError> {
        let file = file(options::before_query(config)).map_err(|wrong| {
            let fix = "write for example sqlite:/var/lib/shop/sessions.db";
            config.error("url", wrong, fix)
        })?;
        let mut settings = Settings::new(file);
        for (name, value) in options::pairs(config)? {
            settings.set(config, &name, &value)?;
        }
        let runtime = Handle::try_current().map_err(|_| {
            let wrong = "a SQLite store needs a tokio runtime, and here is none";
            config.error("url", wrong, "make the store inside of `#[tokio::main]`")
        })?;
        Ok(Self { settings, runtime })
    }
}

/// The path in `sqlite:path`, `sqlite://path` and `sqlite:///path`.
fn file(url: &str) -> Result<PathBuf, String> {
    let path = url
        .strip_prefix("sqlite:")
        .ok_or("not the URL of a SQLite database")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = options::unescape(path).ok_or("a % that is no escape")?;
    match path.as_str() {
        "" => Err("no file is named".to_owned()),
        ":memory:" => Err("sessions in memory are what the store memory: is for".to_owned()),
        path => std::path::absolute(path).map_err(|error| error.to_string()),
    }
}

impl Settings {
    fn new(file: PathBuf) -> Self {
        let names = Names {
            schema: "main".to_owned(),
            ..Names::default()
        };
        Self {
            file,
            names,
            create: false,
            synchronous: Synchronous::default(),
            readers: 8,
            operation_timeout: Duration::from_secs(2),
            clock: Arc::new(SystemClock::default()),
        }
    }

    fn set(&mut self, config: &StoreConfig, name: &str, value: &str) -> Result<(), ConfigError> {
        match name {
            "table" => {
                let bad_name = |wrong| config.error(name, wrong, names::FIX);
                self.names.set_table(value).map_err(bad_name)?;
            }
            "create" => self.create = switch(config, name, value)?,
            "readers" => self.readers = options::count(config, name, value, 64)?,
            "operation_timeout" => self.operation_timeout = options::time(config, name, value)?,
            "synchronous" => {
                let unknown = || {
                    let wrong = "not a value that this store has";
                    config.error(name, wrong, "write full or normal")
                };
                self.synchronous = Synchronous::parse(value).ok_or_else(unknown)?;
            }
            _ => {
                let fix = "a SQLite store takes create, synchronous, table, readers and \
                           operation_timeout";
                return Err(config.error(name, "unknown setting", fix));
            }
        }
        Ok(())
    }

    /// The URL as a command takes it.
    pub(super) fn shown(&self) -> String {
        let path = self.file.display().to_string();
        let path = path.replace('%', "%25").replace('?', "%3F");
        match self.names.table == Names::default().table {
            true => format!("sqlite:{path}"),
            false => format!("sqlite:{path}?table={}", self.names.table),
        }
    }
}

fn switch(config: &StoreConfig, name: &str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(config.error(name, "neither true nor false", "write true or false")),
    }
}
