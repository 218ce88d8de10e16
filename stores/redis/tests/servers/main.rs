//! The store against real servers, which the tests start themselves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod conformance;
#[expect(dead_code, reason = "for tests to come")]
mod server;
