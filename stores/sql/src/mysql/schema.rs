//! The tables in MySQL.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use session_core::{ConfigError, StoreConfig, StoreError};

use super::dial::Dialer;
use super::fault::{Fault, NO_MEMORY};
use super::settings::MysqlStoreBuilder;
use super::statements::quoted;
use crate::schema::{Persistence, Status, Tables};

/// The version of the tables that this program works with.
pub(super) const VERSION: i64 = 1;

/// What leads from each version to the next, from none on.
///
/// MySQL commits after every statement that changes a table. So each of them can be repeated,
/// and the version is written last: an installation that was cut off is simply done again.
const MIGRATIONS: [fn(&str) -> Vec<String>; VERSION as usize] = [first];

/// How long, in seconds, to wait for somebody else who installs.
const PATIENCE: u32 = 60;

/// The tables of a store.
#[derive(Debug)]
pub(crate) struct MysqlTables {
    dialer: Dialer,
}

/// Sessions, control rows, and one row with the version and the sweeper's lease.
///
/// `due` is left alone by touches, and so are both indexes. Nothing here is text, so no
/// collation takes two keys for one.
fn first(table: &str) -> Vec<String> {
    let sessions = quoted(table, "");
    let control = quoted(table, "_control");
    let version = quoted(table, "_schema");
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {sessions} (
    `key` BINARY(32) NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    -- The idle length in milliseconds.
    idle BIGINT NOT NULL,
    -- Times are milliseconds since the Unix epoch.
    -- When it expires if nobody touches it; of an ended session, when its row may go.
    expires BIGINT NOT NULL,
    -- The absolute deadline.
    ends BIGINT NOT NULL,
    -- When a sweep looks at it next: never after it expires.
    due BIGINT NOT NULL,
    lease_token BIGINT NOT NULL,
    leased_until BIGINT,
    -- Why it ended, if it did: 1 renewed, 2 destroyed, 3 revoked.
    ended SMALLINT,
    principal BINARY(32),
    labels MEDIUMBLOB NOT NULL,
    content LONGBLOB NOT NULL,
    INDEX {due} (due),
    INDEX {principal} (principal, `key`)
) {OPTIONS}",
            due = quoted(table, "_due"),
            principal = quoted(table, "_principal"),
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {control} (
    name VARBINARY(512) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    value LONGBLOB NOT NULL
) {OPTIONS}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {version} (
    version INTEGER NOT NULL,
    -- Which instance sweeps, and until when others leave it to do so.
    sweeper BIGINT,
    sweeping_until BIGINT
) {OPTIONS}"
        ),
        format!("INSERT INTO {version} (version) VALUES (1)"),
    ]
}

const OPTIONS: &str = "ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4";

impl MysqlTables {
    pub(crate) fn of(config: &StoreConfig) -> Result<Self, ConfigError> {
        let dialer = MysqlStoreBuilder::read(config)?.dialer()?;
        Ok(Self { dialer })
    }

    fn table(&self) -> &str {
        &self.dialer.settings.table
    }

    /// The name of the lock, hashed since names have at most 64 characters.
    fn lock(&self) -> String {
        format!("SHA1('session-store {}')", self.table())
    }

    /// A connection that no other installs at the same tables beside. The lock ends with it.
    async fn locked(&self) -> Result<Conn, Fault> {
        let mut connection = self.dialer.dial_patiently().await?;
        let text = self.lock_text();
        let got: Option<Option<i64>> = self.done(connection.query_first(text).await)?;
        match got.flatten() {
            Some(1) => Ok(connection),
            _ => Err(self.dialer.target.installing()),
        }
    }

    /// The lock is of the whole server, so the database is part of its name.
    fn lock_text(&self) -> String {
        format!(
            "SELECT GET_LOCK(SHA1(CONCAT(DATABASE(), {})), {PATIENCE})",
            self.lock()
        )
    }

    /// The version of the tables, none if there are none.
    async fn version(&self, connection: &mut Conn) -> Result<Option<i64>, Fault> {
        let version = quoted(self.table(), "_schema");
        let there = "SELECT COUNT(*) FROM information_schema.tables \
                     WHERE table_schema = DATABASE() AND table_name = ?";
        let name = format!("{}_schema", self.table());
        let there: Option<i64> = self.done(connection.exec_first(there, (name,)).await)?;
        if there.unwrap_or(0) == 0 {
            return Ok(None);
        }
        let asked = format!("SELECT version FROM {version}");
        self.done(connection.query_first(asked).await)
    }

    async fn install_in(&self, connection: &mut Conn) -> Result<Status, Fault> {
        let before = status(self.version(connection).await?);
        let done = match before {
            Status::Missing => 0,
            Status::Current(version) | Status::Older(version) => version,
            Status::Newer(version) => {
                return Err(self.dialer.target.version(version.into(), VERSION));
            }
        };
        for migration in MIGRATIONS.iter().skip(done as usize) {
            for statement in migration(self.table()) {
                self.done(connection.query_drop(statement).await)?;
            }
        }
        Ok(before)
    }

    /// The version goes last, so that what was cut off can be removed again.
    async fn remove_in(&self, connection: &mut Conn) -> Result<bool, Fault> {
        let there = self.version(connection).await?.is_some();
        for suffix in ["", "_control", "_schema"] {
            let table = quoted(self.table(), suffix);
            let text = format!("DROP TABLE IF EXISTS {table}");
            self.done(connection.query_drop(text).await)?;
        }
        Ok(there)
    }

    fn done<T>(&self, result: Result<T, Error>) -> Result<T, Fault> {
        result.map_err(|error| self.dialer.target.failed(&error))
    }
}

#[async_trait]
impl Tables for MysqlTables {
    async fn install(&self, persistence: Persistence) -> Result<Status, StoreError> {
        if persistence == Persistence::Temporary {
            return Err(self.dialer.target.no_memory_tables().into());
        }
        let mut connection = self.locked().await?;
        Ok(self.install_in(&mut connection).await?)
    }

    async fn remove(&self) -> Result<bool, StoreError> {
        let mut connection = self.locked().await?;
        Ok(self.remove_in(&mut connection).await?)
    }

    async fn status(&self) -> Result<Status, StoreError> {
        let mut connection = self.dialer.dial_patiently().await?;
        Ok(status(self.version(&mut connection).await?))
    }

    fn print(&self, persistence: Persistence) -> String {
        if persistence == Persistence::Temporary {
            return format!("-- Not possible: {NO_MEMORY}.\n");
        }
        let mut text = format!("{};\n", self.lock_text());
        for migration in MIGRATIONS {
            for statement in migration(self.table()) {
                text.push_str(&statement);
                text.push_str(";\n");
            }
        }
        text
    }
}

fn status(version: Option<i64>) -> Status {
    let Some(version) = version else {
        return Status::Missing;
    };
    let number = u32::try_from(version).unwrap_or(u32::MAX);
    match version.cmp(&VERSION) {
        std::cmp::Ordering::Less => Status::Older(number),
        std::cmp::Ordering::Equal => Status::Current(number),
        std::cmp::Ordering::Greater => Status::Newer(number),
    }
}
