//! [`Moment`]: deadlines of operations.

use std::sync::LazyLock;
use std::time::Duration;

use session_core::{Clock, SystemClock};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::default);

/// A point on this process's monotonic clock, for deadlines on answers. No session lives or ends
/// by it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(CLOCK.monotonic())
    }

    pub(crate) fn from_now(length: Duration) -> Self {
        Self::now().after(length)
    }

    pub(crate) fn after(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length))
    }

    /// How long it is until then; zero once it is over.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }

    /// How long it is since then.
    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }

    /// The outcome of `work`, if it comes before this moment.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout(self.left(), work).await
    }
}
