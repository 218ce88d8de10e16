//! What the server counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::http::Counts;
use super::refusal::Refusal;
use crate::wire::Status;

/// The counters of a server.
#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_total: Gauge,
    pub(crate) turned_away: Gauge,
    pub(crate) waiters: Gauge,
    responses: [Gauge; Status::ALL.len()],
    refusals: [Gauge; Refusal::ALL.len()],
    /// Of each refusal, how many the log has told of.
    told: [Gauge; Refusal::ALL.len()],
}

/// A number that others may read at any time.
#[derive(Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Adds what a connection has answered.
    pub(crate) fn add_responses(&self, counts: Counts) {
        let responses = self.responses.iter().zip(counts.statuses);
        let refusals = self.refusals.iter().zip(counts.refusals);
        for (counter, count) in responses.chain(refusals) {
            if count > 0 {
                counter.0.fetch_add(count.into(), Ordering::Relaxed);
            }
        }
    }

    /// Counts a refusal that is not answered.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refusals[refusal as usize].add();
    }

    /// How often each refusal happened.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> {
        let counts = self.refusals.iter().map(Gauge::get);
        Refusal::ALL.iter().copied().zip(counts)
    }

    /// Tells the log how often each refusal happened since the last time this was called.
    pub(crate) fn tell_refusals(&self) {
        for ((refusal, count), told) in self.refusals().zip(&self.told) {
            let new = count.saturating_sub(told.0.swap(count, Ordering::Relaxed));
            if new > 0 {
                tracing::warn!(reason = refusal.label(), count = new, "refused");
            }
        }
    }

    /// How often each status was answered.
    pub(crate) fn responses(&self) -> impl Iterator<Item = (Status, u64)> {
        let counts = self.responses.iter().map(Gauge::get);
        Status::ALL.iter().copied().zip(counts)
    }
}
