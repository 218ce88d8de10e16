//! [`Opener`]: how a connection is made and set up.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, Params, Row};
use session_core::{Clock, SystemClock, Timestamp};

use super::fault::{Fault, Target};
use super::row::Reader;
use super::schema;
use super::settings::Settings;
use super::statements::Statements;
use super::time::Time;
use super::turn::Turnstile;

/// Opens connections, and keeps what they have in common.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) settings: Settings,
    pub(super) target: Target,
    pub(super) statements: Statements,
    pub(super) time: Time,
    /// The clock of time limits, which does not stand still in tests.
    ticks: SystemClock,
}

/// How long a connection waits for a lock by itself. Whoever has more time asks again.
const BUSY: Duration = Duration::from_millis(50);

impl Opener {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            target: Target::new(&settings),
            statements: Statements::new(&settings.names),
            time: Time::new(settings.clock.clone()),
            ticks: SystemClock::default(),
            settings,
        }
    }

    /// A time of the clock of time limits.
    pub(super) fn tick(&self) -> Duration {
        self.ticks.monotonic()
    }

    /// When an operation that begins now is over.
    pub(super) fn deadline(&self) -> Duration {
        self.tick() + self.settings.operation_timeout
    }

    /// Where processes queue up to write.
    pub(super) fn turnstile(&self) -> Result<Turnstile, Fault> {
        let failed = |error| self.target.io("use the lock files beside it", &error);
        Turnstile::open(&self.settings.file).map_err(failed)
    }

    /// A connection that writes.
    pub(super) fn writer(&self) -> Result<Connection, Fault> {
        self.make_if_missing()?;
        let connection = self.connect()?;
        let mode: String = self.pragma(&connection, "journal_mode")?;
        if mode != "wal" {
            self.use_log(&connection)?;
        }
        self.set_up(&connection, "PRAGMA fullfsync = on")?;
        self.check(&connection)?;
        Ok(connection)
    }

    /// A connection that only reads. It does not wait for locks.
    pub(super) fn reader(&self) -> Result<Connection, Fault> {
        self.make_if_missing()?;
        let connection = self.connect()?;
        self.set_up(&connection, "PRAGMA query_only = on")?;
        self.check(&connection)?;
        let failed = |error| self.target.failed(&error);
        connection.busy_timeout(Duration::ZERO).map_err(failed)?;
        Ok(connection)
    }

    fn make_if_missing(&self) -> Result<(), Fault> {
        if !self.settings.create || self.is_there()? && self.version_is_there()? {
            return Ok(());
        }
        schema::install(self).map(|_| ())
    }

    fn version_is_there(&self) -> Result<bool, Fault> {
        let connection = self.connect()?;
        Ok(schema::version(self, &connection)?.is_some())
    }

    pub(super) fn is_there(&self) -> Result<bool, Fault> {
        let there = self.settings.file.try_exists();
        there.map_err(|error| self.target.io("look at it", &error))
    }

    /// A connection to a file that is there.
    pub(super) fn connect(&self) -> Result<Connection, Fault> {
        if !self.is_there()? {
            return Err(self.target.missing_file());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error| self.target.failed(&error);
        let connection = Connection::open_with_flags(&self.settings.file, flags).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(BUSY).map_err(failed)?;
        self.set_up(
            &connection,
            // After a large transaction the log shrinks again.
            "PRAGMA trusted_schema = off; PRAGMA cell_size_check = on;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(connection)
    }

    /// Has the database keep a write-ahead log from now on.
    pub(super) fn use_log(&self, connection: &Connection) -> Result<(), Fault> {
        let mode: String = self.pragma(connection, "journal_mode = wal")?;
        match mode.as_str() {
            "wal" => Ok(()),
            mode => Err(self.target.no_log(mode)),
        }
    }

    fn pragma<T: rusqlite::types::FromSql>(
        &self,
        connection: &Connection,
        text: &str,
    ) -> Result<T, Fault> {
        let value = connection.query_row(&format!("PRAGMA {text}"), [], |row| row.get(0));
        value.map_err(|error| self.target.failed(&error))
    }

    fn set_up(&self, connection: &Connection, text: &str) -> Result<(), Fault> {
        let done = connection.execute_batch(text);
        done.map_err(|error| self.target.failed(&error))
    }

    fn check(&self, connection: &Connection) -> Result<(), Fault> {
        match schema::version(self, connection)? {
            Some(version) => self.check_version(version)?,
            None => return Err(self.target.missing_tables()),
        }
        self.see_time(connection).map(|_| ())
    }

    /// Learns the latest time that any process has seen.
    pub(super) fn see_time(&self, connection: &Connection) -> Result<Seen, Fault> {
        let tables = self.tables(connection);
        let seen = tables.row(&tables.statements.clock, [], |reader| {
            Ok(Seen {
                version: reader.get(0)?,
                time: reader.time(1)?,
            })
        })?;
        let seen = seen.ok_or_else(|| tables.target.missing_tables())?;
        self.time.reached(seen.time);
        Ok(seen)
    }

    pub(super) fn check_version(&self, version: i64) -> Result<(), Fault> {
        match version {
            schema::VERSION => Ok(()),
            other => Err(self.target.version(other, schema::VERSION)),
        }
    }

    /// The tables, as they are read or written now.
    pub(super) fn tables<'a>(&'a self, connection: &'a Connection) -> Tables<'a> {
        Tables {
            connection,
            statements: &self.statements,
            target: &self.target,
            now: self.time.now(),
        }
    }
}

/// What the row with the version says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) version: i64,
    /// The latest time that a writer has seen.
    pub(super) time: Timestamp,
}

/// The tables at one point in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables<'a> {
    connection: &'a Connection,
    pub(super) statements: &'a Statements,
    pub(super) target: &'a Target,
    pub(super) now: Timestamp,
}

impl Tables<'_> {
    fn prepare(&self, text: &str) -> Result<CachedStatement<'_>, Fault> {
        let prepared = self.connection.prepare_cached(text);
        prepared.map_err(|error| self.target.failed(&error))
    }

    /// Executes a statement and returns how many rows it changed.
    pub(super) fn execute(&self, text: &str, parameters: impl Params) -> Result<usize, Fault> {
        let done = self.prepare(text)?.execute(parameters);
        done.map_err(|error| self.target.failed(&error))
    }

    /// Reads a row, if there is one.
    pub(super) fn row<T>(
        &self,
        text: &str,
        parameters: impl Params,
        read: impl FnOnce(Reader<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let read = |row: &Row<'_>| Ok(read(Reader::new(row, self.target)));
        let row = self.prepare(text)?.query_row(parameters, read).optional();
        row.map_err(|error| self.target.failed(&error))?.transpose()
    }

    /// Reads all rows.
    pub(super) fn rows<T>(
        &self,
        text: &str,
        parameters: impl Params,
        read: impl Fn(Reader<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let failed = |error| self.target.failed(&error);
        let mut statement = self.prepare(text)?;
        let mut rows = statement.query(parameters).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            all.push(read(Reader::new(row, self.target))?);
        }
        Ok(all)
    }

    /// Whether the file can only be read.
    pub(super) fn is_read_only(&self) -> Result<bool, Fault> {
        let read_only = self.connection.is_readonly("main");
        read_only.map_err(|error| self.target.failed(&error))
    }
}
