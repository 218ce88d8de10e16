//! The file of the sessions.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use session_core::Timestamp;

use super::change::{Batch, Change, Content, Grave, Life};
use super::error::{Fault, PersistError};
use super::folder::Folder;
use super::log;
use super::row::{self, content_sum, life_sum, row_sum};
use crate::server::items::Key;

/// The open file.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) connection: Connection,
}

/// Tells our files from others: "ssst".
const APPLICATION: i32 = 0x7373_7374;
const SCHEMA_VERSION: i32 = 1;

/// The body comes last, so that a touch need not go past it.
const SCHEMA: &str = "
    CREATE TABLE items (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        expires INTEGER NOT NULL,
        cookie INTEGER NOT NULL,
        uninitialised INTEGER NOT NULL,
        life_sum INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        idle INTEGER NOT NULL,
        absolute INTEGER NOT NULL,
        content_sum INTEGER NOT NULL,
        principal BLOB,
        labels BLOB,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE tombstones (
        key BLOB PRIMARY KEY,
        reason TEXT NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tombstones_by_expiry ON tombstones (expires);
    CREATE TABLE control (
        name BLOB PRIMARY KEY,
        revision INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        value BLOB NOT NULL
    ) STRICT;
";

const PUT: &str = "
    INSERT INTO items (key, expires, cookie, uninitialised, life_sum, revision, idle, absolute,
        content_sum, principal, labels, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (key) DO UPDATE SET expires = ?2, cookie = ?3, uninitialised = ?4, life_sum = ?5,
        revision = ?6, idle = ?7, absolute = ?8, content_sum = ?9, principal = ?10, labels = ?11,
        body = ?12";

const LIFE: &str = "
    UPDATE items SET expires = ?2, cookie = ?3, uninitialised = ?4, life_sum = ?5 WHERE key = ?1";

const REMOVE: &str = "DELETE FROM items WHERE key = ?1";

const BURY: &str = "
    INSERT INTO tombstones (key, reason, expires) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET reason = ?2, expires = ?3";

const SET_ROW: &str = "
    INSERT INTO control (name, revision, sum, value) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (name) DO UPDATE SET revision = ?2, sum = ?3, value = ?4";

const FORGET: &str = "
    DELETE FROM tombstones WHERE key IN (
        SELECT key FROM tombstones WHERE expires <= ?1 ORDER BY expires LIMIT 1000)";

impl Disk {
    /// How many rows a transaction removes at most that are not needed any more.
    const SWEEP: usize = 5_000;

    /// Opens the file and checks it, without changing anything; makes one if there is none.
    pub(super) fn open(folder: &Folder) -> Result<Self, Fault> {
        let file = folder.file();
        let failed = |error| PersistError::io("use", &file, error);
        if !folder.has_files().map_err(failed)? {
            let draft = folder.make_draft().map_err(failed)?;
            create(&draft)?;
            folder.publish(&draft).map_err(failed)?;
        }
        if !file.try_exists().map_err(failed)? {
            return Err(Fault::Damaged(
                "the file is missing, its log is there".into(),
            ));
        }
        if log::is_damaged(&folder.log()).map_err(failed)? {
            return Err(Fault::Damaged("its log is damaged".into()));
        }
        let disk = Self {
            connection: connect(&file)?,
        };
        disk.check()?;
        Ok(disk)
    }

    /// Whether it is a sound file of ours.
    fn check(&self) -> Result<(), Fault> {
        let application: i32 = self.pragma("application_id")?;
        if application != APPLICATION {
            return Err(Fault::Damaged(
                "it is no file of a session-state-server".into(),
            ));
        }
        let version: i32 = self.pragma("user_version")?;
        if version != SCHEMA_VERSION {
            return Err(Fault::Damaged(format!(
                "its format is {version}, and this program knows {SCHEMA_VERSION}"
            )));
        }
        let verdict: String = self.pragma("integrity_check(1)")?;
        match verdict.as_str() {
            "ok" => Ok(()),
            _ => Err(Fault::Damaged(verdict)),
        }
    }

    fn pragma<T: rusqlite::types::FromSql>(&self, name: &str) -> rusqlite::Result<T> {
        let text = format!("PRAGMA {name}");
        self.connection.query_row(&text, [], |row| row.get(0))
    }

    /// From now on it is written to. It is closed once, by which the log is worked in, so that
    /// what a crash has left there does not remain.
    pub(super) fn into_writable(self, file: &Path) -> rusqlite::Result<Self> {
        let connection = self.connection;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection.close().map_err(|(_, error)| error)?;
        let connection = connect(file)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection.execute_batch(
            "PRAGMA journal_mode = wal;
            -- A commit is on the disk when it returns.
            PRAGMA synchronous = full;
            PRAGMA fullfsync = on;
            -- 16 MiB of log are worked in at once; after a large transaction it shrinks again.
            PRAGMA wal_autocheckpoint = 4096;
            PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(Self { connection })
    }

    /// Removes items that had expired when they were read.
    pub(super) fn remove_expired(&mut self, ids: &[i64]) -> rusqlite::Result<()> {
        for some in ids.chunks(Self::SWEEP) {
            let transaction = self.connection.transaction()?;
            let mut remove = transaction.prepare("DELETE FROM items WHERE id = ?1")?;
            for id in some {
                remove.execute([id])?;
            }
            drop(remove);
            transaction.commit()?;
        }
        Ok(())
    }

    /// Writes a batch in one transaction. `epoch` is the wall-clock time at which ticks were
    /// zero.
    pub(super) fn write(&mut self, batch: &Batch, epoch: Timestamp) -> rusqlite::Result<()> {
        let behaviour = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behaviour)?;
        Writing::prepare(&transaction, epoch)?.all(batch)?;
        transaction.commit()
    }

    /// Forgets some of the tombstones that have expired.
    pub(super) fn forget(&self, now: Timestamp) -> rusqlite::Result<()> {
        self.connection.execute(FORGET, [now.as_millis()])?;
        Ok(())
    }
}

/// Opens a file that is there. No other process may read it while we have it.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Nothing may change before we know that the file is sound, not even by closing it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn create(path: &Path) -> rusqlite::Result<()> {
    let connection = connect(path)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(SCHEMA)
}

/// The statements of one transaction.
struct Writing<'t> {
    put: rusqlite::Statement<'t>,
    life: rusqlite::Statement<'t>,
    remove: rusqlite::Statement<'t>,
    bury: rusqlite::Statement<'t>,
    set_row: rusqlite::Statement<'t>,
    epoch: Timestamp,
}

impl<'t> Writing<'t> {
    fn prepare(transaction: &'t Transaction<'_>, epoch: Timestamp) -> rusqlite::Result<Self> {
        Ok(Self {
            put: transaction.prepare(PUT)?,
            life: transaction.prepare(LIFE)?,
            remove: transaction.prepare(REMOVE)?,
            bury: transaction.prepare(BURY)?,
            set_row: transaction.prepare(SET_ROW)?,
            epoch,
        })
    }

    fn all(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        for (key, entry) in &batch.items {
            match &entry.change {
                Change::Put(content, life) => self.put(key, content, *life)?,
                Change::Life(life) => self.life(key, *life)?,
                Change::Remove(grave) => self.remove(key, *grave)?,
            }
        }
        for (name, (row, _)) in &batch.control {
            let (revision, sum) = (row.revision.cast_signed(), row_sum(name, row));
            let values = params![name, revision, sum, &row.value[..]];
            self.set_row.execute(values)?;
        }
        Ok(())
    }

    fn put(&mut self, key: &Key, content: &Content, life: Life) -> rusqlite::Result<()> {
        let key = row::encode(key);
        let absolute = content.absolute.wall(self.epoch).as_millis();
        let expires = life.expires.wall(self.epoch).as_millis();
        let idle = i64::try_from(content.idle).unwrap_or(i64::MAX);
        let revision = content.revision.cast_signed();
        let listing = content.listing.as_deref();
        let principal = listing.and_then(|listing| listing.principal.as_ref());
        let labels = listing.map(|listing| &*listing.labels);
        let numbers = [revision, idle, absolute];
        let sum = content_sum(
            &key,
            numbers,
            principal.map(|key| &key[..]),
            labels,
            &content.body,
        );
        self.put.execute(params![
            key,
            expires,
            life.cookie,
            life.is_uninitialised,
            life_sum(&key, expires, life.cookie, life.is_uninitialised),
            revision,
            idle,
            absolute,
            sum,
            principal.map(|key| &key[..]),
            labels,
            &content.body[..],
        ])?;
        Ok(())
    }

    fn life(&mut self, key: &Key, life: Life) -> rusqlite::Result<()> {
        let key = row::encode(key);
        let expires = life.expires.wall(self.epoch).as_millis();
        let sum = life_sum(&key, expires, life.cookie, life.is_uninitialised);
        let values = params![key, expires, life.cookie, life.is_uninitialised, sum];
        self.life.execute(values)?;
        Ok(())
    }

    fn remove(&mut self, key: &Key, grave: Option<Grave>) -> rusqlite::Result<()> {
        let key = row::encode(key);
        self.remove.execute([&key])?;
        if let Some(Grave { reason, until }) = grave {
            let until = until.wall(self.epoch).as_millis();
            self.bury.execute(params![key, reason.as_str(), until])?;
        }
        Ok(())
    }
}
