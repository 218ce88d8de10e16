//! The store on SQLite.

#![cfg(feature = "sqlite")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod conformance;
mod file;
mod options;
mod races;
mod schema;
mod sessions;
