//! The store on SQLite.

#![cfg(feature = "sqlite")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod conformance;
#[cfg(unix)]
mod faults;
mod file;
mod gathered;
mod measure;
mod options;
#[cfg(unix)]
mod processes;
mod races;
mod schema;
mod sessions;
mod sweeping;
