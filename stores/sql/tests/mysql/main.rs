//! The store on MySQL, against a private MariaDB.

#![cfg(feature = "mysql")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod conformance;
mod errors;
mod faults;
mod options;
mod proxy;
mod races;
mod schema;
mod server;
mod sessions;
mod snapshots;
mod sweeping;
mod trips;
