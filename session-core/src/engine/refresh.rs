//! Reading the key ring again: now and then, and when a token names a key that it lacks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::Engine;
use crate::cause::Cause;
use crate::machine_key::Kid;

/// How often the ring is read again while requests come in, less up to a tenth.
const INTERVAL: Duration = Duration::from_mins(1);

/// How long after a reading an unknown key does not lead to another one.
const PAUSE: Duration = Duration::from_secs(5);

/// How many keys are remembered that a fresh reading did not know.
const REMEMBERED: usize = 16;

/// When the ring was read, and is to be read again.
#[derive(Debug)]
pub(super) struct Refresher {
    /// Monotonic milliseconds.
    due: AtomicU64,
    readings: Mutex<Readings>,
}

#[derive(Debug, Default)]
struct Readings {
    last: Option<Duration>,
    /// Keys that a fresh reading did not know.
    foreign: Vec<Kid>,
}

/// What is known about a key that the ring does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The ring has changed; look again.
    Changed,
    /// A fresh reading of the ring does not know it: a dead or foreign token.
    Foreign,
    /// The ring could not be read again yet.
    Undecided,
}

impl Refresher {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            due: AtomicU64::new(millis(now + INTERVAL)),
            readings: Mutex::default(),
        }
    }

    /// Whether the ring is due, and this caller is the one to read it.
    fn claim(&self, now: Duration) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        if millis(now) < due {
            return false;
        }
        let next = millis(now + INTERVAL - jitter(INTERVAL / 10));
        let claimed = self
            .due
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        claimed.is_ok()
    }
}

impl Engine {
    /// Reads the ring again in the background if it is due.
    pub(super) fn refresh_if_due(&self, now: Duration) {
        if self.inner.refresher.claim(now) {
            let engine = self.clone();
            self.spawn(async move {
                let mut readings = engine.inner.refresher.readings.lock().await;
                engine.read_ring(&mut readings).await;
            });
        }
    }

    /// Finds out what a key is that the ring did not hold: one reading at a time, and at most
    /// one in five seconds. A file that does not answer holds nobody up for longer than a store
    /// may.
    pub(super) async fn judge_unknown(&self, kid: Kid) -> Verdict {
        let deadline = self.config().operation_timeout();
        let judged = tokio::time::timeout(deadline, self.judge_by_reading(kid)).await;
        judged.unwrap_or(Verdict::Undecided)
    }

    async fn judge_by_reading(&self, kid: Kid) -> Verdict {
        let mut readings = self.inner.refresher.readings.lock().await;
        // Somebody else may have read the ring meanwhile.
        let opening = self.key_ring().snapshot().check_opening(kid, self.now());
        if opening != Err(Cause::UnknownKey) {
            return Verdict::Changed;
        }
        if readings.foreign.contains(&kid) {
            return Verdict::Foreign;
        }
        let now = self.monotonic();
        if readings.last.is_some_and(|last| now < last + PAUSE) {
            return Verdict::Undecided;
        }
        match self.read_ring(&mut readings).await {
            Some(true) => Verdict::Changed,
            Some(false) => {
                readings.remember(kid);
                Verdict::Foreign
            }
            None => Verdict::Undecided,
        }
    }

    /// Reads the ring again. `true` if it changed, `None` if it could not be read.
    async fn read_ring(&self, readings: &mut Readings) -> Option<bool> {
        let ring = self.key_ring().clone();
        let runtime = self.runtime()?;
        let read = runtime.spawn_blocking(move || ring.refresh()).await.ok()?;
        readings.last = Some(self.monotonic());
        match read {
            Ok(changed) => {
                if changed {
                    readings.foreign.clear();
                    tracing::info!("the key ring has changed and was read again");
                }
                Some(changed)
            }
            Err(error) => {
                tracing::error!(%error, "the key ring could not be read again; the old one stays in force");
                None
            }
        }
    }
}

impl Readings {
    fn remember(&mut self, kid: Kid) {
        if self.foreign.len() == REMEMBERED {
            self.foreign.remove(0);
        }
        self.foreign.push(kid);
    }
}

/// A random duration up to `most`; none if the random source fails, which only loses the spread.
pub(super) fn jitter(most: Duration) -> Duration {
    let mut byte = [0];
    let _ = crate::crypto::fill_random(&mut byte);
    most * u32::from(byte[0]) / 255
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
