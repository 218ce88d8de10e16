//! [`Session`]: what changes a session.

use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read_only::{ReadOnlySession, decode};
use crate::config::LONGEST_SESSION;
use crate::engine::{Engine, Exchange, Intent, SessionState};
use crate::error::{SessionError, SessionErrorKind};
use crate::values::{self, MAX_AGE, OnConflict, PRINCIPAL, SessionKey};

/// A session that is read and written.
///
/// Changes are kept in memory and committed before the response's head is sent, whatever its
/// status. Until then a value that a handler computed may be computed again: when another
/// request committed first, this one's changes are applied again to what that one saved.
/// Changes of different keys always merge.
///
/// | to | use |
/// |---|---|
/// | count, append, toggle | [`update`](Self::update): runs again on the newer value |
/// | replace | [`insert`](Self::insert): the last writer wins, or per key the second is refused |
/// | deliver something once | [`take`](Self::take): if it changed meanwhile, 409 |
/// | decide by a value | [`get_guarded`](Self::get_guarded): if it changed meanwhile, 409 |
/// | be sure now | [`commit`](Self::commit), or the adapter's `ExclusiveSession` |
///
/// After the response's head every method that changes something returns
/// [`SessionErrorKind::TooLate`].
#[derive(Clone, Debug)]
pub struct Session(ReadOnlySession);

impl Session {
    /// The handle of an exchange that was opened for writing.
    #[must_use]
    pub fn new(exchange: Exchange) -> Self {
        Self(ReadOnlySession::new(exchange))
    }

    /// The handle that may write after the response's head.
    pub(super) fn live(exchange: Exchange) -> Self {
        exchange.keep_live();
        Self(ReadOnlySession {
            exchange,
            live: true,
        })
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }

    /// The value under `key`. If it is not the same any more when this request commits, the
    /// request is answered 409 and nothing of it is saved.
    ///
    /// # Errors
    /// As [`ReadOnlySession::get`], or it is too late.
    #[must_use = "the value may be of another type"]
    pub fn get_guarded<T: DeserializeOwned>(
        &self,
        key: impl SessionKey<T>,
    ) -> Result<Option<T>, SessionError> {
        let name = key.name();
        let encoded = self.change(name, |_, state| {
            state.values.guard(name);
            Ok(state.values.get(name))
        })?;
        encoded.map(|encoded| decode(name, &encoded)).transpose()
    }

    /// Sets the value under `key`.
    ///
    /// If another request changed it meanwhile, the last writer wins; under a
    /// [`Key`](crate::Key) with [`OnConflict::Reject`] the second one is answered 409.
    ///
    /// # Errors
    /// The value cannot be encoded, `key` is not a key, or it is too late.
    #[must_use = "the value may not have been accepted"]
    pub fn insert<T: Serialize + ?Sized>(
        &self,
        key: impl SessionKey<T>,
        value: &T,
    ) -> Result<(), SessionError> {
        let encoded = encode(key.name(), value)?;
        self.change(key.name(), |_, state| {
            state.values.insert(key.name(), encoded, key.on_conflict());
            Ok(())
        })
    }

    /// Removes the value under `key`, of whatever type; says whether there was one.
    ///
    /// # Errors
    /// `key` is not a key, or it is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn remove(&self, key: &str) -> Result<bool, SessionError> {
        self.change(key, |_, state| Ok(state.values.remove(key).is_some()))
    }

    /// Removes the value under `key` and returns it, once: if another request changed it or
    /// took it meanwhile, this one is answered 409.
    ///
    /// # Errors
    /// The value is not a `T` (it is kept), `key` is not a key, or it is too late.
    #[must_use = "the value is removed"]
    pub fn take<T: DeserializeOwned>(
        &self,
        key: impl SessionKey<T>,
    ) -> Result<Option<T>, SessionError> {
        let name = key.name();
        values::check_name(name)?;
        loop {
            let Some(encoded) = self.alter(|_, state| Ok(state.values.get(name)))? else {
                return Ok(None);
            };
            // With no lock held: decoding runs the application's code.
            let value = decode(name, &encoded)?;
            let unchanged = self.alter(|_, state| {
                let unchanged = state.values.get(name).as_ref() == Some(&encoded);
                if unchanged {
                    state.values.take(name);
                }
                Ok(unchanged)
            })?;
            if unchanged {
                return Ok(Some(value));
            }
        }
    }

    /// Computes the value under `key` from the one before (`T::default()` if there is none) and
    /// returns it. No update is ever lost.
    ///
    /// `compute` runs again if another request committed first, so it must have no side
    /// effects; the value that was returned may then not be the one that is stored.
    ///
    /// # Errors
    /// The stored value is not a `T`, the new one cannot be encoded, `key` is not a key, or it
    /// is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn update<T>(
        &self,
        key: impl SessionKey<T>,
        compute: impl Fn(T) -> T + Send + Sync + 'static,
    ) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let compute = move |value: Option<T>| Some(compute(value.unwrap_or_default()));
        self.compute(key, compute).map(Option::unwrap_or_default)
    }

    /// [`update`](Self::update) of a value that begins as `initial`.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[must_use = "the change may not have been accepted"]
    pub fn update_or<T>(
        &self,
        key: impl SessionKey<T>,
        initial: T,
        compute: impl Fn(T) -> T + Send + Sync + 'static,
    ) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let first = initial.clone();
        let compute = move |value: Option<T>| Some(compute(value.unwrap_or_else(|| first.clone())));
        Ok(self.compute(key, compute)?.unwrap_or(initial))
    }

    /// [`update`](Self::update) that may refuse by returning `None`: nothing changes, and
    /// `None` is returned. If it refuses when it runs again, the request is answered 409.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[must_use = "the change may have been refused"]
    pub fn try_update<T>(
        &self,
        key: impl SessionKey<T>,
        compute: impl Fn(T) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Option<T>, SessionError>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        self.compute(key, move |value: Option<T>| {
            compute(value.unwrap_or_default())
        })
    }

    /// Adds `by` to the number under `key`, which begins as 0 and stops at the ends of `i64`.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[must_use = "the change may not have been accepted"]
    pub fn increment(&self, key: impl SessionKey<i64>, by: i64) -> Result<i64, SessionError> {
        self.update(key, move |number: i64| number.saturating_add(by))
    }

    /// Removes all values. The session goes on; its principal and labels stay.
    ///
    /// # Errors
    /// It is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn clear(&self) -> Result<(), SessionError> {
        self.alter(|_, state| {
            state.values.clear();
            Ok(())
        })
    }

    /// Gives the session a new id, with the same data. The old id is dead, and the client gets
    /// the new one, when this request commits. Do this at every change of privilege.
    ///
    /// If that response is lost on the way, so is the session.
    ///
    /// # Errors
    /// It is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn renew(&self) -> Result<(), SessionError> {
        self.alter(|_, state| {
            state.intent = state.intent.max(Intent::Renew);
            Ok(())
        })
    }

    /// Makes the session that of `principal`, under a new id and with a new absolute deadline.
    /// The values stay: a cart that was filled before the log-in is still there.
    ///
    /// # Errors
    /// It is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn log_in(&self, principal: &str) -> Result<(), SessionError> {
        let encoded = encode(PRINCIPAL, principal)?;
        self.alter(|_, state| {
            state
                .values
                .insert(PRINCIPAL, encoded, OnConflict::Overwrite);
            state.intent = state.intent.max(Intent::LogIn);
            Ok(())
        })
    }

    /// Ends the session: its id is dead on every instance, and the client forgets it, when this
    /// request commits. Parallel requests cannot undo it.
    ///
    /// What is written afterwards, such as a farewell message, begins a new session.
    ///
    /// # Errors
    /// It is too late.
    #[must_use = "the session may not have ended"]
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.alter(|_, state| {
            state.destroy();
            Ok(())
        })
    }

    /// Lets the client keep the session's cookie for `max_age` instead of until it closes
    /// ("remember me"); `None` goes back to a cookie of the browser's session. Whole seconds, at
    /// most 400 days; never longer than the session itself lives.
    ///
    /// # Errors
    /// `max_age` is out of range, or it is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn set_persistent(&self, max_age: impl Into<Option<Duration>>) -> Result<(), SessionError> {
        let max_age = max_age.into();
        if let Some(max_age) = max_age {
            check_timeout("max_age", max_age, LONGEST_SESSION)?;
        }
        let encoded = encode(MAX_AGE, &max_age.map(|max_age| max_age.as_secs()))?;
        self.alter(|_, state| {
            state.values.insert(MAX_AGE, encoded, OnConflict::Overwrite);
            Ok(())
        })
    }

    /// Sets this session's own idle timeout: 1 s to 400 days. It is cut short by the absolute
    /// timeout.
    ///
    /// # Errors
    /// `timeout` is out of range, or it is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn set_idle_timeout(&self, timeout: Duration) -> Result<(), SessionError> {
        check_timeout("idle timeout", timeout, LONGEST_SESSION)?;
        self.alter(|_, state| {
            state.idle = Some(timeout);
            Ok(())
        })
    }

    /// Makes this session end at the latest `timeout` from now: 1 s up to the configured
    /// absolute timeout. It can end a session earlier, never later.
    ///
    /// # Errors
    /// `timeout` is out of range, or it is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn set_absolute_timeout(&self, timeout: Duration) -> Result<(), SessionError> {
        let longest = self.exchange().engine().config().absolute_timeout();
        check_timeout("absolute timeout", timeout, longest)?;
        self.alter(|_, state| {
            state.absolute = Some(timeout);
            Ok(())
        })
    }

    /// Sets a label: a small public attribute such as the device's name, which is listed with
    /// the session on a "your devices" page.
    ///
    /// # Errors
    /// The labels cannot be opened, or it is too late.
    #[must_use = "the change may not have been accepted"]
    pub fn set_label(&self, name: &str, value: &str) -> Result<(), SessionError> {
        let encoded = encode(name, value)?;
        self.change(name, |engine, state| {
            let labels = state.labels.open(engine, state.live.as_ref())?;
            labels.insert(name, encoded, OnConflict::Overwrite);
            Ok(())
        })
    }

    /// Removes a label; says whether there was one.
    ///
    /// # Errors
    /// As [`set_label`](Self::set_label).
    #[must_use = "the change may not have been accepted"]
    pub fn remove_label(&self, name: &str) -> Result<bool, SessionError> {
        self.change(name, |engine, state| {
            let labels = state.labels.open(engine, state.live.as_ref())?;
            Ok(labels.remove(name).is_some())
        })
    }

    /// Commits now what was changed so far, which makes what was read and returned final. The
    /// request may go on to change the session; a lease stays.
    ///
    /// # Errors
    /// The changes could not be saved, or the session ended meanwhile.
    pub async fn commit(&self) -> Result<(), SessionError> {
        self.exchange().commit(self.0.live).await
    }

    /// Changes something under a key.
    fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&Engine, &mut SessionState) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        values::check_name(name)?;
        self.alter(change)
    }

    pub(super) fn alter<T>(
        &self,
        change: impl FnOnce(&Engine, &mut SessionState) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        self.exchange().change(self.0.live, change)
    }
}

impl Deref for Session {
    type Target = ReadOnlySession;

    fn deref(&self) -> &ReadOnlySession {
        &self.0
    }
}

pub(super) fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Bytes, SessionError> {
    values::encode(value).map_err(|error| {
        let message = format!("the value for {name:?} cannot be encoded as MessagePack");
        SessionError::new(SessionErrorKind::Encode, message).with_source(error)
    })
}

fn check_timeout(name: &str, timeout: Duration, longest: Duration) -> Result<(), SessionError> {
    if timeout >= Duration::from_secs(1) && timeout <= longest {
        return Ok(());
    }
    let message = format!("{name} {timeout:?} is out of range: 1 s to {longest:?}");
    Err(SessionError::new(
        SessionErrorKind::InvalidArgument,
        message,
    ))
}
