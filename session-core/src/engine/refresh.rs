//! Reading the key ring again: now and then, and when a token names a key that it lacks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::headers::{Presented, RequestHeaders};
use super::proof::Compared;
use super::{Engine, fleet};
use crate::cause::Cause;
use crate::error::SessionError;
use crate::machine_key::Kid;
use crate::store::StoreError;

/// How often the ring is read again while requests come in, less up to a tenth.
const INTERVAL: Duration = Duration::from_mins(1);

/// How long after a reading an unknown key does not lead to another one.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// How many keys are remembered that a fresh reading did not know.
const REMEMBERED: usize = 16;

/// When the ring was read, and is to be read again.
#[derive(Debug)]
pub(super) struct Refresher {
    /// Monotonic milliseconds.
    due: AtomicU64,
    pub(super) readings: Mutex<Readings>,
}

/// What the last readings of the ring and of the farm's row brought.
#[derive(Debug, Default)]
pub(super) struct Readings {
    last: Option<Duration>,
    /// Whether the last one read all that there is to read.
    complete: bool,
    /// The farm's row, as it was last read.
    row: Option<Compared>,
    /// Keys that a fresh reading did not know.
    foreign: Vec<Kid>,
}

/// What is known about a key that the ring does not hold.
#[derive(Debug)]
enum Verdict {
    /// The ring has changed; look again.
    Changed,
    /// A fresh reading of ring and row does not know it: a dead or foreign token.
    Foreign,
    /// The farm has it and a fresh reading of the ring did not bring it, or the ring is not the
    /// farm's.
    Refused(SessionError),
    /// Ring and row could not be read again yet.
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
    /// Reads ring and row again in the background if they are due, and says that this instance
    /// is there.
    pub(super) fn refresh_if_due(&self, now: Duration) {
        if self.inner.refresher.claim(now) {
            let engine = self.clone();
            self.spawn(async move {
                let mut readings = engine.inner.refresher.readings.lock().await;
                engine.read_again(&mut readings).await;
                drop(readings);
                engine.beat().await;
            });
        }
    }

    /// What a request presents, with its keys looked up in a fresh ring if need be, and whether
    /// there is one of which nothing could be found out.
    pub(super) async fn understand(
        &self,
        headers: &impl RequestHeaders,
    ) -> Result<(Presented, bool), SessionError> {
        let presented = self.present(headers);
        let Some(kid) = presented.unknown else {
            return Ok((presented, false));
        };
        match Box::pin(self.judge_unknown(kid)).await {
            Verdict::Changed => Ok((self.present(headers), false)),
            Verdict::Foreign => Ok((presented, false)),
            Verdict::Refused(error) => Err(error),
            Verdict::Undecided => Ok((presented, true)),
        }
    }

    /// Finds out what a key is that the ring did not hold: one reading at a time, and at most
    /// one in five seconds. A file that does not answer holds nobody up for longer than a store
    /// may.
    async fn judge_unknown(&self, kid: Kid) -> Verdict {
        let deadline = self.config().operation_timeout();
        let judged = tokio::time::timeout(deadline, self.judge_by_reading(kid)).await;
        judged.unwrap_or(Verdict::Undecided)
    }

    async fn judge_by_reading(&self, kid: Kid) -> Verdict {
        let mut readings = self.inner.refresher.readings.lock().await;
        // Somebody else may have read the ring meanwhile.
        if self.knows(kid) {
            return Verdict::Changed;
        }
        if readings.foreign.contains(&kid) {
            return Verdict::Foreign;
        }
        let reads = !readings.are_recent(self.monotonic());
        if reads {
            self.read_again(&mut readings).await;
        }
        if let Some(drift) = self.inner.fleet.drift() {
            return Verdict::Refused(fleet::drifted(drift));
        }
        if self.knows(kid) {
            return Verdict::Changed;
        }
        let ahead = readings.row.as_ref().filter(|row| row.is_ahead_with(kid));
        match ahead {
            _ if !readings.complete => Verdict::Undecided,
            Some(compared) => Verdict::Refused(fleet::behind(self.fall_behind(compared))),
            // An earlier reading says nothing about a key that may be newer.
            None if !reads => Verdict::Undecided,
            None => {
                readings.remember(kid);
                Verdict::Foreign
            }
        }
    }

    /// Whether the ring has the key, or had it.
    fn knows(&self, kid: Kid) -> bool {
        let opening = self.key_ring().snapshot().check_opening(kid, self.now());
        opening != Err(Cause::UnknownKey)
    }

    /// Reads ring and row again for an instance that is behind.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        let engine = self.clone();
        let reading = async move {
            let mut readings = engine.inner.refresher.readings.lock().await;
            if !readings.are_recent(engine.monotonic()) {
                engine.read_again(&mut readings).await;
            }
        };
        let deadline = self.config().operation_timeout();
        self.detached(deadline, Box::pin(reading)).await
    }

    /// Reads the ring again, and the farm's row.
    async fn read_again(&self, readings: &mut Readings) {
        readings.complete = false;
        let ring = self.read_ring(readings).await;
        let has_row = self.inner.fleet.has_rows();
        let row = match has_row {
            true => self.compare(readings, true).await,
            false => Ok(()),
        };
        if let Err(error) = &row {
            tracing::warn!(%error, "the fleet's row could not be read again");
        }
        readings.complete = ring.is_some() && row.is_ok();
    }

    /// Reads the ring again. `true` if it changed, `None` if it could not be read.
    pub(super) async fn read_ring(&self, readings: &mut Readings) -> Option<bool> {
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
    /// Whether it is too soon for another reading.
    fn are_recent(&self, now: Duration) -> bool {
        self.last.is_some_and(|last| now < last + PAUSE)
    }

    /// Notes the farm's row; another one may know keys that nobody knew.
    pub(super) fn note_row(&mut self, row: Compared) {
        if self.is_news(&row) {
            self.foreign.clear();
        }
        self.row = Some(row);
    }

    /// Whether the farm's row was another one when it was last read.
    pub(super) fn is_news(&self, row: &Compared) -> bool {
        self.row.as_ref().is_none_or(|known| !known.is_of(row))
    }

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
