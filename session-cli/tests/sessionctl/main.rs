//! `sessionctl` as people and scripts use it: as a process, on real files and servers.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed assumption fails the test"
)]

mod keys;
mod process;
mod races;
