//! Session stores on SQL databases.
//!
//! | feature | store | database |
//! |---|---|---|
//! | `postgres` | `PostgresStore` | PostgreSQL 12 and newer |
//! | `sqlite` | `SqliteStore` | a SQLite file, used by one process or by several on one machine |
//!
//! The tables are made by [`schema`], which `sessionctl sql install` calls; a store never makes
//! or changes them itself, but for a SQLite file where it is told to make one.
//!
//! No operation leaves a transaction open between two round trips.
//! Writes that come while others are being committed are gathered into the next commit.

#[cfg(feature = "postgres")]
mod postgres;
pub mod schema;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder, SynchronousCommit};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteStore, SqliteStoreBuilder, Synchronous};
