//! [`LiveSession`]: for what goes on after the response's head.

use std::ops::Deref;

use super::read_write::Session;
use crate::engine::Exchange;
use crate::error::SessionError;

/// A session for streams and WebSockets, which outlive the response's head.
///
/// Until the head it is a [`Session`] like any other. After it nothing is committed by itself:
/// call [`commit`](Session::commit). The client cannot be given a new id then, so a first
/// write, a renew and a log-in belong before the head; ending the session works at any time.
///
/// A commit after the head that fails forgets what it could not save, and the conversation goes
/// on: after a conflict [`reload`](Self::reload) and do it again. If the store did not answer in
/// time, the changes may have been saved all the same.
#[derive(Clone, Debug)]
pub struct LiveSession(Session);

impl LiveSession {
    /// The handle of an exchange that was opened for writing.
    #[must_use]
    pub fn new(exchange: Exchange) -> Self {
        Self(Session::live(exchange))
    }

    /// Extends the session as a request that reads it would. `false` says that it has ended:
    /// close the connection.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_alive(&self) -> Result<bool, SessionError> {
        self.exchange().keep_alive().await
    }

    /// Reads again what is stored, under the changes that are not committed yet. `false` says
    /// that the session has ended: close the connection.
    ///
    /// # Errors
    /// The store failed, or a guarded value has changed.
    pub async fn reload(&self) -> Result<bool, SessionError> {
        self.exchange().reload().await
    }
}

impl Deref for LiveSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}
