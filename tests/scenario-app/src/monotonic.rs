//! The machine's monotonic clock, which processes on one machine share.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds on the machine's monotonic clock.
pub(crate) fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let millis = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
    u64::try_from(millis).unwrap_or_default()
}
