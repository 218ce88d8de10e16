//! Changing a ring file in place: what every change has in common.

use super::create::replaced;
use super::error::{KeyRingError, KeyRingErrorKind};
use super::file;
use super::key::Kid;
use super::key_ring::{KeyRing, Source, admitted, outdated};
use super::replace::replace;
use super::ring::RingParts;
use super::schedule::{KeyStatus, SKEW};
use crate::clock::Timestamp;

impl KeyRing {
    /// Replaces the ring file by what `alter` makes of it, with the next epoch, and uses the new
    /// ring. Nothing is written that could not be read again. Gives what has become of `kid`.
    pub(super) fn change(
        &self,
        kid: Kid,
        alter: impl FnOnce(&mut RingParts, Timestamp) -> Result<(), KeyRingError>,
    ) -> Result<KeyStatus, KeyRingError> {
        let Source::File {
            path,
            world_readable,
        } = self.origin()
        else {
            return Err(not_a_file());
        };
        let now = self.now();
        replace(path, *world_readable, |old| {
            let (mut parts, _) = file::read(old)?;
            let ring = admitted(path, old, now)?;
            let current = self.snapshot();
            if ring.epoch() < current.epoch() {
                return Err(outdated(path, &ring, &current));
            }
            alter(&mut parts, now)?;
            parts.epoch += 1;
            let new = file::render(&parts);
            admitted(path, new.as_bytes(), now).map(|_| new)
        })?;
        self.refresh()?;
        let keys = self.snapshot().keys(now);
        let status = keys.into_iter().find(|status| status.kid == kid);
        status.ok_or_else(|| replaced(path))
    }
}

impl RingParts {
    /// The place of the key that seals at `now`, in keys that stand in order.
    pub(super) fn sealing(&self, now: Timestamp) -> usize {
        let newest = self.keys.iter().rposition(|key| key.not_before <= now);
        newest.unwrap_or(0)
    }

    /// Dates the keys from the one that seals at `now` on by their successors, and leaves out
    /// older ones that ended before their successor seals: they open nothing.
    pub(super) fn date_again(&mut self, now: Timestamp) {
        let sealing = self.sealing(now);
        let after = SKEW.saturating_add(self.longest_lifetime);
        let mut successor: Option<Timestamp> = None;
        let mut kept = Vec::with_capacity(self.keys.len());
        while let Some(mut key) = self.keys.pop() {
            if self.keys.len() >= sealing {
                key.open_until = successor.map(|begin| begin.saturating_add(after));
            }
            // Where a key is left out, the one before it must reach to the same successor.
            let reaches = |(end, begin)| end >= begin;
            if key.open_until.zip(successor).is_none_or(reaches) {
                successor = Some(key.not_before);
                kept.push(key);
            }
        }
        kept.reverse();
        self.keys = kept;
    }

    /// Refuses a key that was revoked, or that is there already.
    pub(super) fn refuse_known(&self, kid: Kid) -> Result<(), KeyRingError> {
        if self.revoked.iter().any(|revoked| revoked.kid == kid) {
            return Err(refused(format!(
                "key {kid} was revoked and cannot come back; make another key"
            )));
        }
        match self.keys.iter().any(|key| key.kid == kid) {
            true => Err(refused(format!(
                "key {kid} is in the ring already; nothing is to be done"
            ))),
            false => Ok(()),
        }
    }

    /// The place of the key `kid`, if it is there and not revoked.
    pub(super) fn position(&self, kid: Kid) -> Result<usize, KeyRingError> {
        if let Some(position) = self.keys.iter().position(|key| key.kid == kid) {
            return Ok(position);
        }
        Err(
            match self.revoked.iter().any(|revoked| revoked.kid == kid) {
                true => refused(format!(
                    "key {kid} is revoked already; nothing is to be done"
                )),
                false => refused(format!(
                    "key {kid} is not in the ring; `sessionctl key show` lists those that are"
                )),
            },
        )
    }
}

/// The ring does not allow this change.
pub(super) fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> KeyRingError {
    KeyRingError::new(KeyRingErrorKind::Refused, message)
}

fn not_a_file() -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::NotAFile,
        "the machine key is not in a ring file and cannot be changed in place; to rotate it, \
         deploy it twice: with the new key behind the old one, and then with the new one first",
    )
}
