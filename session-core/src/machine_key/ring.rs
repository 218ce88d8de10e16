//! [`Ring`]: the keys of an application at one moment.

use std::fmt;
use std::time::Duration;

use super::dates::format_date;
use super::error::{KeyRingError, KeyRingErrorKind};
use super::fingerprint::{Fingerprint, FingerprintKeys};
use super::key::{KeyText, Kid, MachineKey, Purpose};
use super::schedule::{KeyState, KeyStatus, SKEW, Schedule, Scheduled};
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::id::StoreKey;

/// A key of the ring, and when it was made.
pub(super) struct RingKey {
    pub(super) key: MachineKey,
    pub(super) created: Timestamp,
}

/// The trace of a revoked key, kept so that an old copy of the ring cannot bring it back.
#[derive(Clone, Copy)]
pub(super) struct Revoked {
    pub(super) kid: Kid,
    pub(super) since: Timestamp,
}

/// What a ring is made of, before its rules are checked.
pub(super) struct RingParts {
    pub(super) epoch: u64,
    pub(super) longest_lifetime: Duration,
    pub(super) keys: Vec<Scheduled<RingKey>>,
    pub(super) revoked: Vec<Revoked>,
}

/// An immutable snapshot of a key ring: which keys there are, which one seals and which ones
/// open at a given time.
///
/// Many keys open and exactly one seals, the same choice on every node. A key id selects one
/// key; nothing is ever tried with several.
pub struct Ring {
    epoch: u64,
    longest_lifetime: Option<Duration>,
    schedule: Schedule<RingKey>,
    revoked: Vec<Revoked>,
    digest: [u8; 32],
}

impl Ring {
    /// A ring with dates, as a ring file holds it.
    pub(super) fn dated(mut parts: RingParts, digest: [u8; 32]) -> Result<Self, KeyRingError> {
        parts.keys.sort_by_key(|key| key.not_before);
        refuse_duplicates(&parts)?;
        check_succession(&parts.keys)?;
        let mut keys = parts.keys.into_iter();
        let oldest = keys.next().ok_or_else(no_key)?;
        let kids = parts.revoked.iter().map(|revoked| revoked.kid).collect();
        Ok(Self {
            epoch: parts.epoch,
            longest_lifetime: Some(parts.longest_lifetime),
            schedule: Schedule::new(oldest, keys.collect(), kids),
            revoked: parts.revoked,
            digest,
        })
    }

    /// A ring without dates, as the environment gives it: `sealing` seals, the others only open.
    pub(super) fn undated(
        sealing: MachineKey,
        opening: Vec<MachineKey>,
    ) -> Result<Self, KeyRingError> {
        let kids: Vec<Kid> = opening.iter().map(MachineKey::kid).collect();
        if kids.contains(&sealing.kid()) {
            return Err(duplicate(sealing.kid()));
        }
        if let Some(kid) = first_duplicate(&kids) {
            return Err(duplicate(kid));
        }
        let opening = opening.into_iter().map(|key| always(key, Timestamp::MAX));
        Ok(Self {
            epoch: 0,
            longest_lifetime: None,
            schedule: Schedule::new(
                always(sealing, Timestamp::default()),
                opening.collect(),
                Vec::new(),
            ),
            revoked: Vec::new(),
            digest: [0; 32],
        })
    }

    /// The number of the ring's version: it grows with every change of a ring file, and is 0 for
    /// rings without dates (environment, inline tokens, ASP.NET pair).
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How long anything sealed may have to open, or `None` where no key retires by date.
    ///
    /// An application whose absolute timeout is longer must not start: a rotation would cut its
    /// sessions short.
    #[must_use]
    pub fn longest_lifetime(&self) -> Option<Duration> {
        self.longest_lifetime
    }

    /// Every key and what it does at `now`: oldest first, revoked ones last.
    #[must_use]
    pub fn keys(&self, now: Timestamp) -> Vec<KeyStatus> {
        let live = self.schedule.status(now);
        let revoked = self.revoked.iter().map(|revoked| KeyStatus {
            kid: revoked.kid,
            state: KeyState::Revoked,
            not_before: None,
            open_until: None,
            revoked: Some(revoked.since),
        });
        live.chain(revoked).collect()
    }

    /// The id of the key that seals at `now`.
    #[must_use]
    pub fn sealing_kid(&self, now: Timestamp) -> Kid {
        self.schedule.sealing(now).kid
    }

    /// Whether the key `kid` opens at `now`.
    ///
    /// # Errors
    ///
    /// [`Cause::UnknownKey`], [`Cause::RetiredKey`] or [`Cause::RevokedKey`].
    pub fn check_opening(&self, kid: Kid, now: Timestamp) -> Result<(), Cause> {
        self.schedule.opening(kid, now).map(|_| ())
    }

    /// The keys that open at `now` in their text form, the one that seals first: the ring as
    /// `SESSION_MACHINE_KEY` or `machine_key.keys` takes it. Whoever has one of them can forge
    /// sessions.
    #[must_use]
    pub fn export(&self, now: Timestamp) -> Vec<KeyText> {
        let sealing = self.schedule.sealing(now);
        let opens = |key: &&Scheduled<RingKey>| {
            key.kid != sealing.kid && self.check_opening(key.kid, now).is_ok()
        };
        let others = self.live().filter(opens);
        let keys = std::iter::once(sealing).chain(others);
        keys.map(|key| key.key.key.to_text()).collect()
    }

    /// The fingerprint of a session of `app`, as logs show it at `now`.
    #[must_use]
    pub fn fingerprint(&self, app: &str, session: &StoreKey, now: Timestamp) -> Fingerprint {
        FingerprintKeys::derive(self, app).fingerprint(session, now)
    }

    /// The same schedule over `make(K(purpose))` of every key.
    pub(super) fn derive<T>(
        &self,
        purpose: &Purpose<'_>,
        make: impl Fn(&[u8; 64]) -> T,
    ) -> Schedule<T> {
        self.schedule.map(|key| make(&key.key.derive(purpose)))
    }

    /// The ids of the keys that open nothing any more.
    pub(super) fn revoked_kids(&self) -> &[Kid] {
        self.schedule.revoked()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Scheduled<RingKey>> {
        self.schedule.keys()
    }

    #[cfg(test)]
    pub(super) fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// SHA-256 of the ring file that this ring was read from.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Refuses a ring that cannot be used at `now`: one with no key whose time has come, or with
    /// a weak key.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), KeyRingError> {
        let first = self.schedule.sealing(now).not_before;
        if first > now.saturating_add(SKEW) {
            return Err(invalid(format!(
                "no key seals before {}, and it is {}; set this machine's clock right",
                format_date(first),
                format_date(now)
            )));
        }
        for key in self.live() {
            let kid = key.kid;
            let judged = key.key.key.refuse_weak();
            judged.map_err(|error| error.within(format_args!("key {kid}")))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<Kid> = self.live().map(|key| key.kid).collect();
        f.debug_struct("Ring")
            .field("epoch", &self.epoch)
            .field("keys", &kids)
            .field("revoked", &self.schedule.revoked())
            .finish_non_exhaustive()
    }
}

fn always(key: MachineKey, not_before: Timestamp) -> Scheduled<RingKey> {
    let created = Timestamp::default();
    Scheduled {
        kid: key.kid(),
        not_before,
        open_until: None,
        key: RingKey { key, created },
    }
}

fn refuse_duplicates(parts: &RingParts) -> Result<(), KeyRingError> {
    let live = parts.keys.iter().map(|key| key.kid);
    let revoked = parts.revoked.iter().map(|revoked| revoked.kid);
    let kids: Vec<Kid> = live.chain(revoked).collect();
    first_duplicate(&kids).map_or(Ok(()), |kid| Err(duplicate(kid)))
}

fn first_duplicate(kids: &[Kid]) -> Option<Kid> {
    let repeated = |(position, kid): &(usize, &Kid)| kids[..*position].contains(*kid);
    kids.iter().enumerate().find(repeated).map(|(_, kid)| *kid)
}

/// Every key hands over to the next one, and opens at least until that one seals.
fn check_succession(keys: &[Scheduled<RingKey>]) -> Result<(), KeyRingError> {
    for pair in keys.windows(2) {
        let (kid, successor) = (pair[0].kid, pair[1].kid);
        if pair[0].not_before == pair[1].not_before {
            return Err(invalid(format!(
                "keys {kid} and {successor} have the same not_before, so it is open which one seals"
            )));
        }
        match pair[0].open_until {
            None => {
                return Err(invalid(format!(
                    "key {kid} has a successor and needs open_until or revoked"
                )));
            }
            Some(end) if end < pair[1].not_before => {
                return Err(invalid(format!(
                    "key {kid} stops to open before its successor {successor} seals"
                )));
            }
            Some(_) => {}
        }
    }
    match keys.last() {
        Some(newest) if newest.open_until.is_some() => Err(invalid(format!(
            "key {} has open_until and no successor; add a key before retiring the last one",
            newest.kid
        ))),
        _ => Ok(()),
    }
}

fn no_key() -> KeyRingError {
    invalid("no key that seals is in it")
}

fn duplicate(kid: Kid) -> KeyRingError {
    invalid(format!("key {kid} is in it twice"))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> KeyRingError {
    KeyRingError::new(KeyRingErrorKind::Invalid, message)
}
