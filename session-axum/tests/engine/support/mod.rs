//! An engine whose store fails and whose clocks move when a test says so, and its visitors.

mod browser;
mod paused;
mod ring_file;
mod visible;
mod world;

pub(crate) use self::browser::{Browser, Visit, answer};
pub(crate) use self::paused::PausedClock;
pub(crate) use self::ring_file::{
    END, FIRST, RingFile, SECOND_KEY, live, revoked, rotated, two_keys,
};
pub(crate) use self::visible::{Visible, VisibleStore};
pub(crate) use self::world::{APP, World, a_ring};

use std::time::Duration;

use session_core::{SessionError, SessionErrorKind};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// The kind of the error that something came to.
pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, SessionError>) -> SessionErrorKind {
    result.unwrap_err().kind()
}
