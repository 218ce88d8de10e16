//! Which key seals and which keys open, at a given time.

use std::cmp::Ordering;
use std::time::Duration;

use super::key::Kid;
use crate::cause::Cause;
use crate::clock::Timestamp;

/// How far the clocks of a farm may be apart.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);

/// What a key does at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Opens and does not seal: its time has not come, or the source names it for opening only.
    Pending,
    /// Opens, and is the one key that seals.
    Active,
    /// Has a successor, and opens until its `open_until`.
    Retired,
    /// Opens nothing.
    Revoked,
}

/// A key of the ring as it stands at a given time, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// The key's id.
    pub kid: Kid,
    /// What the key does.
    pub state: KeyState,
    /// When the key starts to seal; none for a revoked key.
    pub not_before: Option<Timestamp>,
    /// When the key stops to open, if that is known.
    pub open_until: Option<Timestamp>,
    /// When the key was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

/// A key, or something derived from it, with its dates.
pub(super) struct Scheduled<T> {
    pub(super) kid: Kid,
    pub(super) not_before: Timestamp,
    pub(super) open_until: Option<Timestamp>,
    pub(super) key: T,
}

impl<T> Scheduled<T> {
    fn opens(&self, now: Timestamp) -> bool {
        self.open_until.is_none_or(|end| now < end)
    }

    fn map<U>(&self, derive: &impl Fn(&T) -> U) -> Scheduled<U> {
        Scheduled {
            kid: self.kid,
            not_before: self.not_before,
            open_until: self.open_until,
            key: derive(&self.key),
        }
    }
}

/// The keys of a ring in the order in which they seal, and the ids of those that are revoked.
pub(super) struct Schedule<T> {
    /// Seals when no other does: on a clock that lags behind a new ring.
    oldest: Scheduled<T>,
    newer: Vec<Scheduled<T>>,
    revoked: Vec<Kid>,
}

impl<T> Schedule<T> {
    /// `newer` stands in ascending order of `not_before`.
    pub(super) fn new(oldest: Scheduled<T>, newer: Vec<Scheduled<T>>, revoked: Vec<Kid>) -> Self {
        Self {
            oldest,
            newer,
            revoked,
        }
    }

    /// The same dates over something derived from every key.
    pub(super) fn map<U>(&self, derive: impl Fn(&T) -> U) -> Schedule<U> {
        Schedule {
            oldest: self.oldest.map(&derive),
            newer: self.newer.iter().map(|key| key.map(&derive)).collect(),
            revoked: self.revoked.clone(),
        }
    }

    /// The one key that seals at `now`: the newest whose time has come.
    pub(super) fn sealing(&self, now: Timestamp) -> &Scheduled<T> {
        let newest = self.newer.iter().rev().find(|key| key.not_before <= now);
        newest.unwrap_or(&self.oldest)
    }

    /// The key `kid`, if it opens at `now`.
    pub(super) fn opening(&self, kid: Kid, now: Timestamp) -> Result<&Scheduled<T>, Cause> {
        match self.keys().find(|key| key.kid == kid) {
            Some(key) if key.opens(now) => Ok(key),
            Some(_) => Err(Cause::RetiredKey),
            None if self.revoked.contains(&kid) => Err(Cause::RevokedKey),
            None => Err(Cause::UnknownKey),
        }
    }

    /// The keys that are not revoked, oldest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Scheduled<T>> {
        std::iter::once(&self.oldest).chain(&self.newer)
    }

    pub(super) fn revoked(&self) -> &[Kid] {
        &self.revoked
    }

    /// Every key but the revoked ones, and what it does at `now`.
    pub(super) fn status(&self, now: Timestamp) -> impl Iterator<Item = KeyStatus> {
        let active = self.sealing(now);
        self.keys().map(|key| KeyStatus {
            kid: key.kid,
            state: match key.not_before.cmp(&active.not_before) {
                _ if key.kid == active.kid => KeyState::Active,
                Ordering::Greater => KeyState::Pending,
                Ordering::Equal | Ordering::Less => KeyState::Retired,
            },
            not_before: Some(key.not_before),
            open_until: key.open_until,
            revoked: None,
        })
    }
}
