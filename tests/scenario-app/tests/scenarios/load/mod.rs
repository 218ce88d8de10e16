//! Load from clients that know what their sessions must contain.

mod fleet;
mod rotation;
mod tally;
mod walker;

use std::time::Duration;

pub(crate) use self::fleet::Fleet;
pub(crate) use self::tally::Tally;

/// How long a load goes on: `SOAK_SECONDS`, or a few seconds.
pub(crate) fn duration() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("SOAK_SECONDS is a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(4))
}
