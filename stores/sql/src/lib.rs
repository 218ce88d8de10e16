//! Session stores on SQL databases.
//!
//! | feature | store | database |
//! |---|---|---|
//! | `postgres` | `PostgresStore` | PostgreSQL 12 and newer |
//!
//! The tables are made by [`schema`], which `sessionctl sql install` calls; a store never makes
//! or changes them itself.
//!
//! Every operation is one statement, and none leaves a transaction open between two round trips.
//! Writes that come while others are being committed are gathered into one statement over many
//! rows.

#[cfg(feature = "postgres")]
mod postgres;
pub mod schema;
#[cfg(feature = "postgres")]
mod shared;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder, SynchronousCommit};
