//! The store against real servers, which the tests start themselves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod cluster;
mod conformance;
mod faults;
mod fixture;
mod load;
mod moving;
mod sentinel;
mod server;
mod starting;
#[cfg(feature = "tls")]
mod tls;
