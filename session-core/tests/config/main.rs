//! Configuration by builder, file and environment.
#![expect(
    clippy::expect_used,
    reason = "a test says what went wrong by panicking"
)]

mod errors;
mod file;
mod names;
mod readme;
