//! Sessions in axum and in plain tower services, over a real socket.
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

mod responses;
mod support;
