//! A ring and the farm's row: do they belong together?

use std::cmp::Ordering;
use std::fmt;

use super::row::FleetRow;
use crate::clock::Timestamp;
use crate::machine_key::key::Kid;
use crate::machine_key::ring::{Ring, RingKey};
use crate::machine_key::schedule::{SKEW, Scheduled};

/// What a ring is to its farm's [`FleetRow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// They are the same.
    InStep,
    /// The ring has what the row does not say yet: the row is to be written.
    RingIsNewer,
    /// Two rings without epochs that work together and list different keys, as halfway through
    /// a deployment. Neither is newer.
    OtherList,
    /// The row is of a newer ring, whose sealing key this one holds: the ring is to be read
    /// again.
    RowIsNewer,
    /// The row shares a key with the ring, but the ring lacks the key that the farm seals with.
    Lagging,
    /// They are not of one farm.
    Drift(Difference),
}

/// Why a ring is not its farm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The ring does not hold the key that the farm seals with.
    SealingKey,
    /// A key that both have does not confirm the row.
    Tag(Kid),
    /// The same epoch, and other keys.
    Keys,
    /// The farm has revoked the key that this ring seals with.
    Revoked(Kid),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SealingKey => f.write_str("this ring lacks the key that the fleet seals with"),
            Self::Tag(kid) => write!(
                f,
                "the row's proof for key {kid} does not fit, so somebody else wrote it"
            ),
            Self::Keys => f.write_str("the epoch is the same and the keys are not"),
            Self::Revoked(kid) => {
                write!(
                    f,
                    "the fleet has revoked key {kid}, with which this ring seals"
                )
            }
        }
    }
}

/// Compares `ring` with the row of `app`, at `now`.
pub(crate) fn judge(ring: &Ring, app: &str, row: &FleetRow, now: Timestamp) -> Verdict {
    let mut held = Vec::new();
    for key in ring.live() {
        match row.is_proved_by(key, app) {
            None => {}
            Some(true) => held.push(key.kid),
            Some(false) => return Verdict::Drift(Difference::Tag(key.kid)),
        }
    }
    let holds_sealing = held.contains(&row.sealing);
    match ring.epoch().cmp(&row.epoch) {
        Ordering::Equal if ring.epoch() == 0 && holds_sealing => by_list(ring, row, now),
        Ordering::Equal if ring.epoch() == 0 => lacking(&held),
        Ordering::Equal => of_one_epoch(ring, row, now),
        Ordering::Less if row.revokes(ring.sealing_kid(now)) => {
            Verdict::Drift(Difference::Revoked(ring.sealing_kid(now)))
        }
        Ordering::Less if holds_sealing => Verdict::RowIsNewer,
        Ordering::Less => lacking(&held),
        // A key that was revoked in an emergency left no secret to check the row with.
        Ordering::Greater if holds_sealing || ring.revoked_kids().contains(&row.sealing) => {
            Verdict::RingIsNewer
        }
        Ordering::Greater => Verdict::Drift(Difference::SealingKey),
    }
}

/// A ring without the farm's sealing key, which holds some of its others or none.
fn lacking(held: &[Kid]) -> Verdict {
    match held {
        [] => Verdict::Drift(Difference::SealingKey),
        _ => Verdict::Lagging,
    }
}

/// Rings without epochs have no order, so none of them is newer.
fn by_list(ring: &Ring, row: &FleetRow, now: Timestamp) -> Verdict {
    let same = ring.sealing_kid(now) == row.sealing
        && ring.live().all(|key| row.lists(key.kid))
        && ring.live().count() == row.opening.len();
    if same {
        Verdict::InStep
    } else {
        Verdict::OtherList
    }
}

fn of_one_epoch(ring: &Ring, row: &FleetRow, now: Timestamp) -> Verdict {
    if !has_same_keys(ring, row, now) {
        return Verdict::Drift(Difference::Keys);
    }
    let begins = |kid| position(ring, kid);
    // A pending key has become the sealing one since the row was written.
    if begins(ring.sealing_kid(now)) > begins(row.sealing) {
        Verdict::RingIsNewer
    } else {
        Verdict::InStep
    }
}

/// Whether ring and row have the same keys. A retired key may be missing in the row, which was
/// written when it no longer opened.
fn has_same_keys(ring: &Ring, row: &FleetRow, now: Timestamp) -> bool {
    let at_end = now.saturating_add(SKEW);
    let has_ended = |key: &Scheduled<RingKey>| key.open_until.is_some_and(|end| end <= at_end);
    let revoked = ring.revoked_kids();
    row.kids().all(|kid| position(ring, kid).is_some())
        && ring.live().all(|key| row.lists(key.kid) || has_ended(key))
        && revoked.len() == row.revoked.len()
        && revoked.iter().all(|kid| row.revokes(*kid))
}

/// The key's place in the order in which the ring's keys seal.
fn position(ring: &Ring, kid: Kid) -> Option<usize> {
    ring.live().position(|key| key.kid == kid)
}

#[cfg(test)]
mod tests;
