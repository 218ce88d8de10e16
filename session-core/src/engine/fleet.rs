//! This process's place in its farm: whether its ring is the farm's, or behind it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::events::{self, Standing};
use super::heartbeat::Heartbeats;
use crate::error::{SessionError, SessionErrorKind};
use crate::machine_key::{KeyRingBehind, KeyRingDrift};
use crate::store::Scope;

/// What this process knows of its place in the farm.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Whether this ring is the farm's. The one thing that every request looks at.
    proved: AtomicBool,
    /// Whether the store keeps rows in which a farm can compare its keys.
    has_rows: AtomicBool,
    known: Mutex<Known>,
    pub(super) heartbeats: Heartbeats,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether this ring was ever shown to be the farm's.
    was_proved: bool,
    drift: Option<KeyRingDrift>,
    behind: Option<KeyRingBehind>,
    pause: Option<Pause>,
}

/// Requests do not try to prove the ring again yet.
#[derive(Debug)]
struct Pause {
    until: Duration,
    reason: String,
}

impl Fleet {
    /// A store that nobody else sees has no farm, and nothing is to be proved.
    pub(super) fn new(scope: Scope, heartbeats: Heartbeats) -> Self {
        let is_shared = scope == Scope::Shared;
        Self {
            proved: AtomicBool::new(!is_shared),
            has_rows: AtomicBool::new(is_shared),
            known: Mutex::default(),
            heartbeats,
        }
    }

    /// Whether sessions may be served.
    pub(super) fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Acquire)
    }

    pub(super) fn has_rows(&self) -> bool {
        self.has_rows.load(Ordering::Relaxed)
    }

    /// Notes that the store keeps no rows; then drift cannot be noticed, and sessions are served.
    pub(super) fn go_without_rows(&self) {
        self.has_rows.store(false, Ordering::Relaxed);
        self.accept(None);
    }

    pub(super) fn was_proved(&self) -> bool {
        self.known.lock().was_proved
    }

    pub(super) fn drift(&self) -> Option<KeyRingDrift> {
        self.known.lock().drift.clone()
    }

    pub(super) fn behind(&self) -> Option<KeyRingBehind> {
        self.known.lock().behind.clone()
    }

    /// Notes that the ring is the farm's, if perhaps an older one.
    pub(super) fn accept(&self, behind: Option<KeyRingBehind>) {
        let mut known = self.known.lock();
        let (had_drift, was_behind) = (known.drift.take().is_some(), known.behind.is_some());
        known.was_proved = true;
        known.pause = None;
        known.behind.clone_from(&behind);
        drop(known);
        self.proved.store(true, Ordering::Release);
        match behind {
            Some(behind) if !was_behind => events::standing(&Standing::Behind(behind)),
            None if had_drift || was_behind => events::standing(&Standing::InStep),
            _ => {}
        }
    }

    /// Notes that the ring is not the farm's: no session is served.
    pub(super) fn refuse(&self, drift: KeyRingDrift) {
        self.proved.store(false, Ordering::Release);
        let mut known = self.known.lock();
        let before = known.drift.replace(drift.clone());
        let was_proved = known.was_proved;
        drop(known);
        match before {
            Some(_) => {}
            None if was_proved => events::standing(&Standing::Drifted(drift)),
            None => events::standing(&Standing::Strange),
        }
    }

    pub(super) fn pause(&self, until: Duration, reason: String) {
        self.known.lock().pause = Some(Pause { until, reason });
    }

    /// The answer to requests that come, at the monotonic time `now`, so soon after a failed
    /// proof that it is not tried again.
    pub(super) fn refusal(&self, now: Duration) -> Option<SessionError> {
        let known = self.known.lock();
        let pause = known.pause.as_ref().filter(|pause| now < pause.until)?;
        Some(match &known.drift {
            Some(drift) => drifted(drift.clone()),
            None => SessionError::new(SessionErrorKind::Unavailable, pause.reason.clone()),
        })
    }
}

/// The answer of an instance whose ring is not its farm's.
pub(super) fn drifted(drift: KeyRingDrift) -> SessionError {
    let message = "this instance's key ring is not its fleet's; no session is served";
    SessionError::new(SessionErrorKind::KeyRingDrift, message).with_source(drift)
}

/// The answer to a token of a key that this instance should have.
pub(super) fn behind(behind: KeyRingBehind) -> SessionError {
    let message = "the client's token was made with a key that the fleet has and this instance \
                   does not";
    SessionError::new(SessionErrorKind::UnknownKey, message).with_source(behind)
}
