//! The client store against servers that behave as a test tells them to.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod config;
mod connecting;
mod faults;
mod foreign;
mod pipeline;
mod scripted;
mod shelf;
mod waiting;
