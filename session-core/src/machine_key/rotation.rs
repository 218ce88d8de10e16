//! [`Rotation`]: a new key takes over from the one that seals.

use std::time::Duration;

use super::create::replaced;
use super::dates::{format_date, whole_seconds};
use super::error::{KeyRingError, KeyRingErrorKind};
use super::file;
use super::key::MachineKey;
use super::key_ring::{KeyRing, Source, admitted, outdated};
use super::replace::replace;
use super::ring::{RingKey, RingParts};
use super::schedule::{KeyStatus, SKEW, Scheduled};
use crate::clock::Timestamp;

/// The shortest time in which a farm can be trusted to have read the ring.
const LEAST: Duration = Duration::from_secs(60 * 60);

/// How often every process shall have had the chance to read the ring.
const READINGS: u32 = 10;

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
    /// Adds a key to the ring file, and uses the new ring. Sessions and sealed data of the older
    /// keys stay good for the ring's longest lifetime. Gives the new key. Blocks on the file
    /// system.
    ///
    /// The file is replaced in one step and keeps its owner and its mode; its epoch grows by
    /// one. Other processes have the key when they read the ring again.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::refresh`]. Also when the ring did not come from a file
    /// ([`KeyRingErrorKind::NotAFile`]), cannot be written, or another process holds its lock.
    /// The file and the ring in use then stay as they were.
    pub fn rotate(&self, rotation: Rotation) -> Result<KeyStatus, KeyRingError> {
        let Source::File {
            path,
            world_readable,
        } = self.origin()
        else {
            return Err(not_a_file());
        };
        let key = MachineKey::generate()?;
        let kid = key.kid();
        let now = self.now();
        replace(path, *world_readable, |old| {
            let (mut parts, _) = file::read(old)?;
            let ring = admitted(path, old, now)?;
            let current = self.snapshot();
            if ring.epoch() < current.epoch() {
                return Err(outdated(path, &ring, &current));
            }
            parts.succeed(key, now, rotation.delay);
            let new = file::render(&parts);
            admitted(path, new.as_bytes(), now).map(|_| new)
        })?;
        self.refresh()?;
        let ring = self.snapshot();
        let added = ring.keys(now).into_iter().find(|status| status.kid == kid);
        let added = added.ok_or_else(|| replaced(path))?;
        let not_before = added.not_before.map(format_date);
        tracing::info!(path = %path.display(), %kid, not_before, "added a key to the ring");
        Ok(added)
    }
}

impl RingParts {
    /// Adds `key` so that it seals after `delay`, and dates the keys before it.
    fn succeed(&mut self, key: MachineKey, now: Timestamp, delay: Duration) {
        let mut not_before = whole_seconds(now.saturating_add(delay));
        // One key for each second: which one seals must be the same on every node.
        while self.keys.iter().any(|key| key.not_before == not_before) {
            not_before = not_before.saturating_add(Duration::from_secs(1));
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
        self.epoch += 1;
    }
}

fn not_a_file() -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::NotAFile,
        "the machine key is not in a ring file and cannot be rotated in place; deploy it twice: \
         with the new key behind the old one, and then with the new one first",
    )
}

#[cfg(test)]
mod tests;
