//! Files for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use session_store_sql::SqliteStore;
use tempfile::TempDir;

/// A folder with a file of sessions.
pub(crate) struct File {
    folder: TempDir,
}

impl File {
    /// A file that is not there yet.
    pub(crate) fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("sessions.db")
    }

    /// The URL with options.
    pub(crate) fn url(&self, options: &str) -> String {
        format!("sqlite:{}?{options}", self.path().display())
    }

    /// A store that makes what is missing.
    pub(crate) fn store(&self) -> Arc<SqliteStore> {
        store(&self.url("create=true"))
    }

    /// A connection of somebody else.
    pub(crate) fn foreign(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
    }
}

pub(crate) fn store(url: &str) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::builder(url).unwrap().build())
}
