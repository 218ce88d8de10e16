//! The store on PostgreSQL, against a private server.

#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod conformance;
mod errors;
mod faults;
mod gathered;
mod locks;
mod measure;
mod options;
mod plans;
mod races;
mod schema;
mod server;
mod sessions;
mod sweeping;
mod trips;
