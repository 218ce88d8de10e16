//! The settings of a [`MemoryStore`].

use std::sync::Arc;

use session_core::{Clock, SystemClock};

use crate::MemoryStore;

/// The settings of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryStoreBuilder {
    pub(crate) max_bytes: usize,
    pub(crate) max_sessions: usize,
    pub(crate) shards: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for MemoryStoreBuilder {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            max_sessions: usize::MAX,
            shards: 64,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl MemoryStoreBuilder {
    /// The memory that sessions may take, in bytes: payload, labels and the store's own
    /// bookkeeping. Default 1 GiB.
    ///
    /// When it is reached, expired sessions are removed; if that is not enough, new sessions and
    /// saves that grow a session fail with
    /// [`StoreErrorKind::Full`](session_core::StoreErrorKind::Full). A live session is never
    /// evicted: its user would be logged out for somebody else's sake.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The number of sessions that may live at once. Default: no limit but `max_bytes`. What
    /// happens at the limit is as for [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Into how many parts the sessions are divided, each with a lock of its own; rounded up to
    /// a power of two, at most 1,024. Default 64. More let more threads write at once; each
    /// empty one costs a few hundred bytes.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards.clamp(1, 1024).next_power_of_two();
        self
    }

    /// The clock that decides expiry: its monotonic time, so setting the wall clock ends no
    /// session. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore::new(self)
    }
}
