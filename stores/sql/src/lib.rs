//! Session stores on SQL databases.
//!
//! | feature | store | database |
//! |---|---|---|
//! | `postgres` | `PostgresStore` | PostgreSQL 12 and newer |
//! | `mysql` | `MysqlStore` | MySQL 8.0, MariaDB 10.5 and newer |
//!
//! The tables are made by [`schema`], which `sessionctl sql install` calls; a store never makes
//! or changes them itself.
//!
//! No operation leaves a transaction open between two round trips. In PostgreSQL every operation
//! is one statement, and writes that come while others are being committed are gathered into one
//! statement over many rows.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
pub mod schema;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod shared;

#[cfg(feature = "mysql")]
pub use self::mysql::{MysqlStore, MysqlStoreBuilder};
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder, SynchronousCommit};
