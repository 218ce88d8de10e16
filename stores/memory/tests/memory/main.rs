//! What the memory store promises beyond the contract of all stores, and the wrapper stores of
//! `session_core::testing` around it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod caps;
mod expiry;
mod fixture;
mod index;
mod queue;
mod wrappers;
