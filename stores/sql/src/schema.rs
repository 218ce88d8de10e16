//! The tables: made, brought up to date, shown and removed.
//!
//! This is what `sessionctl sql install`, `remove` and `status` do. A store never changes its
//! tables itself, so it runs with a role that may not. (Of a SQLite file it makes the tables where
//! there are none, if it is told to.)

use std::fmt::Debug;

use async_trait::async_trait;
use session_core::{ConfigError, StoreConfig, StoreError};

/// What becomes of the sessions when the database server crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// They stay.
    #[default]
    Permanent,
    /// They are all lost together, and every user is logged out. Writes cost less, and standbys
    /// do not have the sessions. (`UNLOGGED` in PostgreSQL; SQLite and MySQL have nothing like it,
    /// and refuse.) Control rows stay.
    Temporary,
}

/// What is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    Missing,
    /// Tables that this program works with, in this version.
    Current(u32),
    /// Tables of an older version, which [`Schema::install`] brings up to date.
    Older(u32),
    /// Tables of a newer version, made by a newer program.
    Newer(u32),
}

/// The tables of the store that a configuration names.
#[derive(Debug)]
pub struct Schema(Box<dyn Tables>);

/// What each database does in its own way.
#[async_trait]
pub(crate) trait Tables: Debug + Send + Sync {
    async fn install(&self, persistence: Persistence) -> Result<Status, StoreError>;
    async fn remove(&self) -> Result<bool, StoreError>;
    async fn status(&self) -> Result<Status, StoreError>;
    fn print(&self, persistence: Persistence) -> String;
}

impl Schema {
    /// The tables of the store that `config` describes; its role needs the right to make them.
    ///
    /// # Errors
    /// A setting is wrong, or the URL is not that of a database that this program was built for.
    pub fn of(config: &StoreConfig) -> Result<Self, ConfigError> {
        let scheme = config.url().split(':').next().unwrap_or_default();
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let tables = crate::postgres::schema::PostgresTables::of(config)?;
                Ok(Self(Box::new(tables)))
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let tables = crate::mysql::schema::MysqlTables::of(config)?;
                Ok(Self(Box::new(tables)))
            }
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let tables = crate::sqlite::schema::SqliteTables::of(config)?;
                Ok(Self(Box::new(tables)))
            }
            _ => {
                let wrong = "not the URL of a SQL database that this program was built for";
                let fix = "write for example postgres://user@host/database or sqlite:/path/file.db";
                Err(config.error("url", wrong, fix))
            }
        }
    }

    /// Makes the tables, or brings older ones up to date, and returns what was there before.
    /// Several may do this at a time. `persistence` counts only for tables that are made.
    ///
    /// # Errors
    /// The database failed or refused, or the tables are newer than this program. Nothing was
    /// changed.
    pub async fn install(&self, persistence: Persistence) -> Result<Status, StoreError> {
        self.0.install(persistence).await
    }

    /// Removes the tables and everything in them. `false` if there were none.
    ///
    /// # Errors
    /// The database failed or refused. Nothing was changed.
    pub async fn remove(&self) -> Result<bool, StoreError> {
        self.0.remove().await
    }

    /// What is installed.
    ///
    /// # Errors
    /// The database failed or refused.
    pub async fn status(&self) -> Result<Status, StoreError> {
        self.0.status().await
    }

    /// The statements that make the tables where there are none, for whoever wants to read them
    /// or to execute them himself.
    #[must_use]
    pub fn print(&self, persistence: Persistence) -> String {
        self.0.print(persistence)
    }
}
