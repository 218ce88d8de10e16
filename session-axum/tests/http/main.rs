//! Sessions in axum and in plain tower services, over a real socket.
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

mod concurrency;
mod drift;
mod extractors;
mod layers;
mod live;
mod responses;
mod support;
mod tower_service;
