//! Session stores on SQL databases.
//!
//! | feature | store | database |
//! |---|---|---|
//! | `postgres` | `PostgresStore` | PostgreSQL 12 and newer |
//! | `mysql` | `MysqlStore` | MySQL 8.0, MariaDB 10.5 and newer |
//! | `sqlite` | `SqliteStore` | a SQLite file, used by one process or by several on one machine |
//!
//! The tables are made by [`schema`], which `sessionctl sql install` calls; a store never makes
//! or changes them itself, but for a SQLite file where it is told to make one.
//!
//! No operation leaves a transaction open between two round trips. Writes that come while others
//! are being committed are gathered into the next commit; in PostgreSQL every operation is one
//! statement, and what was gathered goes as one over many rows.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
pub mod schema;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "mysql")]
pub use self::mysql::{MysqlStore, MysqlStoreBuilder};
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder, SynchronousCommit};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteStore, SqliteStoreBuilder, Synchronous};
