//! The farm as its visitors meet it: the real program with all its processes, over real sockets.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests and not the functions that tests share"
)]

mod haproxy;
mod instances;
mod start;
mod support;
