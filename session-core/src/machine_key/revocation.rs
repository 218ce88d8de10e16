//! Revoking a key of a ring file: from then on it opens nothing, and its secret is gone.

use std::time::Duration;

use super::change::refused;
use super::dates::whole_seconds;
use super::error::KeyRingError;
use super::key::{Kid, MachineKey};
use super::key_ring::KeyRing;
use super::ring::{Revoked, RingParts};
use super::schedule::KeyStatus;
use crate::clock::Timestamp;

impl KeyRing {
    /// Revokes the key `kid` in the ring file: whoever has its secret can open and forge nothing
    /// any more, and neither can its rightful users. Every session whose cookie it signed ends,
    /// and what it sealed is lost. Gives what became of the key. Blocks on the file system.
    ///
    /// The secret goes, and the key id stays with the date, so that an older copy of the ring
    /// cannot bring the key back. Other processes obey when they read the ring again, which is
    /// once a minute. Otherwise as [`KeyRing::rotate`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::rotate`]. Also
    /// [`KeyRingErrorKind::Refused`](super::KeyRingErrorKind::Refused) if the ring has no such
    /// key, or it is revoked already, or it is the one that seals: rotate first, or
    /// [revoke and rotate](KeyRing::revoke_and_rotate).
    pub fn revoke(&self, kid: Kid) -> Result<KeyStatus, KeyRingError> {
        self.revoke_with(kid, None)
    }

    /// As [`KeyRing::revoke`]; if the key is the one that seals, a fresh key takes its place at
    /// once.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::revoke`], but for the key that seals.
    pub fn revoke_and_rotate(&self, kid: Kid) -> Result<KeyStatus, KeyRingError> {
        self.revoke_with(kid, Some(MachineKey::generate()?))
    }

    fn revoke_with(
        &self,
        kid: Kid,
        successor: Option<MachineKey>,
    ) -> Result<KeyStatus, KeyRingError> {
        let revoked = self.change(kid, |parts, now| parts.revoke(kid, now, successor))?;
        tracing::warn!(path = %self.source(), %kid, "revoked a key of the ring");
        Ok(revoked)
    }
}

impl RingParts {
    fn revoke(
        &mut self,
        kid: Kid,
        now: Timestamp,
        successor: Option<MachineKey>,
    ) -> Result<(), KeyRingError> {
        self.keys.sort_by_key(|key| key.not_before);
        let position = self.position(kid)?;
        let seals = position == self.sealing(now);
        if seals && successor.is_none() {
            return Err(sealing(kid));
        }
        self.keys.remove(position);
        self.revoked.push(Revoked {
            kid,
            since: whole_seconds(now),
        });
        if let Some(key) = successor.filter(|_| seals) {
            self.succeed(key, now, Duration::ZERO);
        }
        self.date_again(now);
        Ok(())
    }
}

fn sealing(kid: Kid) -> KeyRingError {
    refused(format!(
        "key {kid} is the one that seals and cannot go without a successor; rotate the ring at \
         once first, or revoke and rotate in one step (`sessionctl key revoke --and-rotate`)"
    ))
}

#[cfg(test)]
mod tests;
