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
mod gather;
mod length;
mod names;
mod options;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod reason;
pub mod schema;
mod secret;
#[cfg(feature = "postgres")]
mod turns;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder, SynchronousCommit};
