//! What the engine tells logs and metrics. Sessions appear as keyed fingerprints only.

use super::Engine;
use crate::cause::Cause;
use crate::error::{SessionError, SessionErrorKind};
use crate::id::StoreKey;
use crate::machine_key::{Fingerprint, KeyRingBehind, KeyRingDrift};

/// A step in a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Created,
    Renewed,
    LoggedIn,
    Destroyed,
    /// Changes were dropped because the session had ended.
    Dropped,
    /// A plain insert replaced what another request had written meanwhile.
    Overwritten,
    /// A save met a newer revision and was merged.
    Merged,
    /// Two live sessions under one name.
    Ambiguous,
}

impl Event {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Renewed => "renewed",
            Self::LoggedIn => "logged_in",
            Self::Destroyed => "destroyed",
            Self::Dropped => "dropped",
            Self::Overwritten => "overwritten",
            Self::Merged => "merged",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// What this process's key ring is to its farm's.
#[derive(Debug)]
pub(super) enum Standing {
    InStep,
    Behind(KeyRingBehind),
    Drifted(KeyRingDrift),
    /// It never was the farm's. Whoever asks is given the drift as an error.
    Strange,
}

/// Tells that the standing has changed.
pub(super) fn standing(standing: &Standing) {
    let name = match standing {
        Standing::InStep => {
            tracing::info!("the key ring is the fleet's again");
            "in_step"
        }
        Standing::Behind(behind) => {
            tracing::error!("{behind}");
            "behind"
        }
        Standing::Drifted(drift) => {
            tracing::error!("{drift}");
            "drift"
        }
        Standing::Strange => "drift",
    };
    count("session_key_ring_changes_total", "standing", name);
}

/// Tells that a token was not accepted.
pub(super) fn token_rejected(cause: Cause) {
    tracing::debug!(%cause, "session token rejected");
    count("session_tokens_rejected_total", "cause", cause.as_str());
}

impl Engine {
    pub(super) fn tell(&self, event: Event, key: &StoreKey) {
        let name = event.as_str();
        match event {
            Event::Created | Event::Renewed | Event::LoggedIn | Event::Destroyed => {
                if tracing::enabled!(tracing::Level::INFO) {
                    tracing::info!(session = %self.fingerprint(key), event = name, "session");
                }
            }
            Event::Dropped | Event::Ambiguous => {
                tracing::warn!(session = %self.fingerprint(key), event = name, "session");
            }
            Event::Overwritten | Event::Merged => {
                if tracing::enabled!(tracing::Level::DEBUG) {
                    tracing::debug!(session = %self.fingerprint(key), event = name, "session");
                }
            }
        }
        count("session_events_total", "event", name);
    }

    /// Tells that a record was rejected, and why, without an error for its visitor.
    pub(super) fn tell_dead(&self, key: &StoreKey, cause: Cause) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!(session = %self.fingerprint(key), %cause, "session not found");
        }
        count("session_tokens_rejected_total", "cause", cause.as_str());
    }

    /// The error of a record that cannot be opened or decoded.
    pub(super) fn corrupt(&self, key: &StoreKey, cause: Cause) -> SessionError {
        let session = self.fingerprint(key);
        tracing::error!(%session, %cause, "a session's record cannot be opened; it was left as it is");
        count("session_records_rejected_total", "cause", cause.as_str());
        let message = format!("the record of session {session} cannot be opened: {cause}");
        SessionError::new(SessionErrorKind::Corrupt, message)
    }

    /// Tells of a request that fails for its session, once, where the error arises.
    pub(super) fn tell_failure(&self, error: &SessionError) {
        let kind = error.kind().as_str();
        let source = std::error::Error::source(error).map(ToString::to_string);
        if error.status() == 409 {
            tracing::info!(kind, %error, source, "session request refused");
        } else {
            tracing::error!(kind, %error, source, "session request failed");
        }
        count("session_failures_total", "kind", kind);
    }

    pub(crate) fn fingerprint(&self, key: &StoreKey) -> Fingerprint {
        self.keys().fingerprints.fingerprint(key, self.now())
    }
}

#[cfg(feature = "metrics")]
fn count(counter: &'static str, label: &'static str, value: &'static str) {
    metrics::counter!(counter, label => value).increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: &'static str, _: &'static str) {}
