//! `sessionctl` as people and scripts use it: as a process, on real files and servers.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed assumption fails the test"
)]

mod doctor;
mod farm;
mod fleet;
mod keys;
mod messages;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
mod races;
#[cfg(feature = "postgres")]
mod sql;
mod stores;
