//! [`Rotation`]: a new key takes over from the one that seals, or joins those that open.

use std::cmp::Ordering;
use std::time::Duration;

use super::change::refused;
use super::dates::{format_date, whole_seconds};
use super::error::KeyRingError;
use super::key::{Kid, MachineKey};
use super::key_ring::KeyRing;
use super::ring::{RingKey, RingParts};
use super::schedule::{KeyStatus, SKEW, Scheduled};
use crate::clock::Timestamp;

/// The shortest time in which a farm can be trusted to have read the ring.
const LEAST: Duration = Duration::from_secs(60 * 60);

/// How often every process shall have had the chance to read the ring.
const READINGS: u32 = 10;

/// One key for each second: which one seals must be the same on every node.
const SECOND: Duration = Duration::from_secs(1);

/// When the new key of a rotation starts to seal. Until then every process must have read the
/// ring, or it meets cookies that it cannot verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    delay: Duration,
}

impl Rotation {
    /// For processes that read the ring every `refresh` (this library's do so every minute): the
    /// new key seals after ten times that, and at least an hour.
    #[must_use]
    pub fn gradual(refresh: Duration) -> Self {
        Self::after(refresh.saturating_mul(READINGS).max(LEAST))
    }

    /// The new key seals after `delay`, to the second. For those who see to it that every
    /// process reads the ring by then.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self { delay }
    }

    /// The new key seals from now on: for emergencies. A process that meets it in a cookie reads
    /// the ring at once, but not more often than every five seconds, and a few requests may be
    /// answered 503 meanwhile. A pending key stays, and takes over when its time comes.
    #[must_use]
    pub fn at_once() -> Self {
        Self::after(Duration::ZERO)
    }
}

impl KeyRing {
    /// Adds a fresh key to the ring file, and uses the new ring. Sessions and sealed data of the
    /// older keys stay good for the ring's longest lifetime. Gives the new key. Blocks on the
    /// file system.
    ///
    /// The file is replaced in one step and keeps its owner and its mode; its epoch grows by
    /// one. Other processes have the key when they read the ring again.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::refresh`]. Also when the ring did not come from a file
    /// ([`KeyRingErrorKind::NotAFile`](super::KeyRingErrorKind::NotAFile)), cannot be written, or
    /// another process holds its lock. The file and the ring in use then stay as they were.
    pub fn rotate(&self, rotation: Rotation) -> Result<KeyStatus, KeyRingError> {
        self.rotate_to(MachineKey::generate()?, rotation)
    }

    /// As [`KeyRing::rotate`], with a key that was made elsewhere.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::rotate`], or the ring has the key already, or it was revoked
    /// ([`KeyRingErrorKind::Refused`](super::KeyRingErrorKind::Refused)).
    pub fn rotate_to(
        &self,
        key: MachineKey,
        rotation: Rotation,
    ) -> Result<KeyStatus, KeyRingError> {
        let kid = key.kid();
        let added = self.change(kid, |parts, now| {
            parts.refuse_known(kid)?;
            parts.succeed(key, now, rotation.delay);
            Ok(())
        })?;
        let not_before = added.not_before.map(format_date);
        tracing::info!(path = %self.source(), %kid, not_before, "added a key to the ring");
        Ok(added)
    }

    /// Lets the key `kid`, which seals now, hand over at once to the key that waits to succeed
    /// it. It opens for the ring's longest lifetime from now on. Gives what became of `kid`.
    ///
    /// What [`Rotation::at_once`] says of processes that have not read the ring yet is true here
    /// if the successor was added a moment ago.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::rotate`], or the key is not the one that seals, or no key waits to succeed
    /// it ([`KeyRingErrorKind::Refused`](super::KeyRingErrorKind::Refused)).
    pub fn retire(&self, kid: Kid) -> Result<KeyStatus, KeyRingError> {
        let retired = self.change(kid, |parts, now| parts.hand_over(kid, now))?;
        tracing::info!(path = %self.source(), %kid, "retired a key of the ring");
        Ok(retired)
    }

    /// Adds a key that was made elsewhere and opens only, for the ring's longest lifetime from
    /// now on: for sessions and sealed data that were made with it. Gives the new key. For a key
    /// that shall seal there is [`KeyRing::rotate_to`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::rotate_to`].
    pub fn add(&self, key: MachineKey) -> Result<KeyStatus, KeyRingError> {
        let kid = key.kid();
        let added = self.change(kid, |parts, now| {
            parts.refuse_known(kid)?;
            parts.precede(key, now);
            Ok(())
        })?;
        tracing::info!(path = %self.source(), %kid, "added a key that opens to the ring");
        Ok(added)
    }
}

impl RingParts {
    /// Adds `key` so that it seals after `delay`, and dates the keys before it.
    pub(super) fn succeed(&mut self, key: MachineKey, now: Timestamp, delay: Duration) {
        let mut not_before = whole_seconds(now.saturating_add(delay));
        while self.keys.iter().any(|key| key.not_before == not_before) {
            not_before = not_before.saturating_add(SECOND);
        }
        self.keys.push(Scheduled {
            kid: key.kid(),
            not_before,
            open_until: None,
            key: RingKey {
                key,
                created: whole_seconds(now),
            },
        });
        self.keys.sort_by_key(|key| key.not_before);
        let successors: Vec<_> = self.keys.iter().skip(1).map(|key| key.not_before).collect();
        for (key, successor) in self.keys.iter_mut().zip(successors) {
            let end = successor.saturating_add(self.longest_lifetime + SKEW);
            key.open_until.get_or_insert(end);
        }
    }

    /// Puts `key` before all others, so that it has retired already.
    fn precede(&mut self, key: MachineKey, now: Timestamp) {
        let oldest = self.keys.iter().map(|key| key.not_before).min();
        let oldest = oldest.unwrap_or(now).min(now);
        let end = whole_seconds(now).saturating_add(SKEW.saturating_add(self.longest_lifetime));
        self.keys.push(Scheduled {
            kid: key.kid(),
            not_before: whole_seconds(oldest.saturating_sub(SECOND)),
            open_until: Some(end.max(oldest)),
            key: RingKey {
                key,
                created: whole_seconds(now),
            },
        });
        self.keys.sort_by_key(|key| key.not_before);
    }

    /// Lets the key after `kid`, which seals, seal from now on.
    fn hand_over(&mut self, kid: Kid, now: Timestamp) -> Result<(), KeyRingError> {
        self.keys.sort_by_key(|key| key.not_before);
        let (position, sealing) = (self.position(kid)?, self.sealing(now));
        match position.cmp(&sealing) {
            Ordering::Less => return Err(retired_already(kid)),
            Ordering::Greater => return Err(pending_still(kid)),
            Ordering::Equal => {}
        }
        let begun = self.keys[sealing].not_before;
        let Some(successor) = self.keys.get_mut(sealing + 1) else {
            return Err(without_successor(kid));
        };
        // Whoever comes next began later than this one, and still begins before all others.
        let earliest = begun.saturating_add(SECOND).max(whole_seconds(now));
        successor.not_before = successor.not_before.min(earliest);
        let end = successor
            .not_before
            .saturating_add(self.longest_lifetime + SKEW);
        self.keys[sealing].open_until = Some(end);
        Ok(())
    }
}

fn retired_already(kid: Kid) -> KeyRingError {
    refused(format!(
        "key {kid} has retired already; to end what it opens, revoke it"
    ))
}

fn pending_still(kid: Kid) -> KeyRingError {
    refused(format!(
        "key {kid} does not seal yet, so it cannot retire; if it must not be used, revoke it"
    ))
}

fn without_successor(kid: Kid) -> KeyRingError {
    refused(format!(
        "key {kid} is the one that seals, and no key waits to succeed it; rotate the ring first"
    ))
}

#[cfg(test)]
mod tests;
