//! [`Identity`]: which file stands under a path.

use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;

/// Tells a file from another that took its place. Elsewhere than on Unix files that are in use
/// stay in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(#[cfg(unix)] [u64; 2]);

impl Identity {
    /// The file that is there now, if there is one.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path).ok()?;
        Some(Self([found.dev(), found.ino()]))
    }

    /// The file that is there now, if there is one.
    #[cfg(not(unix))]
    pub(super) fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self())
    }
}

/// The file that was there when somebody looked last, and when that was.
#[derive(Debug, Default)]
pub(super) struct LastSeen(Mutex<Option<(Duration, Identity)>>);

/// How long a look counts. Looking with every read would make reads slower by a tenth.
const INTERVAL: Duration = Duration::from_secs(1);

impl LastSeen {
    pub(super) fn of(&self, path: &Path, now: Duration) -> Option<Identity> {
        let mut last = self.0.lock();
        let is_recent = |(at, _): &(Duration, _)| now.saturating_sub(*at) < INTERVAL;
        *last = last
            .filter(is_recent)
            .or_else(|| Identity::of(path).map(|seen| (now, seen)));
        last.map(|(_, seen)| seen)
    }
}
