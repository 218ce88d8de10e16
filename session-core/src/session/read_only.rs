//! [`ReadOnlySession`]: what every handle can do.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::engine::Exchange;
use crate::error::{SessionError, SessionErrorKind};
use crate::machine_key::Fingerprint;
use crate::values::{self, SessionKey};

/// A session that is only read: it is never written and never waits for a lease.
///
/// Reading keeps a session alive: one that is read is extended once it can gain more than 5 %
/// of its idle timeout, at most a minute.
#[derive(Clone, Debug)]
pub struct ReadOnlySession {
    pub(super) exchange: Exchange,
    /// Whether the handle may write after the response's head.
    pub(super) live: bool,
}

impl ReadOnlySession {
    /// The handle of an exchange that was opened.
    #[must_use]
    pub fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            live: false,
        }
    }

    /// The value under `key`; `None` if there is none.
    ///
    /// A value that is read here and written with `insert` is not protected against parallel
    /// requests: use `update`, or `get_guarded`.
    ///
    /// # Errors
    /// The stored value is not a `T` ([`SessionErrorKind::Decode`]); the session is fine.
    pub fn get<T: DeserializeOwned>(
        &self,
        key: impl SessionKey<T>,
    ) -> Result<Option<T>, SessionError> {
        let name = key.name();
        values::check_name(name)?;
        let encoded = self.exchange.read(|_, state| Ok(state.values.get(name)))?;
        encoded.map(|encoded| decode(name, &encoded)).transpose()
    }

    /// Whether there is a value under `key`, of whatever type.
    ///
    /// # Errors
    /// `key` is not a key.
    pub fn contains(&self, key: &str) -> Result<bool, SessionError> {
        values::check_name(key)?;
        self.exchange
            .read(|_, state| Ok(state.values.get(key).is_some()))
    }

    /// The names of all values, in no particular order.
    ///
    /// # Errors
    /// The request has been answered and the session is gone.
    pub fn keys(&self) -> Result<Vec<String>, SessionError> {
        self.exchange.read(|_, state| Ok(state.values.keys()))
    }

    /// Whether the visitor has no stored session (yet). Nothing is stored, and no cookie is
    /// sent, until a value is written.
    #[must_use]
    pub fn is_new(&self) -> bool {
        let stored = self.exchange.read(|_, state| Ok(state.live.is_some()));
        !stored.unwrap_or(false)
    }

    /// Whom the session belongs to, as `log_in` was told; `None` for an anonymous one.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        self.exchange
            .read(|_, state| Ok(state.principal()))
            .ok()
            .flatten()
    }

    /// When the session was created; `None` if it is not stored yet.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        let created = self.exchange.read(|_, state| {
            let live = state.live.as_ref();
            Ok(live.map(|live| live.loaded.record.created))
        });
        created.ok().flatten()
    }

    /// How long ago the session was created, by the store's clock.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let age = self.exchange.read(|engine, state| {
            let live = state.live.as_ref();
            Ok(live.map(|live| {
                live.store_now(engine.monotonic())
                    .since(live.loaded.record.created)
            }))
        });
        age.ok().flatten()
    }

    /// Time until the session expires if nobody uses it; `None` if it is not stored yet.
    #[must_use]
    pub fn idle_left(&self) -> Option<Duration> {
        let left = self.exchange.read(|engine, state| {
            let live = state.live.as_ref();
            Ok(live.map(|live| live.time_left(engine.monotonic())))
        });
        left.ok().flatten()
    }

    /// Time until the session ends whatever happens; `None` if it is not stored yet.
    #[must_use]
    pub fn absolute_left(&self) -> Option<Duration> {
        let left = self.exchange.read(|engine, state| {
            let live = state.live.as_ref();
            Ok(live.map(|live| live.absolute_left(engine.monotonic())))
        });
        left.ok().flatten()
    }

    /// What stands for the session in logs: eight hexadecimal digits that reveal nothing of its
    /// id. `None` if it is not stored yet.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let fingerprint = self.exchange.read(|engine, state| {
            let live = state.live.as_ref();
            Ok(live.map(|live| engine.fingerprint(&live.key)))
        });
        fingerprint.ok().flatten()
    }

    /// A label of the session: a small public attribute such as the device's name.
    ///
    /// # Errors
    /// The labels cannot be opened ([`SessionErrorKind::Corrupt`]).
    pub fn label(&self, name: &str) -> Result<Option<String>, SessionError> {
        let encoded = self.exchange.read(|engine, state| {
            let labels = state.labels.open(engine, state.live.as_ref())?;
            Ok(labels.get(name))
        })?;
        encoded.map(|encoded| decode(name, &encoded)).transpose()
    }
}

/// A handler that panics commits nothing, even if a layer inside the session's makes a response
/// of the panic.
impl Drop for ReadOnlySession {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.exchange.abandon();
        }
    }
}

pub(super) fn decode<T: DeserializeOwned>(name: &str, encoded: &[u8]) -> Result<T, SessionError> {
    values::decode(encoded).map_err(|error| {
        let expected = std::any::type_name::<T>();
        let message = format!("the value under {name:?} is not a {expected}");
        // The decoder's message may quote the value, which is the visitor's.
        drop(error);
        SessionError::new(SessionErrorKind::Decode, message)
    })
}
