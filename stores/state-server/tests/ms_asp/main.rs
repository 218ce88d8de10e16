//! The protocol over sockets: its own conformance cases, and those of the extensions.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod admin;
mod extended;
mod framing;
mod harness;
mod leases;
mod locks;
mod plain;
mod principals;
mod refusals;
