//! Records to values and back: sealed where they leave the process, plain where they do not.

use bytes::Bytes;

use super::Engine;
use crate::cause::Cause;
use crate::error::{SessionError, SessionErrorKind};
use crate::id::{SessionId, StoreKey};
use crate::machine_key::SealError;
use crate::record::{Record, Revision};
use crate::store::Scope;
use crate::values::Map;

/// What a record's seal is bound to beside the session's id.
#[derive(Clone, Copy)]
pub(super) struct Binding<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) created: i64,
    pub(super) deadline: i64,
}

impl<'a> Binding<'a> {
    pub(super) fn of(key: &'a StoreKey, record: &Record) -> Self {
        Self {
            key,
            created: record.created.as_millis(),
            deadline: record.deadline.as_millis(),
        }
    }

    /// `lp(app)‖store key‖[revision]‖created‖deadline`, integers big-endian.
    fn aad(&self, app: &str, revision: Option<Revision>) -> Vec<u8> {
        let mut aad = crate::crypto::length_prefixed(&[app.as_bytes()]);
        aad.extend_from_slice(self.key.as_bytes());
        if let Some(revision) = revision {
            aad.extend_from_slice(&revision.get().to_be_bytes());
        }
        aad.extend_from_slice(&self.created.to_be_bytes());
        aad.extend_from_slice(&self.deadline.to_be_bytes());
        aad
    }
}

impl Engine {
    fn seals(&self) -> bool {
        self.inner.store.scope() == Scope::Shared
    }

    /// Opens a payload; the flag says that its key is not the sealing one any more.
    pub(super) fn open_payload(
        &self,
        id: &SessionId,
        binding: Binding<'_>,
        revision: Revision,
        payload: &Bytes,
    ) -> Result<Map, Cause> {
        if !self.seals() {
            return Map::trusted(payload.clone()).map_err(|_| Cause::Undecodable);
        }
        let aad = binding.aad(self.config().app(), Some(revision));
        let opened = self
            .keys()
            .records
            .open(id.as_bytes(), &aad, payload, self.now())?;
        Map::parse(opened.plaintext.into()).map_err(|_| Cause::Undecodable)
    }

    pub(super) fn seal_payload(
        &self,
        id: &SessionId,
        binding: Binding<'_>,
        revision: Revision,
        values: Vec<u8>,
    ) -> Result<Bytes, SessionError> {
        self.check_size(values.len())?;
        if !self.seals() {
            return Ok(values.into());
        }
        let aad = binding.aad(self.config().app(), Some(revision));
        let sealed = self
            .keys()
            .records
            .seal(id.as_bytes(), &aad, &values, self.now())
            .map_err(unsealed)?;
        Ok(sealed.into())
    }

    pub(super) fn open_labels(&self, binding: Binding<'_>, labels: &Bytes) -> Result<Map, Cause> {
        if labels.is_empty() {
            return Ok(Map::default());
        }
        if !self.seals() {
            return Map::parse(labels.clone()).map_err(|_| Cause::Undecodable);
        }
        let aad = binding.aad(self.config().app(), None);
        let opened = self.keys().labels.open(&[], &aad, labels, self.now())?;
        Map::parse(opened.plaintext.into()).map_err(|_| Cause::Undecodable)
    }

    pub(super) fn seal_labels(
        &self,
        binding: Binding<'_>,
        labels: Vec<u8>,
    ) -> Result<Bytes, SessionError> {
        self.check_size(labels.len())?;
        if !self.seals() {
            return Ok(labels.into());
        }
        let aad = binding.aad(self.config().app(), None);
        let sealed = self.keys().labels.seal(&[], &aad, &labels, self.now());
        let sealed = sealed.map_err(unsealed)?;
        Ok(sealed.into())
    }

    fn check_size(&self, size: usize) -> Result<(), SessionError> {
        let limit = self.config().max_payload();
        if size <= limit {
            return Ok(());
        }
        let message = format!(
            "the session has {size} bytes and session.limits.max_payload is {limit}; nothing was saved"
        );
        Err(SessionError::new(SessionErrorKind::TooLarge, message))
    }
}

fn unsealed(error: SealError) -> SessionError {
    let message = "the session could not be sealed; nothing was saved";
    SessionError::new(SessionErrorKind::Unavailable, message).with_source(error)
}
