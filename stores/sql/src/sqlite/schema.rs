//! The tables in SQLite.

use std::cmp::Ordering;
use std::fs::OpenOptions;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, TransactionBehavior};
use session_core::{ConfigError, StoreConfig, StoreError};
use tokio::runtime::Handle;

use super::fault::Fault;
use super::open::Opener;
use super::settings::SqliteStoreBuilder;
use crate::schema::{Persistence, Status, Tables};
use crate::shared::names::Names;

/// The version of the tables that this program works with.
pub(super) const VERSION: i64 = 1;

/// What leads from each version to the next, from none on.
const MIGRATIONS: [fn(&Names) -> String; VERSION as usize] = [first];

/// The tables of a store.
#[derive(Debug)]
pub(crate) struct SqliteTables {
    opener: Arc<Opener>,
    runtime: Handle,
}

/// Sessions, control rows, and one row with the version, the sweeper's lease and the latest time
/// that was seen.
///
/// Touches and saves leave `due` alone, which keeps them out of its index. The content comes
/// last, so that what goes by the other columns need not read all of it.
fn first(names: &Names) -> String {
    format!(
        "CREATE TABLE {sessions} (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    -- The idle length in milliseconds.
    idle INTEGER NOT NULL,
    -- When it expires if nobody touches it; of an ended session, when its row may go. Times are
    -- in milliseconds since the Unix epoch.
    expires INTEGER NOT NULL,
    -- The absolute deadline.
    ends INTEGER NOT NULL,
    -- When a sweep looks at it next: never after it expires.
    due INTEGER NOT NULL,
    lease_token INTEGER NOT NULL,
    leased_until INTEGER,
    -- Why it ended, if it did: 1 renewed, 2 destroyed, 3 revoked.
    ended INTEGER,
    principal BLOB,
    labels BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX {due} ON {table} (due);
CREATE INDEX {principal} ON {table} (principal, key) WHERE principal IS NOT NULL;
CREATE TABLE {control} (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE {version} (
    version INTEGER NOT NULL,
    -- Which instance sweeps, and until when others leave it to do so.
    sweeper INTEGER,
    sweeping_until INTEGER,
    -- The latest time that a writer has seen.
    clock INTEGER NOT NULL
) STRICT;
INSERT INTO {version} (version, clock) VALUES (1, 0);
",
        sessions = names.sessions(),
        table = names.index(""),
        due = names.index("_due"),
        principal = names.index("_principal"),
        control = names.control(),
        version = names.version(),
    )
}

/// Makes the tables, and the file if there is none, and says what was there before. Processes do
/// so in turn, since no two can give a file its log at once.
pub(super) fn install(opener: &Opener) -> Result<Status, Fault> {
    make_file(opener)?;
    let turnstile = opener.turnstile()?;
    let entered = turnstile.enter();
    let _turn = entered.map_err(|error| opener.target.io("wait for its turn", &error))?;
    let mut connection = opener.connect()?;
    opener.use_log(&connection)?;
    let before = status(version(opener, &connection)?);
    let done = match before {
        Status::Missing => 0,
        Status::Current(_) => return Ok(before),
        Status::Older(version) => version as usize,
        Status::Newer(found) => return Err(opener.target.version(found.into(), VERSION)),
    };
    migrate(&mut connection, opener, done).map_err(|error| opener.target.failed(&error))?;
    Ok(before)
}

fn migrate(connection: &mut Connection, opener: &Opener, done: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(&migration(&opener.settings.names))?;
    }
    transaction.commit()
}

/// Makes an empty file that nobody but its owner may use, unless there is one.
fn make_file(opener: &Opener) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&opener.settings.file) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(opener.target.io("make it", &error)),
        Ok(_) => Ok(()),
    }
}

/// The version of the tables, none if there are none.
pub(super) fn version(opener: &Opener, connection: &Connection) -> Result<Option<i64>, Fault> {
    let tables = opener.tables(connection);
    let asked = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 \
                 COLLATE NOCASE";
    let table = format!("{}_schema", opener.settings.names.table);
    let there = tables.row(asked, [&table], |_| Ok(()))?;
    match there {
        None => Ok(None),
        Some(()) => tables.row(&opener.statements.version, [], |reader| reader.get(0)),
    }
}

fn remove(opener: &Opener) -> Result<bool, Fault> {
    if !opener.is_there()? {
        return Ok(false);
    }
    let mut connection = opener.connect()?;
    let there = version(opener, &connection)?.is_some();
    let dropped = drop_tables(&mut connection, &opener.settings.names);
    dropped.map_err(|error| opener.target.failed(&error))?;
    Ok(there)
}

fn drop_tables(connection: &mut Connection, names: &Names) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in [names.sessions(), names.control(), names.version()] {
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
    }
    transaction.commit()
}

fn installed(opener: &Opener) -> Result<Status, Fault> {
    if !opener.is_there()? {
        return Ok(Status::Missing);
    }
    let connection = opener.connect()?;
    Ok(status(version(opener, &connection)?))
}

impl SqliteTables {
    pub(crate) fn of(config: &StoreConfig) -> Result<Self, ConfigError> {
        let (opener, runtime) = SqliteStoreBuilder::read(config)?.opener();
        Ok(Self {
            opener: Arc::new(opener),
            runtime,
        })
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: fn(&Opener) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let opener = Arc::clone(&self.opener);
        let done = self.runtime.spawn_blocking(move || work(&opener)).await;
        Ok(done.unwrap_or_else(|_| Err(self.opener.target.stopped()))?)
    }
}

#[async_trait]
impl Tables for SqliteTables {
    async fn install(&self, persistence: Persistence) -> Result<Status, StoreError> {
        match persistence {
            Persistence::Permanent => self.aside(install).await,
            Persistence::Temporary => Err(self.opener.target.no_temporary().into()),
        }
    }

    async fn remove(&self) -> Result<bool, StoreError> {
        self.aside(remove).await
    }

    async fn status(&self) -> Result<Status, StoreError> {
        self.aside(installed).await
    }

    fn print(&self, _: Persistence) -> String {
        let steps = MIGRATIONS.map(|migration| migration(&self.opener.settings.names));
        let steps = steps.concat();
        format!("PRAGMA journal_mode = wal;\nBEGIN IMMEDIATE;\n{steps}COMMIT;\n")
    }
}

fn status(version: Option<i64>) -> Status {
    let Some(version) = version else {
        return Status::Missing;
    };
    let number = u32::try_from(version).unwrap_or(0);
    match version.cmp(&VERSION) {
        Ordering::Less => Status::Older(number),
        Ordering::Equal => Status::Current(number),
        Ordering::Greater => Status::Newer(number),
    }
}
