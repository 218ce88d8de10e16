//! Servers that keep their sessions on a disk, are killed, and come back.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod bounded;
mod client;
mod conformance;
mod crashes;
mod daemon;
mod damage;
mod failing;
mod folder;
mod lifetimes;
mod loading;
