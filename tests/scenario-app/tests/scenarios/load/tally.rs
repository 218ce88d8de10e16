//! [`Tally`]: what a load came to.

use std::ops::AddAssign;
use std::time::Duration;

/// What a load came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Answered by an error status, or not at all.
    pub(crate) failed: u64,
    /// Sessions that were gone although nobody had ended them.
    pub(crate) lost_sessions: u64,
    /// Reads that missed an acknowledged write.
    pub(crate) lost_writes: u64,
    /// Reads of a write that nobody had asked for, or of somebody else's session.
    pub(crate) wrong_reads: u64,
    /// Sessions that lived on after an acknowledged logout or renewal.
    pub(crate) revived: u64,
    /// Sessions that were left behind, because the answer with their new id never came.
    pub(crate) abandoned: u64,
    /// The longest that a request took.
    pub(crate) slowest: Duration,
}

impl Tally {
    /// Fails if anything was lost, mixed up or revived.
    #[track_caller]
    pub(crate) fn assert_nothing_lost(&self) {
        let bad = [
            self.lost_sessions,
            self.lost_writes,
            self.wrong_reads,
            self.revived,
        ];
        assert_eq!(bad, [0; 4], "{self:?}");
        assert!(self.requests > 0, "{self:?}");
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.lost_sessions += other.lost_sessions;
        self.lost_writes += other.lost_writes;
        self.wrong_reads += other.wrong_reads;
        self.revived += other.revived;
        self.abandoned += other.abandoned;
        self.slowest = self.slowest.max(other.slowest);
    }
}
