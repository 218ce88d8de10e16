//! The daemon as a process of its own: its flags, its sockets, its end, and what it withstands.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod admin;
mod caps;
mod certificates;
mod client;
mod drain;
mod files;
mod memory;
mod policy;
mod process;
mod tls;
mod walks;
