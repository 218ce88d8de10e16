//! The engine over the memory store, request by request, with faults and time under control.
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

mod behind;
mod clocks;
mod conflict;
mod drift;
mod ending;
mod events;
mod failures;
mod handle;
mod lease;
mod leaving;
mod live;
mod persistent;
mod reentrancy;
mod ring;
mod sealing;
mod storm;
mod support;
mod time;
mod trips;
